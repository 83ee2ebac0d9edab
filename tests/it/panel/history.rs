//! What apps used: written down by the panel, read by the page and by the command line, whatever happens in between.

use std::fs;
use std::path::PathBuf;

use pm_testkit::{Home, signal};
use serde_json::Value;

use super::desk::{ask, desk, desk_of, key, state, value};

fn ring(home: &Home, name: &str) -> PathBuf {
    state(home).join("history").join(name)
}

/// Figures that somebody looked at.
fn known(figures: &Value) -> usize {
    figures.as_array().unwrap().iter().filter(|it| !it.is_null()).count()
}

#[test]
fn what_apps_use_is_written_down_and_outlives_the_panel() {
    let home = Home::new();
    home.run(["start", "sleep", "--name", "web/1", "--", "1000"]).ok();
    home.run(["start", "sleep", "--name", "db", "--", "1000"]).ok();
    let words = ["web", "--foreground", "--listen", "127.0.0.1:0", "--history", "8M"];
    let desk = desk_of(home.pm(words));
    let all = key(&home, desk.port, &[]);
    let guest = key(&home, desk.port, &["--role", "viewer", "--apps", "db"]);
    let web = home.row("web/1");
    home.run(["restart", "web/1"]).ok();
    let path = format!("/api/apps/{}/history", web.id);
    let ask_for = || value(&ask(desk.port, "GET", &path, &all, ""));
    home.wait_until("figures and a restart", || {
        let told = ask_for();
        known(&told["memory"]["max"]) > 0 && told["restarts"] != Value::Array(Vec::new())
    });
    let told = ask_for();
    assert_eq!((&told["kept"], &told["step_ms"]), (&Value::Bool(true), &30_000.into()));
    assert!(
        told["memory"]["avg"].as_array().unwrap().last().unwrap().as_u64().unwrap() > 100_000,
        "{told}"
    );
    assert_eq!(told["restarts"][0][1], 1);
    // Nobody sees more of the past than of the present.
    assert_eq!(ask(desk.port, "GET", &path, &guest, "").status, 404);
    let small = value(&ask(desk.port, "GET", "/api/history", &guest, ""));
    let ids: Vec<_> = small["rows"].as_array().unwrap().iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, [home.row("db").id]);
    for bad in ["?since=x", "?until=-1", "?step=1h"] {
        assert_eq!(ask(desk.port, "GET", &format!("{path}{bad}"), &all, "").status, 400, "{bad}");
    }
    let far = format!("{path}?since=0&until={}", u64::MAX);
    assert_eq!(value(&ask(desk.port, "GET", &far, &all, ""))["step_ms"], 7_200_000);
    // What was told is in the file: who is killed loses what came since.
    signal(desk.running.pid(), 9);
    assert_eq!(fs::metadata(ring(&home, "web%2F1.0")).unwrap().len(), 235_072);
    let said = home.run(["history", "web/1", "--since", "1h"]).ok();
    said.says("memory").says("restarts 1").says("started");
    let json = home.run(["history", "web/1", "--since", "1h", "--json"]).ok().json();
    assert_eq!(json["usage"][0]["name"], "web/1");
    assert!(json["events"][0]["event"].is_string() && known(&json["usage"][0]["cpu"]) > 0);
    assert!(home.run(["history", "web/1", "--json"]).ok().json().is_array());
}

#[test]
fn history_is_kept_without_a_listener_and_not_in_the_foreground() {
    let home = Home::new();
    home.run(["start", "sleep", "--name", "web", "--", "1000"]).ok();
    home.run(["web", "--no-listen"]).ok().says("listens nowhere");
    home.run(["web", "link"]).ends(1).complains("--no-listen");
    home.run(["web"]).ok().says("listens nowhere");
    let before = home.row("pm-web").pid;
    // Whoever ends it well loses nothing.
    home.wait_until("a figure that is written at the end", || {
        home.run(["restart", "pm-web"]).ok();
        ring(&home, "web.0").exists()
    });
    assert_ne!(home.row("pm-web").pid, before);
    home.run(["history", "web"]).ok().says("memory");
    // Half a file is told of and begun anew.
    fs::write(ring(&home, "web.0"), "pmhist1\nhalf").unwrap();
    home.run(["history", "web"]).ok();
    home.wait_until("it is begun anew", || {
        home.run(["restart", "pm-web"]).ok();
        fs::metadata(ring(&home, "web.0")).unwrap().len() == 235_072
    });
    let log = home.home().root().join("logs/pm-web-error.log");
    home.wait_until("it is told", || {
        fs::read_to_string(&log).is_ok_and(|it| it.contains("the history of web 0 was no history"))
    });
    home.run(["history", "web"]).ok().says("memory");
    home.run(["web", "--listen", "127.0.0.1:1", "--no-listen"]).ends(2);
    home.run(["web", "--history", "lots"]).ends(2).complains("lots");
    home.run(["web", "stop"]).ok();
    fs::remove_dir_all(state(&home).join("history")).unwrap();
    let desk = desk(&home);
    let key = key(&home, desk.port, &[]);
    let path = format!("/api/apps/{}/history", home.row("web").id);
    let told = value(&ask(desk.port, "GET", &path, &key, ""));
    assert_eq!((&told["kept"], known(&told["cpu"]["avg"])), (&Value::Bool(false), 0));
    assert!(!state(&home).join("history").exists());
}
