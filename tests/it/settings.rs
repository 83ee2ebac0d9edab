//! `set`, `get`, `unset`, `multiset`, `conf`: the file they keep, and the apps they reach.

use std::fs;
use std::os::unix::fs::MetadataExt;

use pm_testkit::Home;

fn file(home: &Home) -> String {
    fs::read_to_string(home.home().module_conf()).unwrap()
}

/// What an app that prints its environment has printed since it was last started.
fn env_of(home: &Home, name: &str) -> String {
    let run = home.run(["env", name]).ok();
    run.out()
}

#[test]
fn settings_are_kept_shown_and_removed() {
    let home = Home::new();
    home.run(["get", "nosuch"]).ends(1).complains("there is no setting nosuch");
    home.run(["get"]).ok();
    home.run(["set", "a", "b c"]).ok();
    home.run(["set", "web:port", "80"]).ok();
    home.run(["conf", "web.host", "-1"]).ok();
    home.run(["multiset", "x 1 \"my.app\".key \"2 3\""]).ok();
    assert_eq!(
        file(&home),
        "{\n    \"a\": \"b c\",\n    \"my.app\": {\n        \"key\": \"2 3\"\n    },\n    \"web\": {\n        \
         \"host\": \"-1\",\n        \"port\": \"80\"\n    },\n    \"x\": \"1\"\n}",
        "PM2's form"
    );
    assert_eq!(fs::metadata(home.home().module_conf()).unwrap().mode() & 0o777, 0o600);
    assert_eq!(home.run(["get", "web:port"]).ok().out(), "80\n");
    assert_eq!(home.run(["conf", "a"]).ok().out(), "b c\n");
    assert_eq!(home.run(["config", "a"]).ok().out(), "b c\n");
    assert_eq!(home.run(["get", "web"]).ok().out(), "pm set web:host -1\npm set web:port 80\n");
    assert!(home.run(["get"]).ok().says("pm set a 'b c'\n").out().contains("pm set x 1"));
    assert_eq!(home.run(["get", "web", "--json"]).ok().json()["port"], "80");
    home.run(["unset", "web:port"]).ok();
    home.run(["unset", "nosuch"]).ok();
    home.run(["get", "web:port"]).ends(1);
    home.run(["multiset", "a 1 b"]).ends(2).complains("b has no value");
    home.run(["set", "a"]).ends(2).complains("to what?");
    home.run(["set"]).ends(2).complains("needs a terminal");
    home.run(["set", ":x", "1"]).ends(2);
    home.run(["unset", "all"]).ok();
    assert_eq!(file(&home), "{}");
}

#[test]
fn p03_a_broken_file_of_settings_is_told_and_kept() {
    let home = Home::new();
    home.run(["set", "a", "1"]).ok();
    fs::write(home.home().module_conf(), "{ a: ").unwrap();
    for words in [&["set", "b", "2"][..], &["get", "a"], &["unset", "all"]] {
        home.run(words).ends(1).complains("module_conf.json").complains("correct it, or remove it");
    }
    assert_eq!(file(&home), "{ a: ");
    let script = home.script("app", "exec sleep 1000");
    home.run(["start", script.to_str().unwrap()]).ok().complains("warning: could not read");
}

