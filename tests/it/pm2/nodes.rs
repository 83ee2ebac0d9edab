//! Node's own: cluster mode, readiness, messages, actions.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Which worker answers, or nobody.
fn ask(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned())
}

const SERVER: &str = "const http = require('http');
http.createServer((_, answer) => answer.end(process.env.NODE_APP_INSTANCE)).listen(process.env.PORT, '127.0.0.1');
";

fn cluster(tool: &Tool, notes: &mut Notes) {
    tool.file("server.js", SERVER);
    // A port of its own for each tool: both run at the same time.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    tool.words(&["start", "server.js", "--name", "web", "-i", "2"])
        .env("PORT", free.to_string())
        .run();
    let mut seen = std::collections::BTreeSet::new();
    tool.wait("an answer of both workers", || {
        seen.extend(ask(free));
        seen.len() == 2
    });
    notes.put("workers", json!(seen));
    let modes = |tool: &Tool| {
        let list = tool.jlist();
        let one = |entry: &serde_json::Value| {
            let env = &entry["pm2_env"];
            json!([env["exec_mode"], env["status"], env["restart_time"], env["instances"]])
        };
        serde_json::Value::Array(list.iter().map(one).collect())
    };
    notes.put("started", modes(tool));
    notes.put("reload", tool.call("reload web").code);
    notes.put("reloaded", modes(tool));
    tool.wait("an answer after the reload", || ask(free).is_some());
    notes.put("scale", tool.call("scale web 3").code);
    notes.put("scaled", modes(tool));
    notes.put("stop", tool.call("stop web").code);
    notes.put("nobody listens", ask(free).is_none());
}

fn readiness(tool: &Tool, notes: &mut Notes) {
    tool.file(
        "ready.js",
        "setTimeout(() => process.send('ready'), 300);\nsetInterval(() => {}, 1e6);\n",
    );
    notes.put(
        "code",
        tool.call("start ready.js --name soon --wait-ready --listen-timeout 20000").code,
    );
    let entry = tool.entry("soon");
    notes.put("state", json!([entry["pm2_env"]["status"], entry["pm2_env"]["wait_ready"]]));
    notes.put("restart", tool.call("restart soon").code);
}

fn shutdown_by_message(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    tool.ok("start probe.js --name web --shutdown-with-message");
    tool.wait_lives(1);
    notes.put("stop", tool.call("stop web").code);
    notes.put("events", json!(tool.lives()[0].events));
}

fn exec_modes(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    tool.app("probe.py", "probe.py");
    for (key, line) in [
        ("node", "start probe.js"),
        ("node -i 1", "start probe.js -i 1"),
        ("node -i 2 -x", "start probe.js -i 2 -x"),
        ("python -i 2", "start probe.py -i 2"),
    ] {
        tool.ok(line);
        let list = tool.jlist();
        let modes: Vec<_> =
            list.iter().map(|entry| entry["pm2_env"]["exec_mode"].clone()).collect();
        notes.put(key, json!(modes));
        tool.ok("delete all");
    }
}

#[test]
fn node_side_by_side() {
    compare("node", &scenarios![cluster, readiness, shutdown_by_message, exec_modes]);
}
