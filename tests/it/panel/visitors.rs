//! Who may what: roles, patterns of apps, passwords, sessions, and what is written down of it.

use std::fs;

use pm_testkit::Home;
use serde_json::{Value, json};

use super::desk::{self, ask, audit, begin, code, desk, key, request, sign_in, state, value};
use crate::http::Answer;

/// What a route wants to be told.
fn body(path: &str, id: u32) -> String {
    match path.rsplit('/').next().unwrap() {
        "scale" => json!({ "to": 1 }),
        "signal" => json!({ "signal": "CONT" }),
        "bulk" => json!({ "deed": "reset", "ids": [id] }),
        _ => json!({}),
    }
    .to_string()
}

/// A line of the table of routes.
struct Route {
    method: String,
    path: String,
    /// Index of the lowest role that may.
    role: usize,
    is_deed: bool,
}

const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

/// What there is, but for signing out, which would end the test's session.
fn routes(port: u16, key: &str) -> Vec<Route> {
    let route = |line: &Value| Route {
        method: line["method"].as_str().unwrap().to_owned(),
        path: line["path"].as_str().unwrap().to_owned(),
        role: ROLES.iter().position(|role| line["role"] == *role).unwrap(),
        is_deed: !line["deed"].is_null(),
    };
    let all = desk::routes(port, key);
    // Some are for who sees all apps: `adding.rs`, `tokens.rs`, `alerts.rs`, `domains.rs`.
    let adds = |path: &str| {
        ["folders", "scout", "projects", "access", "alerts", "domains", "domains/plan"]
            .iter()
            .any(|it| path == format!("/api/{it}"))
    };
    let all = all.iter().map(route);
    // What is deleted could not be asked about any more: `deeds.rs`.
    let deletes = |path: &str| path.ends_with("/delete");
    all.filter(|route| route.method != "DELETE" && !adds(&route.path) && !deletes(&route.path))
        .collect()
}

impl Route {
    fn ask(&self, port: u16, id: u32, key: &str) -> Answer {
        let path = self.path.replace("{}", &id.to_string());
        ask(port, &self.method, &path, key, &body(&self.path, id))
    }

    /// The status; a stream has no end that could be waited for.
    fn status(&self, port: u16, id: u32, key: &str) -> u16 {
        if self.path == "/api/events" {
            return begin(port, &request("GET", "/api/events?topics=apps", key, "")).0;
        }
        self.ask(port, id, key).status
    }

    fn is_about_apps(&self) -> bool {
        self.path.contains("{}") || self.path == "/api/bulk"
    }

    /// To this guest the app is as one that is not there.
    fn hides(&self, port: u16, id: u32, guest: &str) {
        let answer = self.ask(port, id, guest);
        assert_eq!((answer.status, code(&answer).as_str()), (404, "no_such_app"), "{}", self.path);
        let said = |id: u32| self.ask(port, id, guest).text().replace(&id.to_string(), "ID");
        assert_eq!(said(id), said(999), "{}", self.path);
    }

    /// The word of the command it runs.
    fn verb(&self) -> &str {
        match self.path.rsplit('/').next().unwrap() {
            "bulk" => "reset",
            "signal" => "sendSignal",
            "ticket" => "logs",
            verb => verb,
        }
    }
}

#[test]
fn s11_each_route_asks_for_role_and_app() {
    let home = Home::new();
    for (name, namespace) in [("mine", "shop"), ("theirs", "other")] {
        let words = ["start", "sleep", "--name", name, "--namespace", namespace, "--", "1000"];
        home.run(words).ok();
    }
    let (mine, theirs) = (home.row("mine").id, home.row("theirs"));
    let desk = desk(&home);
    let port = desk.port;
    let routes = routes(port, &key(&home, port, &[]));
    assert!(routes.len() > 10);
    for (rank, role) in ROLES.iter().enumerate() {
        let guest = key(&home, port, &["--role", role, "--apps", "ns:shop"]);
        for route in &routes {
            let name = format!("{role}: {} {}", route.method, route.path);
            assert_eq!(route.status(port, mine, ""), 401, "{name} without a key");
            assert_eq!(route.status(port, mine, &"0".repeat(64)), 401, "{name} with a wrong key");
            if rank < route.role {
                let answer = route.ask(port, mine, &guest);
                assert_eq!((answer.status, code(&answer).as_str()), (403, "not_allowed"), "{name}");
                continue;
            }
            if route.is_about_apps() {
                route.hides(port, theirs.id, &guest);
            }
            // What changes something is done once: by the lowest role that may.
            if !route.is_deed || rank == route.role {
                assert_eq!(route.status(port, mine, &guest), 200, "{name}");
            }
        }
        let list = ask(port, "GET", "/api/apps", &guest, "").text();
        assert!(list.contains("mine") && !list.contains("theirs"), "{list}");
        let logs = ask(port, "GET", "/api/logs?apps=theirs", &guest, "");
        assert!(logs.status == 404 || !logs.text().contains("theirs"), "{}", logs.text());
    }
    assert_eq!(home.row("theirs").pid, theirs.pid, "nobody touched it");
    // A line for each deed, and for each refusal.
    let lines = audit(&home);
    for route in routes.iter().filter(|route| route.is_deed) {
        let is_it = |line: &Value| line["deed"][0] == "pm" && line["deed"][1] == route.verb();
        assert!(lines.iter().any(is_it), "{} in {lines:#?}", route.path);
    }
    for code in ["not_allowed", "no_such_app", "sign_in"] {
        assert!(lines.iter().any(|line| line["outcome"] == code), "{code}");
    }
}

