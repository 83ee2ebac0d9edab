//! A panel of a test, and people who come to it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use pm_testkit::{Home, Invocation, Running};
use serde_json::{Value, json};

use crate::http::{Answer, raw};

/// A panel in the foreground of a test, on a port of its own.
pub(super) struct Desk {
    pub(super) running: Running,
    pub(super) port: u16,
}

/// The panel of this home.
pub(super) fn desk(home: &Home) -> Desk {
    desk_of(home.pm(["web", "--foreground", "--listen", "127.0.0.1:0"]))
}

pub(super) fn desk_of(call: Invocation) -> Desk {
    let mut running = call.background();
    let told = running.wait_for("\n");
    let port = told.trim().rsplit(':').next().unwrap().parse().unwrap_or(0);
    Desk { running, port }
}

/// The secret of a new link, made with these words.
pub(super) fn link(home: &Home, words: &[&str]) -> String {
    let url = home.run([&["web", "link"], words].concat()).ok().out();
    url.trim().split_once("#link=").unwrap().1.to_owned()
}

/// The key of whoever uses a new link.
pub(super) fn key(home: &Home, port: u16, words: &[&str]) -> String {
    let answer = sign_in(port, &json!({ "link": link(home, words) }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    value(&answer)["key"].as_str().unwrap().to_owned()
}

pub(super) fn sign_in(port: u16, with: &Value) -> Answer {
    ask(port, "POST", "/api/session", "", &with.to_string())
}

/// One request as our own page sends it.
pub(super) fn ask(port: u16, method: &str, path: &str, key: &str, body: &str) -> Answer {
    raw(port, &request(method, path, key, body))
}

pub(super) fn request(method: &str, path: &str, key: &str, body: &str) -> String {
    let key =
        if key.is_empty() { String::new() } else { format!("Authorization: Bearer {key}\r\n") };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost:9616\r\nConnection: close\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request whose answer has no end: its status, and the connection.
pub(super) fn begin(port: u16, request: &str) -> (u16, TcpStream) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), stream)
}

pub(super) fn value(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.text()))
}

/// What can be asked, of the panel's own document: method, path with `{}`, role and deed.
pub(super) fn routes(port: u16, key: &str) -> Vec<Value> {
    let document = value(&ask(port, "GET", "/api/openapi.json", key, ""));
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        // Who signs in has no role yet.
        for (method, told) in
            methods.as_object().unwrap().iter().filter(|it| it.1["x-role"].is_string())
        {
            let (method, path) = (method.to_uppercase(), path.replace("{id}", "{}"));
            let (role, deed) = (&told["x-role"], &told["x-deed"]);
            routes.push(json!({ "method": method, "path": path, "role": role, "deed": deed }));
        }
    }
    routes
}

/// The code of a refusal.
pub(super) fn code(answer: &Answer) -> String {
    value(answer)["code"].as_str().unwrap_or_default().to_owned()
}

/// The lines of the audit so far.
pub(super) fn audit(home: &Home) -> Vec<Value> {
    let text = std::fs::read_to_string(state(home).join("audit.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Where the panel keeps what it knows.
pub(super) fn state(home: &Home) -> PathBuf {
    home.home().root().join("web")
}
