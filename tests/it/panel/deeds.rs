//! What can be done: each deed is one command line of this program, told, run and written down; no name is taken for
//! anything but a name.

use std::io::Write;
use std::net::TcpStream;

use pm_testkit::Home;
use serde_json::{Value, json};

use super::desk::{Desk, ask, audit, code, desk, key, value};
use crate::apps::{start, up};

fn post(desk: &Desk, key: &str, path: &str, body: &Value) -> Value {
    let answer = ask(desk.port, "POST", path, key, &body.to_string());
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    value(&answer)
}

/// The line that was run, and how it ended.
fn line(done: &Value) -> (String, i64) {
    let words: Vec<_> =
        done["argv"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    (words.join(" "), done["exit"].as_i64().unwrap())
}

#[test]
fn s10_each_deed_is_the_command_line_it_shows() {
    let home = Home::new();
    let pid = up(&home, "web");
    start(&home, "pair", &["-i", "2"], &["--live", "forever"]).ok();
    let desk = desk(&home);
    let operator = key(&home, desk.port, &["--role", "operator"]);
    let mut lines = Vec::new();
    let mut act = |path: &str, body: Value| {
        let (line, exit) = line(&post(&desk, &operator, path, &body));
        assert_eq!(exit, 0, "{line}");
        lines.push(line.clone());
        line
    };
    assert_eq!(act("/api/apps/0/restart", json!({})), "pm restart web");
    assert_ne!(home.row("web").pid, pid);
    assert_eq!(home.row("web").restarts, 1);
    assert_eq!(act("/api/apps/0/reset", json!({})), "pm reset web");
    assert_eq!(home.row("web").restarts, 0);
    assert_eq!(act("/api/apps/0/stop", json!({})), "pm stop web");
    home.wait_status("web", "stopped");
    assert_eq!(act("/api/apps/0/start", json!({})), "pm start web");
    home.wait_status("web", "online");
    assert_eq!(act("/api/apps/0/reload", json!({})), "pm reload web");
    assert_eq!(act("/api/apps/0/flush", json!({})), "pm flush web");
    assert_eq!(act("/api/apps/0/signal", json!({ "signal": "cont" })), "pm sendSignal SIGCONT web");
    assert_eq!(act("/api/apps/1/stop", json!({})), "pm stop id:1", "one of two");
    assert_eq!(act("/api/apps/1/scale", json!({ "to": 3 })), "pm scale pair 3");
    assert_eq!(home.rows().len(), 4);
    let ids = json!({ "deed": "restart", "ids": [0, 1, 2, 3] });
    assert_eq!(act("/api/bulk", ids), "pm restart pair web");
    // What does not come true is told as the command line tells it.
    home.run(["stop", "web"]).ok();
    let done = post(&desk, &operator, "/api/apps/0/signal", &json!({ "signal": "HUP" }));
    let typed = home.run(["sendSignal", "SIGHUP", "web"]);
    assert_eq!((line(&done).1, &done["err"]), (i64::from(typed.code), &typed.err.clone().into()));
    lines.push("pm sendSignal SIGHUP web".into());
    let noted = || -> Vec<String> {
        let lines = audit(&home).into_iter().filter(|line| line["deed"][0] == "pm");
        let words = |line: Value| {
            let words = line["deed"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
            words.collect::<Vec<_>>().join(" ")
        };
        lines.map(words).collect()
    };
    home.wait_until("each is written down", || noted().len() == lines.len());
    assert_eq!(noted(), lines, "a line of the audit for each");
    for (path, body) in [
        ("/api/apps/0/scale", json!({ "to": 0 })),
        ("/api/apps/0/scale", json!({ "to": "3; id" })),
        ("/api/apps/0/scale", json!({})),
        ("/api/apps/0/signal", json!({ "signal": "--force" })),
        ("/api/apps/0/signal", json!({ "signal": "0" })),
        ("/api/bulk", json!({ "deed": "kill", "ids": [0] })),
        ("/api/bulk", json!({ "deed": "restart", "ids": [] })),
        ("/api/bulk", json!({ "deed": "restart", "ids": ["web"] })),
    ] {
        let answer = ask(desk.port, "POST", path, &operator, &body.to_string());
        assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
    }
}

#[test]
fn s11_only_an_admin_deletes_and_only_what_they_may_see() {
    let home = Home::new();
    for name in ["web", "db", "bot"] {
        up(&home, name);
    }
    let desk = desk(&home);
    let (one, several) = ("/api/apps/0/delete", "/api/bulk");
    let bulk = |ids: &[u32]| json!({ "deed": "delete", "ids": ids });
    for role in ["viewer", "operator"] {
        let guest = key(&home, desk.port, &["--role", role]);
        for (path, body) in [(one, json!({})), (several, bulk(&[0]))] {
            let answer = ask(desk.port, "POST", path, &guest, &body.to_string());
            assert_eq!(
                (answer.status, code(&answer).as_str()),
                (403, "not_allowed"),
                "{role} {path}"
            );
        }
    }
    let some = key(&home, desk.port, &["--role", "admin", "--apps", "db"]);
    for (path, body) in [(one, json!({})), (several, bulk(&[0, 1]))] {
        assert_eq!(ask(desk.port, "POST", path, &some, &body.to_string()).status, 404, "{path}");
    }
    assert_eq!(home.rows().len(), 3);
    let admin = key(&home, desk.port, &[]);
    assert_eq!(line(&post(&desk, &admin, one, &json!({}))), ("pm delete web".into(), 0));
    assert_eq!(line(&post(&desk, &admin, several, &bulk(&[1, 2]))), ("pm delete bot db".into(), 0));
    assert!(home.rows().is_empty());
}

#[test]
fn s10_no_name_is_taken_for_anything_else() {
    let home = Home::new();
    let names = [
        "all",
        "--force",
        "-",
        "1",
        "/w.*/",
        "a.json",
        "$(touch pwned)",
        "; touch pwned",
        "`id`",
        "id:1",
        "ns:default",
        "default",
        "订单 服务",
    ];
    let apps: Vec<_> = names
        .iter()
        .map(|name| json!({ "name": name, "script": "sleep", "args": ["1000"], "interpreter": "none" }))
        .collect();
    home.file("odd.json", json!({ "apps": apps }).to_string());
    home.run(["start", "odd.json"]).ok();
    let desk = desk(&home);
    let admin = key(&home, desk.port, &[]);
    for (at, row) in home.rows().iter().enumerate() {
        let pids = || home.rows().iter().map(|row| row.pid).collect::<Vec<_>>();
        let before = pids();
        let done = post(&desk, &admin, &format!("/api/apps/{}/restart", row.id), &json!({}));
        assert_eq!(line(&done).1, 0, "{}: {done}", row.name);
        let after = pids();
        let changed: Vec<_> = (0..before.len()).filter(|it| before[*it] != after[*it]).collect();
        assert_eq!(changed, [at], "{} alone is restarted: {done}", row.name);
    }
    assert!(!home.work().join("pwned").exists() && !std::path::Path::new("/pwned").exists());
}

#[test]
fn s11_whom_one_may_not_touch_one_does_not() {
    let home = Home::new();
    let pids = [up(&home, "web"), up(&home, "db")];
    let desk = desk(&home);
    let guest = key(&home, desk.port, &["--role", "operator", "--apps", "web"]);
    for path in ["/api/apps/1/restart", "/api/apps/1/stop", "/api/apps/1/flush"] {
        let answer = ask(desk.port, "POST", path, &guest, "{}");
        assert_eq!((answer.status, code(&answer).as_str()), (404, "no_such_app"), "{path}");
    }
    let both = json!({ "deed": "stop", "ids": [0, 1] }).to_string();
    assert_eq!(ask(desk.port, "POST", "/api/bulk", &guest, &both).status, 404);
    assert_eq!(
        [home.row("web").pid, home.row("db").pid],
        pids,
        "nothing was done, not even a part"
    );
    let done = post(&desk, &guest, "/api/apps/0/reset", &json!({}));
    assert!(line(&done).1 == 0 && !done.to_string().contains("db"), "no list of all: {done}");
    let viewer = key(&home, desk.port, &["--role", "viewer"]);
    assert_eq!(ask(desk.port, "POST", "/api/apps/0/stop", &viewer, "{}").status, 403);
    assert_eq!(home.row("web").pid, pids[0]);
    // A tab that is closed in the middle stops nothing.
    let slow = ["--on-int", "delay:700", "--live", "forever"];
    start(&home, "slow", &[], &slow).ok();
    let admin = key(&home, desk.port, &[]);
    let request = super::desk::request("POST", "/api/apps/2/restart", &admin, "{}");
    let mut stream = TcpStream::connect(("127.0.0.1", desk.port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    home.wait_status("slow", "stopping");
    drop(stream);
    home.wait_until("it is done and written down", || {
        audit(&home).iter().any(|line| line["deed"][2] == "slow" && line["outcome"] == "done")
    });
    assert_eq!(home.row("slow").restarts, 1);
}
