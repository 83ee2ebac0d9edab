//! What is turned away before anybody looks at who asks: strange names, strange pages, strange bodies.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pm_testkit::Home;
use serde_json::json;

use super::desk::{ask, audit, code, desk, desk_of, key, link, sign_in, state, value};
use crate::http::{Answer, raw};

#[test]
fn s01_beyond_this_machine_takes_a_user_and_a_way_nobody_reads_on() {
    let home = Home::new();
    let refused = |words: &[&str], why: &str| {
        for form in [&["web"][..], &["web", "--foreground"]] {
            home.run([form, words].concat()).ends(2).complains(why);
        }
    };
    refused(&["--listen", "0.0.0.0:0"], "--public-url");
    refused(&["--listen", "[::]:0"], "--public-url");
    refused(&["--listen", "0.0.0.0:0", "--public-url", "https://p"], "pm web user add");
    refused(&["--public-url", "https://p"], "pm web user add");
    refused(&["--public-url", "http://p"], "https");
    refused(&["--listen", "unix:x.sock"], "absolute");
    refused(&["--listen", "nowhere"], "127.0.0.1:9616");
    assert!(home.rows().is_empty(), "nothing was started");
    home.pm(["web", "user", "add", "ann"]).input("correct horse\n").run().ok();
    refused(&["--listen", "0.0.0.0:0"], "--public-url");
    let words =
        ["web", "--foreground", "--listen", "0.0.0.0:0", "--public-url", "https://p.example"];
    let mut running = home.pm(words).background();
    running.wait_for("https://p.example");
    running.signal(15);
    assert_eq!(running.wait(), 0);
}

#[test]
fn s02_a_link_lets_one_in_once_and_lies_nowhere() {
    let home = Home::new();
    let desk = desk(&home);
    let secret = link(&home, &["--role", "viewer"]);
    assert_eq!(secret.len(), 64, "256 bits");
    let wrong = sign_in(desk.port, &json!({ "link": "0".repeat(64) }));
    assert_eq!((wrong.status, code(&wrong).as_str()), (401, "link_used"));
    let entered = sign_in(desk.port, &json!({ "link": secret }));
    assert_eq!((entered.status, value(&entered)["role"].as_str()), (200, Some("viewer")));
    let key = value(&entered)["key"].as_str().unwrap().to_owned();
    let again = sign_in(desk.port, &json!({ "link": secret }));
    assert_eq!((again.status, code(&again).as_str()), (401, "link_used"));
    for body in ["", "{", "[]", "{\"link\":7}", "{\"name\":\"ann\"}"] {
        assert_eq!(ask(desk.port, "POST", "/api/session", "", body).status, 400, "{body}");
    }
    // Whoever reads the files has neither link nor key, and nobody else reads them.
    for entry in fs::read_dir(state(&home)).unwrap() {
        let path = entry.unwrap().path();
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        assert!(!text.contains(&secret) && !text.contains(&key), "{}", path.display());
    }
    assert!(!desk.running.seen().contains("link="));
    // It is not good after a restart of the panel either, the session is.
    let late = link(&home, &[]);
    drop(desk);
    let desk = super::desk::desk(&home);
    assert_eq!(sign_in(desk.port, &json!({ "link": late })).status, 401);
    assert_eq!(ask(desk.port, "GET", "/api/session", &key, "").status, 200);
}

#[test]
fn s03_a_cookie_opens_nothing() {
    let home = Home::new();
    let desk = desk(&home);
    let entered = sign_in(desk.port, &json!({ "link": link(&home, &[]) }));
    assert_eq!(entered.header("set-cookie"), "");
    let key = value(&entered)["key"].as_str().unwrap().to_owned();
    for header in [
        format!("Cookie: key={key}; session={key}"),
        format!("Authorization: Basic {key}"),
        format!("X-Key: {key}"),
    ] {
        let request = format!(
            "GET /api/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n"
        );
        let answer = raw(desk.port, &request);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{header}");
    }
    for path in [format!("/api/session?key={key}"), format!("/api/session?access_token={key}")] {
        assert_eq!(ask(desk.port, "GET", &path, "", "").status, 401);
    }
    assert_eq!(ask(desk.port, "GET", "/api/session", &key, "").status, 200);
}

/// The status of a GET with these lines about its host.
fn named(port: u16, lines: &str, target: &str) -> u16 {
    raw(port, &format!("GET {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")).status
}

