//! What the panel is told in confidence, and what it says of the power it lends.

use std::fs;

use pm_testkit::Home;
use serde_json::{Value, json};

use super::alerts::server;
use super::desk::{ask, audit, desk, key, link, routes, sign_in, state, value};
use super::stream::listen;

/// Command lines of all processes there are.
fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let lines = processes.filter_map(|process| fs::read(process.join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}

#[test]
fn s15_what_is_secret_is_in_no_audit_line_answer_or_stream() {
    let home = Home::new();
    // A word that no other process of this machine was told.
    let planted = format!("planted{}", std::process::id());
    let secret = |what: &str| format!("{planted}-{what}");
    home.file(
        "apps.json",
        json!({ "apps": [{ "name": "web", "script": "sleep", "args": ["1000"], "interpreter": "none",
            "env": { "API_KEY": secret("env"), "DATABASE_URL": format!("postgres://ann:{}@db/x", secret("url")) } }] })
        .to_string(),
    );
    home.run(["start", "apps.json"]).ok();
    let desk = desk(&home);
    let port = desk.port;
    let admin = key(&home, port, &[]);
    let send = |path: &str, body: &Value| ask(port, "POST", path, &admin, &body.to_string());
    let mut answers = Vec::new();

    // A channel, whose address and secret open it; what it says is told, but not those.
    let said =
        json!({ "errcode": 1, "errmsg": format!("{} does not fit", secret("sign")) }).to_string();
    let (robot, _heard) = server(&[("200 OK", &said)]);
    let channel = json!({ "deed": "add", "name": "ops", "kind": "dingtalk",
        "url": format!("http://127.0.0.1:{robot}/{}", secret("address")), "secret": secret("sign") });
    let added = send("/api/alerts", &channel);
    assert_eq!(value(&added)["exit"], 0, "{}", added.text());
    answers.push(added.text());
    answers.push(send("/api/alerts", &json!({ "deed": "test", "name": "ops" })).text());
    assert!(answers[1].contains("does not fit"), "{}", answers[1]);
    // Who comes in by a wrong way, and by a right one.
    let password = json!({ "name": "ann", "password": secret("password") });
    answers.push(sign_in(port, &password).text());
    answers.push(sign_in(port, &json!({ "link": secret("link") })).text());
    answers.push(ask(port, "GET", "/api/apps", &secret("key"), "").text());
    let one = link(&home, &[]);
    assert_eq!(sign_in(port, &json!({ "link": one })).status, 200);
    // Everything that can be asked, and what is done to an app.
    let id = home.row("web").id.to_string();
    for route in routes(port, &admin).iter().filter(|route| route["method"] == "GET") {
        let path = route["path"].as_str().unwrap().replace("{}", &id);
        if path != "/api/events" {
            answers.push(ask(port, "GET", &path, &admin, "").text());
        }
    }
    let mut stream = listen(port, &admin, "topics=apps,usage,host,logs:web", "");
    answers.push(send(&format!("/api/apps/{id}/restart"), &json!({})).text());
    let news = stream.until("the restart", |told| told.data.to_string().contains("\"restarts\":1"));
    answers.push(news.data.to_string());

    for text in answers.iter().chain(&command_lines()) {
        assert!(!text.contains(&planted), "{text}");
    }
    home.wait_until("the restart is in the audit", || {
        audit(&home).iter().any(|line| line["deed"][1] == "restart")
    });
    for file in ["audit.jsonl", "sessions.json"] {
        let text = fs::read_to_string(state(&home).join(file)).unwrap();
        assert!(
            !text.contains(&planted) && !text.contains(&one) && !text.contains(&admin),
            "{text}"
        );
    }
}

#[test]
fn s19_who_is_admin_where_root_runs_it_is_told_what_that_means() {
    let home = Home::new();
    let desk = desk(&home);
    let who = value(&ask(desk.port, "GET", "/api/session", &key(&home, desk.port, &[]), ""));
    // What the page makes of it: browser/looks.mjs.
    assert_eq!(who["root"], rustix::process::geteuid().is_root(), "{who}");
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/panel.md")).unwrap();
    assert!(page.contains("an admin of the panel may do whatever a shell of that user"));
}
