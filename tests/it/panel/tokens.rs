//! Keys for programs, and who may give them out.

use std::fs;
use std::io::Read;

use pm_testkit::Home;
use serde_json::{Value, json};

use super::desk::{self, ask, audit, begin, code, desk, request, state, value};

fn access(port: u16, key: &str, body: &Value) -> Value {
    let answer = ask(port, "POST", "/api/access", key, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    value(&answer)
}

#[test]
fn a_token_lets_a_program_in_until_it_is_removed() {
    let home = Home::new();
    for (name, namespace) in [("web", "shop"), ("db", "other")] {
        let words =
            ["start", "sleep", "--name", name, "--namespace", namespace, "--no-wait", "--", "1000"];
        home.run(words).ok();
    }
    home.run(["web", "token", "list"]).ok().says("pm web token add");
    // Made before the panel runs, and while it does.
    let words = ["web", "token", "add", "ci", "--role", "operator", "--apps", "ns:shop"];
    let early = home.run(words).ok().out().trim().to_owned();
    let desk = desk(&home);
    let port = desk.port;
    let late =
        home.run(["web", "token", "add", "prometheus", "--days", "30", "--json"]).ok().json();
    let late = late["token"].as_str().unwrap().to_owned();
    home.run(["web", "token", "add", "ci"]).ends(2).complains("one of this name");
    home.run(["web", "token", "add", "a b"]).ends(2).complains("letters");
    home.run(["web", "token", "add", "x", "--days", "0"]).ends(2);
    // Role and apps are those of the token; the audit has its name.
    let who = value(&ask(port, "GET", "/api/session", &early, ""));
    assert_eq!((who["name"].as_str(), who["role"].as_str()), (Some("token:ci"), Some("operator")));
    let id = home.row("web").id;
    assert_eq!(ask(port, "POST", &format!("/api/apps/{id}/restart"), &early, "{}").status, 200);
    let foreign = ask(port, "POST", &format!("/api/apps/{}/stop", home.row("db").id), &early, "{}");
    assert_eq!((foreign.status, code(&foreign).as_str()), (404, "no_such_app"));
    assert_eq!(ask(port, "GET", "/metrics", &late, "").status, 200);
    let denied = ask(port, "POST", &format!("/api/apps/{id}/restart"), &late, "{}");
    assert_eq!((denied.status, code(&denied).as_str()), (403, "not_allowed"));
    assert_eq!(ask(port, "DELETE", "/api/session", &late, "{}").status, 400);
    home.run(["web", "token", "list"]).ok().says("prometheus").says("ns:shop");
    // No file has it, nor has who reads them.
    for entry in fs::read_dir(state(&home)).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&early) && !text.contains(&late));
    }
    // Removed: at once, with what is open.
    let (_, mut stream) = begin(port, &request("GET", "/api/events?topics=apps", &late, ""));
    home.run(["web", "token", "remove", "prometheus"]).ok();
    stream.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(ask(port, "GET", "/api/session", &late, "").status, 401);
    home.run(["web", "token", "remove", "prometheus"]).ends(2).complains("prometheus");
    // Past its day it is nothing.
    let file = state(&home).join("tokens.json");
    let mut all: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert!(all["ci"]["used_ms"].is_u64());
    all["ci"]["until_ms"] = 1.into();
    fs::write(&file, all.to_string()).unwrap();
    assert_eq!(ask(port, "GET", "/api/session", &early, "").status, 401);
    let lines = audit(&home);
    let has = |who: &str, deed: &str| {
        lines.iter().any(|it| it["who"] == who && it["deed"].to_string().contains(deed))
    };
    assert!(has("token:ci", "restart") && has("", r#""token","add","prometheus""#), "{lines:#?}");
}

#[test]
fn who_may_come_in_is_for_admins_who_see_all_to_change() {
    let home = Home::new();
    home.run(["start", "sleep", "--name", "web", "--no-wait", "--", "1000"]).ok();
    let desk = desk(&home);
    let port = desk.port;
    let wish = json!({ "deed": "add_token", "name": "x", "role": "admin" });
    for words in [&["--role", "viewer"][..], &["--role", "operator"], &["--apps", "web"]] {
        let key = desk::key(&home, port, words);
        for (method, body) in [("GET", String::new()), ("POST", wish.to_string())] {
            let answer = ask(port, method, "/api/access", &key, &body);
            assert_eq!((answer.status, code(&answer).as_str()), (403, "not_allowed"), "{words:?}");
        }
    }
    let key = desk::key(&home, port, &[]);
    let made = access(port, &key, &wish);
    assert_eq!((made["exit"].as_i64(), made["argv"][3].as_str()), (Some(0), Some("add")));
    let token = made["out"].as_str().unwrap().trim();
    assert_eq!(value(&ask(port, "GET", "/api/session", token, ""))["role"], "admin");
    let user =
        json!({ "deed": "add_user", "name": "ann", "role": "viewer", "password": "correct horse" });
    assert_eq!(access(port, &key, &user)["exit"], 0);
    let two = json!({ "deed": "add_user", "name": "bob", "role": "viewer", "password": "correct\nhorse" });
    assert_eq!(ask(port, "POST", "/api/access", &key, &two.to_string()).status, 400);
    let odd = access(port, &key, &json!({ "deed": "remove_user", "name": "--help; id" }));
    assert_eq!(odd["exit"], 2);
    let entered = desk::sign_in(port, &json!({ "name": "ann", "password": "correct horse" }));
    assert_eq!(entered.status, 200);
    let all = value(&ask(port, "GET", "/api/access", &key, ""));
    let names = |what: &str| -> Vec<String> {
        let list = all[what].as_array().unwrap().iter();
        list.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names("users"), names("tokens")), (vec!["ann".into()], vec!["x".into()]));
    let hers = all["sessions"].as_array().unwrap().iter().find(|it| it["name"] == "ann").unwrap();
    let end = json!({ "deed": "end_session", "name": hers["id"] });
    assert_eq!(access(port, &key, &end)["exit"], 0);
    let her_key = value(&entered)["key"].as_str().unwrap().to_owned();
    assert_eq!(ask(port, "GET", "/api/session", &her_key, "").status, 401);
    assert_eq!(access(port, &key, &json!({ "deed": "remove_token", "name": "x" }))["exit"], 0);
    assert_eq!(ask(port, "GET", "/api/session", token, "").status, 401);
    // One line a deed, and no secret in any.
    let lines = audit(&home);
    let text = json!(lines).to_string();
    assert!(!text.contains("correct horse") && !text.contains(token), "{text}");
    let adds = lines.iter().filter(|it| it["deed"][3] == "add" && it["deed"][2] == "user");
    assert_eq!(adds.count(), 1, "{lines:#?}");
}