#[test]
fn s04_strange_names_lead_nowhere() {
    let home = Home::new();
    let desk = desk(&home);
    let port = desk.port;
    for (lines, target, status) in [
        (format!("Host: 127.0.0.1:{port}\r\n"), "/", 200),
        ("Host: LOCALHOST:1\r\n".into(), "/healthz", 200),
        ("Host: [::1]\r\n".into(), "/healthz", 200),
        ("Host: evil.example\r\n".into(), "/", 421),
        ("Host: evil.example\r\n".into(), "/healthz", 421),
        ("Host: evil.example\r\n".into(), "/nothing", 421),
        ("Host: localhost.\r\n".into(), "/", 421),
        ("Host: localhost.evil.example\r\n".into(), "/", 421),
        (format!("Host: 192.168.1.1:{port}\r\n"), "/", 421),
        ("Host: p.example\r\n".into(), "/", 421),
        ("Host: localhost\r\nHost: evil.example\r\n".into(), "/", 421),
        (String::new(), "/", 421),
        ("Host: localhost\r\n".into(), "http://evil.example/", 421),
        ("Host: evil.example\r\nX-Forwarded-Host: localhost\r\n".into(), "/", 421),
    ] {
        assert_eq!(named(port, &lines, target), status, "{lines:?} {target}");
    }
    // Before all else: not even a link is used up.
    let link = link(&home, &[]);
    let body = json!({ "link": link }).to_string();
    let stray = super::desk::request("POST", "/api/session", "", &body);
    assert_eq!(raw(port, &stray.replace("localhost:9616", "evil.example")).status, 421);
    assert_eq!(sign_in(port, &json!({ "link": link })).status, 200);
    assert!(audit(&home).iter().any(|line| line["outcome"] == "wrong_host"));
}

const JSON: &str = "Content-Type: application/json\r\n";

/// An attempt to sign in with these lines in its head.
fn from_page(port: u16, host: &str, lines: &str) -> Answer {
    let body = "{\"link\":\"x\"}";
    let length = body.len();
    raw(
        port,
        &format!(
            "POST /api/session HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{lines}\r\n{body}"
        ),
    )
}

