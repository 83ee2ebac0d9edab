//! Domains by the panel: for admins, as they were shown, and written down.

use pm_testkit::Home;
use serde_json::{Value, json};

use super::desk::{ask, audit, code, desk, key, value};
use crate::domains::{NAME, Proxy, listens, served};

#[test]
fn a_domain_is_added_as_it_was_shown_and_taken_away_again() {
    let home = Home::new();
    let port = listens(&home);
    let proxy = Proxy::running(&home, "caddy");
    let before = proxy.files();
    let desk = desk(&home);
    let admin = key(&home, desk.port, &[]);
    let send = |path: &str, body: &Value| ask(desk.port, "POST", path, &admin, &body.to_string());
    let id = home.row("shop").id;
    let new = json!({ "deed": "add", "name": NAME, "app": id, "config": proxy.config });
    let signed = |wish: &Value, token: &Value| {
        let mut wish = wish.clone();
        wish["token"] = token.clone();
        wish
    };

    // Nobody else, and nothing that was not looked at.
    for words in [["--role", "operator"], ["--apps", "shop"]] {
        let guest = key(&home, desk.port, &words);
        for (method, path) in [("GET", ""), ("POST", ""), ("POST", "/plan")] {
            let path = format!("/api/domains{path}");
            let answer = ask(desk.port, method, &path, &guest, &new.to_string());
            assert_eq!(code(&answer), "not_allowed", "{words:?} {method} {path}");
        }
    }
    let plan = value(&send("/api/domains/plan", &new));
    assert!(plan["text"].as_str().unwrap().contains(&format!("127.0.0.1:{port}")), "{plan:#}");
    for token in [Value::Null, json!("x")] {
        assert_eq!(code(&send("/api/domains", &signed(&new, &token))), "changed");
    }
    for bad in ["--yes", "a.b;", "{$HOME}.b", "a.b\n}"] {
        let mut bad_wish = new.clone();
        bad_wish["name"] = bad.into();
        assert_eq!(code(&send("/api/domains/plan", &bad_wish)), "not_possible", "{bad}");
    }
    assert_eq!(proxy.files(), before);

    let done = value(&send("/api/domains", &signed(&new, &plan["token"])));
    assert_eq!(done["exit"], 0, "{done:#}");
    served(&home, &proxy, NAME);
    let listed = value(&ask(desk.port, "GET", "/api/domains", &admin, ""));
    assert_eq!(listed["domains"][0]["name"], NAME);

    let wish = json!({ "deed": "remove", "name": NAME });
    let plan = value(&send("/api/domains/plan", &wish));
    assert_eq!(plan["text"], Value::Null);
    let done = value(&send("/api/domains", &signed(&wish, &plan["token"])));
    assert_eq!(done["exit"], 0, "{done:#}");
    assert_eq!(proxy.files(), before);
    let config = proxy.config.display();
    let lines = || -> Vec<String> {
        let line = |line: &Value| {
            let words = line["deed"].as_array().unwrap().iter().filter_map(Value::as_str);
            words.collect::<Vec<_>>().join(" ")
        };
        audit(&home).iter().map(line).filter(|line| line.starts_with("pm domain")).collect()
    };
    let add = format!("pm domain add --config={config} --yes -- {NAME} shop");
    let told = [add, format!("pm domain remove -- {NAME}")];
    home.wait_until("both are in the audit", || lines() == told);
}
