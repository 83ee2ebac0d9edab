//! Logs as a file: an address that is asked for with a key, and good once without one.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use pm_testkit::Home;

use super::desk::{ask, audit, code, desk, key, request, value};

#[test]
fn s11_a_ticket_is_good_once_and_for_what_its_owner_may_see() {
    let home = Home::new();
    home.file(
        "apps.json5",
        "{ apps: [
            { name: 'web', script: 'sleep', args: '1000', out_file: 'web.log', error_file: 'web.err', log_type: 'raw' },
            { name: 'db', script: 'sleep', args: '1000', out_file: 'db.log', error_file: 'db.err' },
        ] }",
    );
    home.run(["start", "apps.json5"]).ok();
    // What was rotated and compressed, what was rotated, and what is written now.
    let log = |name: &str| home.work().join(name);
    let oldest = log("web__2026-01-01_00-00-01.log");
    fs::write(&oldest, "order 1 \x1b[31mred\x1b[0m\x1b[2J\nnothing\n").unwrap();
    assert!(Command::new("gzip").arg(&oldest).status().unwrap().success());
    fs::write(log("web__2026-01-01_00-00-02.log"), "order 2\n").unwrap();
    let filling = "x".repeat(40 << 10);
    fs::write(log("web.log"), format!("order 3 {filling}\n").repeat(400)).unwrap();
    let desk = desk(&home);
    let port = desk.port;
    let admin = key(&home, port, &[]);
    let guest = key(&home, port, &["--role", "viewer", "--apps", "db"]);
    let ticket = |query: &str, key: &str| {
        let told = ask(port, "POST", &format!("/api/logs/ticket?{query}"), key, "{}");
        assert_eq!(told.status, 200, "{}", told.text());
        format!("/{}", value(&told)["path"].as_str().unwrap())
    };
    let path = ticket("apps=web&stream=out&grep=order", &admin);
    let other = path.replace("/d/", "/d/x");
    assert_eq!(code(&ask(port, "GET", &other, "", "")), "no_ticket");
    let file = ask(port, "GET", &path, "", "");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"logs.txt\"");
    assert!(file.header("content-type").starts_with("text/plain"));
    assert!(file.header("content-security-policy").contains("default-src 'none'"));
    let text = file.text();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("order")).collect();
    assert!(lines[0].ends_with("order 1 red") && !text.contains('\x1b'), "{}", lines[0]);
    assert!(lines[1].ends_with("order 2") && !text.contains("nothing"));
    assert_eq!(lines.iter().filter(|line| line.contains(&filling)).count(), 400, "whole lines");
    // Once; and not by who has only heard of it, nor for what its owner does not see.
    assert_eq!((ask(port, "GET", &path, &admin, "").status), 404);
    assert!(!ask(port, "GET", &ticket("apps=web", &guest), "", "").text().contains("order"));
    for bad in ["grep=/(/", "stream=all", "since=x", "apps=id:x"] {
        let path = format!("/api/logs/ticket?{bad}");
        assert_eq!(ask(port, "POST", &path, &admin, "{}").status, 400, "{bad}");
    }
    assert_eq!(ask(port, "POST", "/api/logs/ticket", "", "{}").status, 401);
    // Who takes nothing keeps a few pieces waiting, and after four such the next is told so; who leaves makes room.
    let fetch = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request("GET", &ticket("apps=web", &admin), "", "").as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (String::from_utf8_lossy(&head[9..]).into_owned(), stream)
    };
    let slow: Vec<_> = (0..4).map(|_| fetch()).collect();
    assert!(slow.iter().all(|(status, _)| status == "200"));
    assert_eq!(fetch().0, "503");
    drop(slow);
    home.wait_until("there is room again", || fetch().0 == "200");
    let lines = audit(&home);
    assert!(lines.iter().any(|it| it["deed"] == serde_json::json!(["pm", "logs", "web"])));
}