#[test]
fn settings_of_an_app_are_variables_of_it() {
    let home = Home::new();
    let script = home.script("app", "exec sleep 1000");
    let script = script.to_str().unwrap();
    home.run(["start", script, "--name", "web"]).ok();
    home.run(["start", script, "--name", "other"]).ok();
    let (web, other) = (home.row("web").pid, home.row("other").pid);
    home.run(["set", "web:PORT", "80 81"]).ok().complains("web restarted");
    let now = home.wait_new_pid("web", web).pid;
    assert_eq!(home.row("other").pid, other, "nobody else is disturbed");
    let env = fs::read(format!("/proc/{now}/environ")).unwrap();
    let env: Vec<_> = env.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    assert!(env.iter().any(|line| line == "PORT=80 81"), "{env:?}");
    assert!(env.iter().any(|line| line == "web={\"PORT\":\"80 81\"}"), "{env:?}");
    // What is set for an app that is not there waits for it.
    home.run(["set", "later:MODE", "x"]).ok();
    home.file("apps.json5", "{ apps: [{ name: 'later', script: './app', env: { MODE: 'y' } }] }");
    home.run(["start", "apps.json5"]).ok();
    assert!(env_of(&home, "later").contains("MODE: x\n"));
    // A restart by name keeps it, as any variable.
    home.run(["restart", "web"]).ok();
    assert!(env_of(&home, "web").contains("PORT: 80 81\n"));
}

#[test]
fn what_is_unset_is_no_variable_of_the_app_any_more() {
    let home = Home::new();
    let script = home.script("app", "exec sleep 1000");
    let script = script.to_str().unwrap();
    home.run(["start", script, "--name", "web"]).ok();
    home.run(["start", script, "--name", "rests"]).ok();
    for setting in ["web:PORT", "web:HOST", "rests:PORT"] {
        home.run(["set", setting, "80"]).ok();
    }
    home.run(["stop", "rests"]).ok();
    let old = home.row("web").pid;
    home.run(["unset", "web:PORT"]).ok().complains("web restarted");
    assert_ne!(home.row("web").pid, old);
    let env = env_of(&home, "web");
    assert!(!env.contains("PORT") && env.contains("HOST: 80\n"), "{env}");
    assert!(env.contains("web: {\"HOST\":\"80\"}\n"), "{env}");
    // As any variable it stays away, also with the shell laid over it.
    home.run(["restart", "web", "--update-env"]).ok();
    assert!(!env_of(&home, "web").contains("PORT"));
    let old = home.row("web").pid;
    home.run(["unset", "web:PORT"]).ok();
    home.run(["unset", "nosuch:PORT"]).ok();
    assert_eq!(home.row("web").pid, old, "nothing was there to be unset");
    home.run(["unset", "all"]).ok().complains("rests is down and keeps PORT");
    assert!(!env_of(&home, "web").contains("HOST"));
    assert_eq!(home.row("rests").pid, 0);
}

#[test]
fn many_at_once_lose_nothing() {
    let home = Home::new();
    let calls: Vec<_> =
        (0..8).map(|n| home.pm(["set", &format!("k{n}"), "v"]).background()).collect();
    for mut call in calls {
        assert_eq!(call.wait(), 0);
    }
    let all: serde_json::Value = serde_json::from_str(&file(&home)).unwrap();
    assert_eq!(all.as_object().unwrap().len(), 8, "{all}");
}

#[test]
fn settings_of_pm2s_rotation_steer_ours() {
    let home = Home::new();
    crate::apps::up(&home, "runs");
    let rotation = |name: &str| {
        home.run(["describe", name, "--json"]).ok().json()[0]["spec"]["logs"]["rotation"].clone()
    };
    home.run(["set", "pm2-logrotate:max_size", "1M"]).ok();
    home.run(["set", "pm2-logrotate:retain", "3"]).ok();
    home.run(["set", "pm2-logrotate:compress", "false"]).ok();
    let wished = serde_json::json!({ "max_size": 1 << 20, "keep": 3, "compress": false });
    assert_eq!(rotation("runs"), wished, "at once");
    assert_eq!(home.row("runs").restarts, 0);
    crate::apps::up(&home, "new");
    assert_eq!(rotation("new"), wished);
    home.run(["set", "pm2-logrotate:max_size", "huge"]).ends(2).complains("10M");
    home.run(["set", "pm2-logrotate:rotateInterval", "0 0 * * *"]).ok().complains("no effect");
    home.run(["unset", "pm2-logrotate"]).ok();
    assert_eq!(rotation("runs")["keep"], 10);
}
