//! What can be read: each route over a real panel, what is not told, and what odd questions get.

use pm_testkit::Home;
use serde_json::Value;

use super::desk::{Desk, ask, code, desk, key, value};
use crate::apps::up;

fn get(desk: &Desk, key: &str, path: &str) -> Value {
    let answer = ask(desk.port, "GET", path, key, "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    value(&answer)
}

fn texts(page: &Value) -> Vec<String> {
    let lines = page["lines"].as_array().unwrap().iter();
    lines.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn everything_about_an_app_is_told_but_its_secrets() {
    let home = Home::new();
    home.script("bad", "echo 'Error: no such table' >&2; exit 3");
    home.file(
        "apps.json5",
        "{ apps: [
            { name: 'bad', script: './bad', autorestart: false },
            { name: 'web', script: 'sleep', args: ['1000'], interpreter: 'none', instances: 2,
              env: { API_KEY: 'planted-1', PLAIN: 'planted-2' } },
            { name: 'job', script: '/bin/true', schedule: '@yearly' },
        ] }",
    );
    // One of them fails.
    home.run(["start", "apps.json5"]);
    home.wait_status("web", "online");
    home.wait_rows("bad has ended", |rows| {
        rows.iter().any(|row| row.name == "bad" && row.pid == 0)
    });
    let desk = desk(&home);
    let admin = key(&home, desk.port, &["--role", "viewer"]);
    let list = get(&desk, &admin, "/api/apps");
    let row = |name: &str| -> Value {
        let rows = list["apps"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let (web, bad, job) = (row("web"), row("bad"), row("job"));
    assert_eq!((&web["status"], &web["instances"]), (&"online".into(), &2.into()));
    assert_eq!(web["pid"], home.row("web").pid);
    assert!(web["memory"].as_u64() > Some(0) && web["since_ms"].as_u64() > Some(0), "{web}");
    assert_eq!((&bad["pid"], &bad["cpu"]), (&Value::Null, &Value::Null));
    assert_eq!((&job["kind"], &job["status"]), (&"job".into(), &"scheduled".into()));
    assert!(job["job"]["next_ms"].as_u64() > Some(0));
    let path = |of: &Value, what: &str| format!("/api/apps/{}{what}", of["id"]);
    let ends = get(&desk, &admin, &path(&bad, "/ends"));
    assert_eq!(ends["ends"][0]["code"], 3, "{ends}");
    let why = get(&desk, &admin, &path(&bad, "/why"));
    assert!(why.to_string().contains("exited with code 3"), "{why}");
    let described = get(&desk, &admin, &path(&web, ""));
    assert_eq!(described["row"]["name"], "web");
    assert!(described.to_string().contains("planted-2"), "what is no secret is told");
    for of in [&web, &bad, &job] {
        for what in ["", "/why", "/ends"] {
            assert!(!get(&desk, &admin, &path(of, what)).to_string().contains("planted-1"));
        }
    }
    assert!(!list.to_string().contains("planted"));
}

#[test]
fn logs_are_read_page_by_page_and_searched() {
    let home = Home::new();
    let lines =
        "i=0; while [ $i -lt 500 ]; do echo \"line $i\"; i=$((i+1)); done; echo 'An Error <b>' >&2";
    home.script("web", &format!("{lines}; sleep 1000"));
    home.run(["start", "./web", "--name", "web"]).ok();
    up(&home, "other");
    home.wait_until("all is written", || {
        let log = String::from_utf8(crate::apps::log(&home, "web-out.log")).unwrap();
        log.contains("line 499") && !crate::apps::log(&home, "web-error.log").is_empty()
    });
    let desk = desk(&home);
    let viewer = key(&home, desk.port, &["--role", "viewer"]);
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/logs?apps=web&stream=out&limit=120&before={before}");
        let page = get(&desk, &viewer, &path);
        all.splice(0..0, texts(&page));
        let Some(next) = page["before"].as_str() else { break };
        before = next.to_owned();
    }
    assert_eq!(all, (0..500).map(|at| format!("line {at}")).collect::<Vec<_>>());
    for (query, found) in [
        ("apps=web&grep=error", &["An Error <b>"][..]),
        ("apps=id:0&grep=line+49&limit=2", &["line 498", "line 499"]),
        ("apps=id:0&grep=/line+4.%24/&limit=1", &["line 49"]),
        ("grep=%3Cb%3E", &["An Error <b>"]),
        ("apps=other", &[]),
        ("apps=nobody", &[]),
        ("apps=web&until=1", &[]),
        ("apps=web&stream=err&since=1", &["An Error <b>"]),
    ] {
        assert_eq!(texts(&get(&desk, &viewer, &format!("/api/logs?{query}"))), found, "{query}");
    }
    let error = &get(&desk, &viewer, "/api/logs?apps=web&stream=err")["lines"][0];
    assert_eq!((&error["app"], &error["stream"]), (&"web".into(), &"err".into()));
    assert!(error["at_ms"].as_u64() > Some(1_700_000_000_000), "{error}");
    for query in [
        "stream=x",
        "limit=-1",
        "limit=x",
        "before=x",
        "before=1~0o.1",
        "since=x",
        "grep=/(/",
        "apps=id:x",
    ] {
        let answer = ask(desk.port, "GET", &format!("/api/logs?{query}"), &viewer, "");
        assert_eq!((answer.status, code(&answer).as_str()), (400, "bad_query"), "{query}");
    }
    for query in ["", "topics=", "topics=x", "topics=logs:", "topics=apps&past=x"] {
        let answer = ask(desk.port, "GET", &format!("/api/events?{query}"), &viewer, "");
        assert_eq!((answer.status, code(&answer).as_str()), (400, "bad_query"), "{query}");
    }
}

#[test]
fn who_may_see_some_apps_sees_those_and_without_a_daemon_there_are_none() {
    let home = Home::new();
    up(&home, "web");
    up(&home, "secret");
    let desk = desk(&home);
    let admin = key(&home, desk.port, &[]);
    let guest = key(&home, desk.port, &["--apps", "web"]);
    // What one may not know of looks as what is not there.
    let rows = get(&desk, &guest, "/api/apps")["apps"].clone();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["name"]), (1, &"web".into()));
    assert_eq!(texts(&get(&desk, &guest, "/api/logs?apps=secret,id:1")), [""; 0]);
    let metrics = ask(desk.port, "GET", "/metrics", &guest, "");
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(
        metrics
            .text()
            .contains("pm_app_up{app=\"web\",namespace=\"default\",slot=\"0\",kind=\"app\"} 1")
    );
    assert!(metrics.text().contains("pm_app_memory_bytes") && !metrics.text().contains("secret"));
    // Without a daemon there are no apps; one that comes is found.
    home.run(["kill"]).ok();
    let answer = ask(desk.port, "GET", "/api/apps", &admin, "");
    assert_eq!((answer.status, code(&answer).as_str()), (503, "no_daemon"));
    up(&home, "web");
    get(&desk, &admin, "/api/apps");
}
