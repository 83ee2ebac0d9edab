//! Folders served over HTTP: what a browser is answered.

use std::io::{Read, Write};
use std::net::TcpStream;

use pm_testkit::free_port;
use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Status and body, or nothing where nobody listens.
fn ask(port: u16, path: &str, header: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n{header}\r\n").ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn folder(tool: &Tool) {
    tool.file("site/index.html", "home\n");
    tool.file("site/other.html", "other home\n");
    tool.file("site/app.js", "run()\n");
    tool.file("site/docs/a b.txt", "text\n");
    tool.file("secret", "secret\n");
}

/// Waits for an answer, then notes one for each path: the status, and the body where it is a page of ours.
fn answers(tool: &Tool, notes: &mut Notes, key: &str, (port, header): (u16, &str)) {
    tool.wait("an answer", || ask(port, "/", header).is_some());
    for path in ["/", "/app.js", "/docs/a%20b.txt", "/nosuch", "/nosuch/deep", "/%2e%2e/secret"] {
        let (status, body) = ask(port, path, header).unwrap();
        let body = if status == 200 { body } else { String::new() };
        let is_secret = body.contains("secret");
        assert!(!is_secret, "{}: {path} leads out of the folder", tool.name);
        notes.put(&format!("{key} {path}"), json!([status, body.trim_end()]));
    }
}

fn served(tool: &Tool, notes: &mut Notes) {
    folder(tool);
    let port = free_port();
    notes.put("code", tool.call(&format!("serve site {port}")).code);
    let entry = tool.entry(&format!("static-page-server-{port}"));
    notes.put("status", entry["pm2_env"]["status"].clone());
    notes.put("cwd", tool.neutral(entry["pm2_env"]["pm_cwd"].as_str().unwrap()));
    answers(tool, notes, "plain", (port, ""));
    tool.ok("delete all");
    let port = free_port();
    let flags = "--spa --name web --basic-auth-username ann --basic-auth-password open";
    notes.put("flags: code", tool.call(&format!("expose site {port} {flags}")).code);
    notes.put("flags: name", tool.entry("web")["name"].clone());
    // ann:open
    answers(tool, notes, "flags", (port, "Authorization: Basic YW5uOm9wZW4=\r\n"));
    notes.put("no password", ask(port, "/", "").unwrap().0);
    let wrong = "Authorization: Basic YW5uOnNodXQ=\r\n";
    notes.put("wrong password", ask(port, "/", wrong).unwrap().0);
}

/// A server of a config, told by variables.
fn variables(tool: &Tool, notes: &mut Notes) {
    folder(tool);
    let start = |name: &str, more: &Value| {
        let port = free_port();
        let mut env = json!({
            "PM2_SERVE_PATH": tool.work().join("site"), "PM2_SERVE_PORT": port,
            "PM2_SERVE_HOST": "127.0.0.1",
        });
        for (key, value) in more.as_object().unwrap() {
            env[key] = value.clone();
        }
        let app = json!({ "name": name, "script": "serve", "env": env });
        tool.file("one.json", &json!({ "apps": [app] }).to_string());
        tool.ok("start one.json");
        port
    };
    let port = start("plain", &json!({}));
    answers(tool, notes, "plain", (port, ""));
    let more = json!({ "PM2_SERVE_SPA": "true", "PM2_SERVE_HOMEPAGE": "/other.html" });
    answers(tool, notes, "spa", (start("spa", &more), ""));
    let port = start("ftp", &json!({ "PM2_SERVE_FTP": "true" }));
    answers(tool, notes, "ftp", (port, ""));
    let (status, body) = ask(port, "/docs/", "").unwrap();
    notes.put("listing", json!([status, body.contains("a b.txt"), body.contains("href=")]));
    let more = json!({
        "PM2_SERVE_BASIC_AUTH": "true", "PM2_SERVE_BASIC_AUTH_USERNAME": "ann",
        "PM2_SERVE_BASIC_AUTH_PASSWORD": "open",
    });
    let port = start("login", &more);
    tool.wait("an answer", || ask(port, "/", "").is_some());
    notes.put("no password", ask(port, "/", "").unwrap().0);
    answers(tool, notes, "login", (port, "Authorization: Basic YW5uOm9wZW4=\r\n"));
}

#[test]
fn servers_side_by_side() {
    compare("servers", &scenarios![served, variables]);
}
