"""The shop window: GET / shows the orders, POST /orders takes one (its body is the item), GET /health says whether it is well."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import shop


class Customer(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            shop.ask("SELECT 1", patience=3.0)
            return self.answer(200, {"well": True})
        orders = [{"id": i, "item": item, "state": s} for i, item, s in shop.ask("SELECT * FROM orders")]
        return self.answer(200, {"orders": orders, "tip": shop.ask("SELECT item FROM tips")})

    def do_POST(self):
        item = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        shop.ask("INSERT INTO orders (item, state) VALUES (?, 'ordered')", item)
        return self.answer(201, {"ordered": item})

    def answer(self, status, body):
        text = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


shop.goes_when_asked()
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Customer).serve_forever()
