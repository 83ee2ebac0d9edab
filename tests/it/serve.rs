//! `pm serve`: a folder over HTTP, looked at through real requests.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;

use pm_testkit::{Home, Running, free_port};

use crate::http::{Answer, raw};

fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    raw(port, &head)
}

fn get(port: u16, path: &str) -> Answer {
    ask(port, "GET", path, &[])
}

/// A folder with a page, a script, a folder and a secret beside it.
fn folder(home: &Home) {
    home.file("site/index.html", "<h1>home</h1>");
    home.file("site/app.js", "run()");
    home.file("site/docs/a b.txt", "0123456789");
    home.file("site/.env", "TOKEN=1");
    home.file("secret", "secret");
}

/// The file server itself, on a free port.
fn files(home: &Home, set: &[(&str, &str)]) -> (Running, u16) {
    folder(home);
    let call = home.pm(["serve-files"]).env("PM2_SERVE_PATH", home.work().join("site"));
    let call = call.env("PM2_SERVE_PORT", "0").env("PM2_SERVE_HOST", "127.0.0.1");
    let call = set.iter().fold(call, |call, (name, value)| call.env(name, value));
    let mut running = call.background();
    let told = running.wait_for("\n");
    let address = told.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    (running, port)
}

#[test]
fn a_folder_is_served_as_an_app() {
    let home = Home::new();
    folder(&home);
    let port = free_port();
    let port_word = port.to_string();
    home.run(["serve", "site", &port_word, "--host", "127.0.0.1"]).ok();
    let name = format!("static-page-server-{port}");
    home.wait_status(&name, "online");
    home.wait_until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    assert_eq!(get(port, "/").text(), "<h1>home</h1>");
    // The same again is refused, as any script that runs.
    home.run(["serve", "site", &port_word]).ends(1);
    home.run(["restart", &name]).ok();
    home.wait_until("it listens again", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    assert_eq!(get(port, "/app.js").text(), "run()");
    home.run(["expose", "site", "--name", "docs", "--port", &port_word])
        .ends(1)
        .complains("in use");
    home.run(["delete", "all"]).ok();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens any more");
}

#[test]
fn mistakes_are_told_before_anything_is_started() {
    let home = Home::new();
    home.run(["serve", "nosuch"]).ends(2).complains("no such folder");
    home.run(["serve", ".", "99999"]).ends(2).complains("99999");
    home.run(["serve", ".", "--basic-auth-username", "ann"]).ends(2).complains("password");
    home.pm(["serve"]).env("PM2_SERVE_BASIC_AUTH", "true").run().ends(2).complains("USERNAME");
    home.pm(["serve"]).env("PM2_SERVE_PORT", "http").run().ends(2).complains("`http` is no port");
    assert!(home.rows().is_empty());
}

#[test]
fn pages_have_types_versions_and_parts() {
    let home = Home::new();
    let (_server, port) = files(&home, &[]);
    let page = get(port, "/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("access-control-allow-origin"), "*", "as PM2");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let text = get(port, "/docs/a%20b.txt");
    assert_eq!((text.status, text.text().as_str()), (200, "0123456789"));
    assert_eq!((text.header("content-length"), text.header("accept-ranges")), ("10", "bytes"));
    let head = ask(port, "HEAD", "/docs/a%20b.txt?x=1", &[]);
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "10", 0));
    for (name, value) in [
        ("If-None-Match", text.header("etag")),
        ("If-Modified-Since", text.header("last-modified")),
    ] {
        let again = ask(port, "GET", "/docs/a%20b.txt", &[(name, value)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{name}");
    }
    let piece = ask(port, "GET", "/docs/a%20b.txt", &[("Range", "bytes=2-4")]);
    assert_eq!((piece.status, piece.text().as_str()), (206, "234"));
    assert_eq!(piece.header("content-range"), "bytes 2-4/10");
    let none = ask(port, "GET", "/docs/a%20b.txt", &[("Range", "bytes=10-")]);
    assert_eq!((none.status, none.header("content-range")), (416, "bytes */10"));
    let refused = ask(port, "POST", "/", &[("Content-Length", "0")]);
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
}

#[test]
fn what_is_not_there_has_a_page_if_the_site_has_one() {
    let home = Home::new();
    let (_server, port) = files(&home, &[]);
    assert_eq!((get(port, "/nosuch").status, get(port, "/docs/").status), (404, 404));
    home.file("site/404.html", "<h1>lost</h1>");
    let lost = get(port, "/nosuch");
    assert_eq!((lost.status, lost.text().as_str()), (404, "<h1>lost</h1>"));
    assert_eq!(lost.header("content-type"), "text/html; charset=utf-8");
}

#[test]
fn nothing_leads_out_of_the_folder() {
    let home = Home::new();
    let (_server, port) = files(&home, &[("PM2_SERVE_FTP", "true")]);
    symlink("../secret", home.work().join("site/link")).unwrap();
    symlink("docs", home.work().join("site/inside")).unwrap();
    for path in ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/docs/../../secret", "/link"] {
        let answer = get(port, path);
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    assert_eq!(get(port, "/inside/a%20b.txt").status, 200, "a link that stays inside");
    for path in ["/.env", "/docs/../.env", "/%2eenv"] {
        assert_eq!(get(port, path).status, 404, "{path}");
    }
    assert_eq!(get(port, "/a%00b").status, 400);
    assert_eq!(raw(port, "GET\r\n\r\n").status, 400);
}

#[test]
fn a_folder_is_listed_when_asked_for() {
    let home = Home::new();
    let (_server, port) = files(&home, &[("PM2_SERVE_FTP", "true")]);
    home.file("site/docs/<b>&\".txt", "");
    let there = get(port, "/docs?x=1");
    assert_eq!((there.status, there.header("location")), (301, "/docs/?x=1"));
    let list = get(port, "/docs/");
    assert_eq!(list.status, 200);
    assert!(list.text().contains("href=\"./a%20b.txt\">a b.txt</a>"), "{}", list.text());
    assert!(list.text().contains("&lt;b&gt;&amp;&quot;.txt"), "{}", list.text());
    assert!(!list.text().contains("<b>"), "{}", list.text());
    assert_eq!(get(port, "/").text(), "<h1>home</h1>", "a folder with a page shows it");
    fs::remove_file(home.work().join("site/index.html")).unwrap();
    let list = get(port, "/").text();
    assert!(
        list.contains("docs/</a>") && !list.contains(".env") && !list.contains("../"),
        "{list}"
    );
}

#[test]
fn a_single_page_application_gets_its_page() {
    let home = Home::new();
    let set = [("PM2_SERVE_SPA", "true"), ("PM2_SERVE_HOMEPAGE", "/app.html")];
    let (_server, port) = files(&home, &set);
    home.file("site/app.html", "<h1>app</h1>");
    let page = get(port, "/users/7");
    assert_eq!((page.status, page.text().as_str()), (200, "<h1>app</h1>"));
    assert_eq!(get(port, "/").text(), "<h1>app</h1>");
    assert_eq!(get(port, "/users/app.js").text(), "run()", "a script asked for relative to it");
    assert_eq!(get(port, "/..%2fsecret").status, 403);
}

#[test]
fn a_password_is_asked_for_before_anything_is_told() {
    let home = Home::new();
    let set = [
        ("PM2_SERVE_BASIC_AUTH", "true"),
        ("PM2_SERVE_BASIC_AUTH_USERNAME", "ann"),
        ("PM2_SERVE_BASIC_AUTH_PASSWORD", "open sesame"),
    ];
    let (_server, port) = files(&home, &set);
    let ask = |header: Option<&str>, path| {
        let headers: Vec<_> = header.iter().map(|value| ("Authorization", *value)).collect();
        ask(port, "GET", path, &headers)
    };
    for header in [None, Some("Basic YW5uOndyb25n"), Some("Bearer x"), Some("Basic")] {
        for path in ["/", "/nosuch", "/..%2fsecret"] {
            let answer = ask(header, path);
            assert_eq!(answer.status, 401, "{header:?} {path}");
            assert!(answer.header("www-authenticate").starts_with("Basic realm="));
        }
    }
    // ann:open sesame
    assert_eq!(ask(Some("Basic YW5uOm9wZW4gc2VzYW1l"), "/").status, 200);
}

#[test]
fn a_large_file_arrives_whole_and_a_stop_waits_for_nobody() {
    let home = Home::new();
    let (mut server, port) = files(&home, &[]);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    home.file("site/large.bin", &bytes);
    let whole = get(port, "/large.bin");
    assert!(whole.body == bytes, "{} bytes came", whole.body.len());
    let piece = ask(port, "GET", "/large.bin", &[("Range", "bytes=-70000")]);
    assert!(piece.body == bytes[bytes.len() - 70_000..]);
    // Somebody who never sends a request, and somebody who never reads the answer.
    let _silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut lazy = TcpStream::connect(("127.0.0.1", port)).unwrap();
    lazy.write_all(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    server.signal(2);
    assert_eq!(server.wait(), 0, "a stop is no failure");
}

#[test]
fn one_connection_serves_many_requests() {
    let home = Home::new();
    let (_server, port) = files(&home, &[]);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /app.js HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while !seen.ends_with(b"run()") {
            let count = stream.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "the server closed");
            seen.extend_from_slice(&buffer[..count]);
        }
    }
}