#[test]
fn s05_strange_pages_change_nothing() {
    let home = Home::new();
    let desk = desk(&home);
    for (lines, status) in [
        (JSON.to_owned(), 401),
        ("Content-Type: Application/JSON; charset=utf-8\r\n".into(), 401),
        (format!("{JSON}Origin: http://localhost:9616\r\nSec-Fetch-Site: same-origin\r\n"), 401),
        (format!("{JSON}Sec-Fetch-Site: none\r\n"), 401),
        (String::new(), 415),
        ("Content-Type: text/plain\r\n".into(), 415),
        ("Content-Type: application/x-www-form-urlencoded\r\n".into(), 415),
        ("Content-Type: text/plain; application/json\r\n".into(), 415),
        (format!("{JSON}Origin: http://localhost:5000\r\n"), 403),
        (format!("{JSON}Origin: https://localhost:9616\r\n"), 403),
        (format!("{JSON}Origin: null\r\n"), 403),
        (format!("{JSON}Origin: http://e.example\r\nX-Forwarded-Host: e.example\r\n"), 403),
        (format!("{JSON}Sec-Fetch-Site: same-site\r\n"), 403),
        (format!("{JSON}Sec-Fetch-Site: cross-site\r\n"), 403),
    ] {
        let answer = from_page(desk.port, "localhost:9616", &lines);
        assert_eq!(answer.status, status, "{lines:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "nobody else reads it");
    }
    assert_eq!(ask(desk.port, "OPTIONS", "/api/session", "", "").status, 405, "no CORS");
    let lines = audit(&home);
    for code in ["foreign_page", "not_json"] {
        assert!(lines.iter().any(|line| line["outcome"] == code), "{code} in {lines:?}");
    }
}

#[test]
fn s04_s05_behind_a_proxy_its_name_is_ours() {
    let home = Home::new();
    home.pm(["web", "user", "add", "ann"]).input("correct horse\n").run().ok();
    home.run(["web", "link"]).ends(3).complains("pm web");
    let words =
        ["web", "--foreground", "--listen", "127.0.0.1:0", "--public-url", "https://p.example"];
    let desk = desk_of(home.pm(words));
    let told = home.run(["web", "link"]).ok().out();
    assert!(told.starts_with("https://p.example/#link="), "{told}");
    let port = port_of(desk.running.pid());
    assert_eq!(named(port, "Host: p.example\r\n", "/"), 200);
    assert_eq!(named(port, "Host: P.example:443\r\n", "/"), 200);
    assert_eq!(named(port, "Host: p.example:80\r\n", "/"), 421);
    assert_eq!(named(port, "Host: q.example\r\n", "/"), 421);
    let own = format!("{JSON}Origin: https://p.example\r\n");
    assert_eq!(from_page(port, "p.example", &own).status, 401);
    let plain = format!("{JSON}Origin: http://p.example\r\nX-Forwarded-Proto: http\r\n");
    assert_eq!(from_page(port, "p.example", &plain).status, 403);
}

#[test]
fn s18_a_hidden_panel_is_nothing_to_who_does_not_know_where() {
    let home = Home::new();
    home.pm(["web", "user", "add", "ann"]).input("correct horse\n").run().ok();
    let short = ["web", "--public-url", "https://p.example/panel"];
    home.run(short).ends(2).complains("that is guessed").complains("openssl rand");
    let base = "/5f0c2e19a7b84d6630aa";
    let url = format!("https://p.example{base}");
    let desk =
        desk_of(home.pm(["web", "--foreground", "--listen", "127.0.0.1:0", "--public-url", &url]));
    let told = home.run(["web", "link"]).ok().out();
    assert!(told.starts_with(&format!("{url}/#link=")), "{told}");
    let port = port_of(desk.running.pid());
    let body = json!({ "link": told.trim().rsplit_once('=').unwrap().1 }).to_string();
    let say = |method: &str, path: &str, host: &str| {
        let request = super::desk::request(method, path, "", &body);
        raw(port, &request.replace("localhost:9616", host))
    };
    // Whatever is asked, by whatever name: no word, no header that tells what this is.
    let shell = say("GET", &format!("{base}/"), "p.example");
    let asset =
        shell.text().split("\"./assets/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let asset = format!("/assets/{asset}");
    let almost = [base.trim_end_matches('a'), &base.to_uppercase(), &format!("/{base}/"), base]
        .map(str::to_owned);
    let plain =
        ["/", "/healthz", &asset, "/api/session", "/api/openapi.json", "/metrics", "/nothing"];
    for path in plain.map(str::to_owned).iter().chain(&almost) {
        for host in ["p.example", "localhost", "evil.example"] {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] {
                let answer = say(method, path, host);
                let names: Vec<_> = answer.headers.keys().map(String::as_str).collect();
                assert_eq!((answer.status, answer.text().as_str()), (404, ""), "{method} {path}");
                assert!(
                    names.iter().all(|it| ["content-length", "connection", "date"].contains(it)),
                    "{names:?}"
                );
            }
        }
    }
    // Below it everything is as elsewhere, the name of the panel included.
    assert_eq!(say("GET", &format!("{base}{asset}"), "p.example").status, 200);
    assert_eq!(say("GET", &format!("{base}/"), "evil.example").status, 421);
    assert_eq!(say("GET", &format!("{base}/api/apps"), "p.example").status, 401);
    assert_eq!(say("POST", &format!("{base}/api/session"), "p.example").status, 200);
}

/// The port a process of ours listens on.
fn port_of(pid: u32) -> u16 {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.to_str().map(String::from))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let line = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut found =
        line.filter(|words| words.get(3) == Some(&"0A") && sockets.iter().any(|it| it == words[9]));
    let words = found.next().unwrap();
    u16::from_str_radix(words[1].split(':').nth(1).unwrap(), 16).unwrap()
}

#[test]
fn s06_every_answer_says_what_a_browser_may_do_with_it() {
    let home = Home::new();
    let desk = desk(&home);
    let key = key(&home, desk.port, &[]);
    let shell = ask(desk.port, "GET", "/", "", "");
    let html = shell.text();
    let asset = html.split("\"./assets/").nth(1).unwrap().split('"').next().unwrap();
    let asset = format!("/assets/{asset}");
    for (method, path, body, status) in [
        ("GET", "/", "", 200),
        ("HEAD", "/", "", 200),
        ("GET", "/healthz", "", 200),
        ("GET", asset.as_str(), "", 200),
        ("GET", "/assets/0/app.js", "", 404),
        ("GET", "/../etc/passwd", "", 404),
        ("GET", "/api/session", "", 200),
        ("GET", "/api/nothing", "", 404),
        ("PUT", "/api/session", "", 405),
        ("POST", "/", "", 405),
        ("POST", "/api/session", "{\"link\":\"x\"}", 401),
    ] {
        let answer = ask(desk.port, method, path, &key, body);
        assert_eq!(answer.status, status, "{method} {path}");
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{method} {path}: {policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("set-cookie"), "", "{path}");
        let kept = answer.header("cache-control");
        let wanted = match path {
            "/" if status == 200 => "no-cache",
            path if path == asset => "public, max-age=31536000, immutable",
            _ => "no-store",
        };
        assert_eq!(kept, wanted, "{method} {path}");
    }
    let zipped = raw(
        desk.port,
        &format!(
            "GET {asset} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: br, gzip\r\n\r\n"
        ),
    );
    assert_eq!(zipped.header("content-encoding"), "gzip");
    assert!(zipped.body.starts_with(&[0x1f, 0x8b]));
}
