"""The database: SQLite behind a Unix socket, one line of JSON for each question and each answer."""

import json
import os
import socketserver
import sqlite3

import shop


class Visitor(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            question = json.loads(line)
            try:
                with store:
                    answer = {"rows": store.execute(question["sql"], question["values"]).fetchall()}
            except sqlite3.Error as error:
                answer = {"error": str(error)}
            self.wfile.write(json.dumps(answer).encode() + b"\n")


shop.goes_when_asked()
store = sqlite3.connect("shop.db")
if os.path.exists("db.sock"):
    os.unlink("db.sock")
with socketserver.UnixStreamServer("db.sock", Visitor) as server:
    print("open", flush=True)
    server.serve_forever()