#[test]
fn s08_s10_names_are_numbers_and_words_stay_words() {
    let home = Home::new();
    home.run(["start", "sleep", "--name", "--force; $(id)", "--no-wait", "--", "1000"]);
    home.run(["start", "sleep", "--name", "web", "--no-wait", "--", "1000"]).ok();
    let desk = desk(&home);
    let port = desk.port;
    let key = key(&home, port, &[]);
    let odd = [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "0%00",
        "web;id",
        "$(id)",
        "--force",
        "-1",
        "0%0aall",
        "all",
        "%2fetc%2fpasswd",
        "0x0",
        "%20",
    ];
    for route in routes(port, &key).iter().filter(|route| route.path.contains("{}")) {
        for id in odd {
            let path = route.path.replace("{}", id);
            let answer = ask(port, &route.method, &path, &key, &body(&route.path, 0));
            assert!([400, 404].contains(&answer.status), "{path}: {}", answer.text());
        }
    }
    for apps in odd {
        let answer = ask(port, "GET", &format!("/api/logs?apps={apps}"), &key, "");
        assert!(!answer.text().contains("root:"), "{apps}: {}", answer.text());
    }
}

#[test]
fn s12_guessing_takes_time_and_memory_stays_small() {
    let home = Home::new();
    for (name, password) in [("ann", "correct horse"), ("bob", "battery staple")] {
        home.pm(["web", "user", "add", name]).input(format!("{password}\n")).run().ok();
    }
    home.pm(["web", "user", "add", "ann"])
        .input("another one\n")
        .run()
        .ends(2)
        .complains("of this name");
    home.pm(["web", "user", "add", "eve"]).input("short\n").run().ends(2).complains("8 to");
    let desk = desk(&home);
    let port = desk.port;
    let login =
        |name: &str, password: &str| sign_in(port, &json!({ "name": name, "password": password }));
    let entered = login("ann", "correct horse");
    assert_eq!((entered.status, value(&entered)["role"].as_str()), (200, Some("viewer")));
    // Many at once wait for one another; one takes 19 MiB.
    let peak = |name: &str| -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", desk.running.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let before = peak("VmHWM");
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope
                .spawn(|| (0..4).map(|_| login("ann", "correct horse").status).collect::<Vec<_>>());
        }
    });
    let more = peak("VmHWM").saturating_sub(before);
    assert!(more < 19 << 10, "{more} KiB more than for one");
    // Whether there is such a user is not told, neither by the answer nor by what is counted.
    let wrong = [login("bob", "wrong horse"), login("nobody", "wrong horse")].map(|it| it.text());
    assert_eq!(wrong[0], wrong[1]);
    let mut last = 401;
    for _ in 0..6 {
        last = login("nobody", "wrong horse").status;
    }
    assert_eq!(last, 429);
    let waits = login("bob", "battery staple");
    assert_eq!((waits.status, code(&waits).as_str()), (429, "wait"), "from the same address");
    // A link lets in all the same.
    key(&home, port, &[]);
}

#[test]
fn s13_sessions_end() {
    let home = Home::new();
    home.pm(["web", "user", "add", "ann", "--role", "operator"])
        .input("correct horse\n")
        .run()
        .ok();
    let desk = desk(&home);
    let port = desk.port;
    let login = |password: &str| {
        let entered = sign_in(port, &json!({ "name": "ann", "password": password }));
        assert_eq!(entered.status, 200, "{}", entered.text());
        value(&entered)["key"].as_str().unwrap().to_owned()
    };
    let status = |key: &str| ask(port, "GET", "/api/session", key, "").status;
    let is_over = |mut stream: std::net::TcpStream| {
        std::io::Read::read_to_end(&mut stream, &mut Vec::new()).unwrap();
    };
    // By oneself.
    let (own, other) = (login("correct horse"), login("correct horse"));
    assert_eq!(ask(port, "DELETE", "/api/session", &own, "{}").status, 200);
    assert_eq!((status(&own), status(&other)), (401, 200));
    // By another password: what is open ends, too.
    let (_, stream) = begin(port, &request("GET", "/api/events?topics=apps", &other, ""));
    home.pm(["web", "user", "passwd", "ann"]).input("battery staple\n").run().ok();
    is_over(stream);
    assert_eq!(status(&other), 401);
    // By another role, even where nobody told the panel.
    let key = login("battery staple");
    let file = state(&home).join("users.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("operator", "admin")).unwrap();
    assert_eq!(status(&key), 401);
    // By an admin's word.
    let key = login("battery staple");
    let listed = home.run(["web", "sessions", "--json"]).ok().json();
    let id = listed[0]["id"].as_str().unwrap();
    home.run(["web", "sessions"]).ok().says("ann").says("by password");
    home.run(["web", "sessions", "--end", id]).ok();
    home.run(["web", "sessions", "--end", id]).ends(1).complains(id);
    assert_eq!(status(&key), 401);
    // With the user.
    let key = login("battery staple");
    home.run(["web", "user", "remove", "ann"]).ok();
    assert_eq!(status(&key), 401);
    // By link only as long as was said.
    let brief = desk::key(&home, port, &["--for", "1h"]);
    let session = value(&ask(port, "GET", "/api/session", &brief, ""));
    let began =
        home.run(["web", "sessions", "--json"]).ok().json()[0]["began_ms"].as_u64().unwrap();
    assert_eq!(session["until_ms"].as_u64(), Some(began + 3_600_000));
    // Without use for twelve hours, and after thirty days in any case.
    drop(desk);
    let file = state(&home).join("sessions.json");
    for (name, hours, status) in [("used_ms", 11, 200), ("used_ms", 13, 401), ("until_ms", 0, 401)]
    {
        let desk = desk::desk(&home);
        let key = desk::key(&home, desk.port, &[]);
        drop(desk);
        let mut all: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for session in all.as_object_mut().unwrap().values_mut() {
            let began = session["began_ms"].as_u64().unwrap();
            session[name] = (began - hours * 3_600_000).into();
        }
        fs::write(&file, all.to_string()).unwrap();
        let desk = desk::desk(&home);
        assert_eq!(
            ask(desk.port, "GET", "/api/session", &key, "").status,
            status,
            "{name} {hours}"
        );
    }
}

#[test]
fn s17_what_is_done_and_refused_is_written_down() {
    let home = Home::new();
    home.run(["start", "sleep", "--name", "web", "--no-wait", "--", "1000"]).ok();
    let socket = home.work().join("panel.sock");
    let at = format!("unix:{}", socket.display());
    home.pm(["web", "user", "add", "ann"]).input("correct horse\n").run().ok();
    let words = ["web", "--foreground", "--listen", &at, "--public-url", "https://p.example"];
    let mut running = home.pm(words).background();
    running.wait_for("https://p.example");
    let said = |request: &str| {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let post = |path: &str, lines: &str, body: &str| {
        let length = body.len();
        said(&format!(
            "POST {path} HTTP/1.1\r\nHost: p.example\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
        ))
    };
    let from = "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n";
    let odd = json!({ "name": "<b>\n\u{1b}[31mann", "password": "correct horse" }).to_string();
    assert!(post("/api/session", from, &odd).contains("401"));
    let entered = post(
        "/api/session",
        from,
        &json!({ "name": "ann", "password": "correct horse" }).to_string(),
    );
    let key = entered.split("\"key\":\"").nth(1).unwrap().split('"').next().unwrap();
    let id = home.row("web").id;
    assert!(
        post(&format!("/api/apps/{id}/stop"), &format!("Authorization: Bearer {key}\r\n"), "{}")
            .contains("403")
    );
    home.wait_until("the refusal is written down", || audit(&home).len() == 3);
    let lines = audit(&home);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["who"].as_str().unwrap(),
                line["from"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("", "5.6.7.8", "wrong_password"),
            ("ann", "5.6.7.8", "done"),
            ("ann", "unix", "not_allowed")
        ]
    );
    home.run(["web", "audit"])
        .ok()
        .says("ann from 5.6.7.8: sign in password (done)")
        .says("not_allowed");
    assert_eq!(home.run(["web", "audit", "--json"]).ok().out().lines().count(), 3);
    let mut follow = home.pm(["web", "audit", "-f"]).background();
    follow.wait_for("not_allowed");
    post(&format!("/api/apps/{id}/restart"), "", "{}");
    follow.wait_for("sign_in");
    assert!(!fs::read_to_string(state(&home).join("audit.jsonl")).unwrap().contains(key));
}
