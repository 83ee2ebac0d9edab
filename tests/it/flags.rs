//! A flag of a key acts or is refused with its name, wherever it is typed: no flag vanishes. The registry is walked, so
//! that a new flag is walked by itself.

use pm_spec::options::{FlagValue, KeyKind, KeySpec, Support, keys};
use pm_testkit::{Home, Run};
use serde_json::{Value, json};

use crate::pm2_surface::named;

/// What an app of the shell has anyway, so that nothing can be seen to change.
const SO_ANYWAY: [&str; 2] = ["disable_source_map_support", "execute_command"];

/// What every life has of its own.
const VOLATILE: [&str; 12] = [
    "pm_id",
    "unique_id",
    "created_at",
    "pm_uptime",
    "restart_time",
    "status",
    "name",
    "prev_restart_delay",
    "exit_code",
    "pm_pid_path",
    "pm_out_log_path",
    "pm_err_log_path",
];

const BASE: [&str; 4] = ["-i", "1", "--cron-restart", "0 0 1 1 *"];

fn flagged() -> impl Iterator<Item = &'static KeySpec> {
    // Who can make no cgroup is refused these, which `groups` looks at.
    let can_act = |key: &KeySpec| {
        !["mem_limit", "cpus", "pids_limit"].contains(&key.name) || crate::groups::can_be_made()
    };
    keys().filter(move |key| key.flag.is_some() && key.support == Support::Full && can_act(key))
}

/// The flag with a value.
fn typed(key: &KeySpec) -> Vec<String> {
    let flag = key.flag.unwrap();
    let value = match (flag.value, &key.kind) {
        (FlagValue::On | FlagValue::Off, _) => return vec![flag.long.into()],
        // A port would be wanted by several tests at once.
        _ if key.name == "listen" => "unix://./app.sock",
        // What is no gunicorn or celery would be waited for.
        _ if key.name == "preset" => "go",
        (..) if !flag.example.is_empty() => flag.example,
        (_, KeyKind::Span(_)) => "7s",
        (_, KeyKind::Count(..) | KeyKind::Codes(_)) => "7",
        (_, KeyKind::Size(_)) => "300M",
        (
            _,
            KeyKind::Switch(_)
            | KeyKind::Word(..)
            | KeyKind::Variables
            | KeyKind::Special(_)
            | KeyKind::Unused,
        ) => {
            panic!("the flag {} has no example", flag.long)
        }
    };
    let mut words = vec![format!("{}={value}", flag.long)];
    // Nobody answers there, and nobody is waited for.
    words.extend((key.name == "ready").then(|| "--ready-timeout=1ms".to_owned()));
    words
}

/// A home with a script, a folder and one app of a file for each flag.
fn home() -> Home {
    let home = Home::new();
    home.script("app", "exec sleep 1000");
    home.file(".env", "FROM_FILE=1\n");
    std::fs::create_dir(home.work().join("sub")).unwrap();
    home
}

fn file(home: &Home, name: &str) -> String {
    let file = format!("{name}.json5");
    let app = json!({
        "name": name, "script": home.work().join("app"), "instances": 1, "cron_restart": "0 0 1 1 *"
    });
    home.file(&file, app.to_string());
    file
}

fn run(home: &Home, words: &[&str], more: &[String]) -> Run {
    let words = words.iter().copied().chain(more.iter().map(String::as_str));
    home.pm(words.collect::<Vec<_>>()).env("AWS_KEY", "1").run()
}

/// What stays the same over lives, of the app whose `pm_id` comes first.
fn shown(entry: &Value) -> Value {
    let mut shown = entry["pm2_env"].clone();
    let own = shown.as_object_mut().unwrap();
    let name = own["name"].as_str().unwrap().to_owned();
    for key in ["pm_pid_path", "pm_out_log_path", "pm_err_log_path"] {
        let path = own[key].as_str().unwrap_or_default();
        let kind = ["given", "/dev/null"].into_iter().find(|it| path.contains(it));
        own.insert(format!("kind of {key}"), kind.unwrap_or("usual").into());
    }
    own["env"].as_object_mut().unwrap().remove(&name);
    for key in VOLATILE {
        own.remove(key);
    }
    shown
}

fn list(home: &Home) -> Vec<Value> {
    home.run(["jlist"]).ok().json().as_array().unwrap().clone()
}

/// The newest of that name: a file's app in another namespace is another app.
fn entry<'l>(list: &'l [Value], name: &str) -> &'l Value {
    list.iter().rfind(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no app {name}"))
}

/// Each flag with what became of it, by the name its app has.
type Walk = fn(&Home, &str, &[String]) -> Run;

fn script(home: &Home, name: &str, flag: &[String]) -> Run {
    let words = ["start", "./app", "--no-wait", "--name", name];
    run(home, &[&words, &BASE[..]].concat(), flag)
}

fn config(home: &Home, name: &str, flag: &[String]) -> Run {
    run(home, &["start", "--no-wait", &file(home, name)], flag)
}

fn restart(home: &Home, name: &str, flag: &[String]) -> Run {
    config(home, name, &[]).ok();
    run(home, &["restart", "--no-wait", name], flag)
}

fn reload(home: &Home, name: &str, flag: &[String]) -> Run {
    config(home, name, &[]).ok();
    run(home, &["reload", name], flag)
}

fn restart_file(home: &Home, name: &str, flag: &[String]) -> Run {
    config(home, name, &[]).ok();
    run(home, &["restart", "--no-wait", &format!("{name}.json5")], flag)
}

/// Does it with every flag, each on an app of its own, and looks at them all.
fn walk(how: Walk) {
    let home = home();
    how(&home, "plain", &[]).ok();
    let mut acted = Vec::new();
    for key in flagged() {
        let flag = key.flag.unwrap().long;
        let run = how(&home, key.name, &typed(key));
        // What waits for `ready` waits in vain, but it waits; and a script has no workers to replace.
        let in_vain = ["wait_ready", "ready", "reload_signal"].contains(&key.name);
        if run.code == 0 || (run.code == 1 && in_vain) {
            acted.push(key);
        } else {
            // Where two can't be together either is named.
            run.ends(2).complains(flag.trim_start_matches("--"));
        }
    }
    let list = list(&home);
    let plain = shown(entry(&list, "plain"));
    for key in &acted {
        let name = if key.name == "name" { "given" } else { key.name };
        let shown = shown(entry(&list, name));
        let is_seen = key.name == "name" || shown != plain;
        let expected = !SO_ANYWAY.contains(&key.name);
        assert_eq!(is_seen, expected, "{} vanished: {shown:#}", key.flag.unwrap().long);
    }
    assert!(acted.len() + 2 >= flagged().count(), "so many are refused? {}", acted.len());
}

#[test]
fn a_flag_acts_on_a_script() {
    walk(script);
}

#[test]
fn a_flag_acts_on_the_apps_of_a_file() {
    walk(config);
    walk(restart_file);
}

#[test]
fn a_flag_acts_on_a_known_app_that_is_restarted() {
    walk(restart);
}

#[test]
fn a_flag_acts_on_a_known_app_that_is_reloaded() {
    walk(reload);
}

#[test]
fn a_flag_is_refused_where_it_means_nothing() {
    let home = home();
    let file = file(&home, "web");
    for key in flagged() {
        let flag = key.flag.unwrap().long;
        for verb in [&["apply", &file][..], &["check", &file], &["stop", "all"], &["ping"]] {
            run(&home, verb, &typed(key)).ends(2).complains(flag);
        }
    }
    home.run(["start", "./app", "--env", "production"]).ends(2).complains("--env");
    home.run(["start", "./app", "--only", "web"]).ends(2).complains("--only");
    home.run(["runtime", "./app", "--env", "production"]).ends(2).complains("--env");
    home.run(["serve", ".", "--interpreter", "node"]).ends(2).complains("--interpreter");
    home.run(["start", "./app", "--cron-timezone", "UTC"]).ends(2).complains("--cron-timezone");
    assert!(!home.home().socket().exists(), "a mistake started a daemon");
}

#[test]
fn what_a_flag_replaces_in_a_file_is_said_once() {
    let home = home();
    let two = json!([
        { "name": "a", "script": "./app", "kill_timeout": 1, "args": "x" },
        { "name": "b", "script": "./app", "kill_timeout": 2 },
    ]);
    home.file("two.json5", two.to_string());
    let run = home.run(["start", "two.json5", "--kill-timeout", "7000", "--", "extra"]).ok();
    assert_eq!(run.err.matches("--kill-timeout: warning: it replaces").count(), 1, "{}", run.err);
    let list = list(&home);
    for name in ["a", "b"] {
        let env = &entry(&list, name)["pm2_env"];
        assert_eq!((&env["kill_timeout"], &env["args"]), (&json!(7000), &json!(["extra"])));
    }
    home.run(["start", "two.json5", "--name", "c"]).ends(2).complains("several apps one name");
}

#[test]
fn as_pm2_pm2s_meaning_of_a_flag_counts() {
    let home = named("pm2");
    home.script("app", "exec sleep 1000");
    home.file("one.json", json!([{ "name": "a", "script": "./app" }]).to_string());
    let run = home.run(["start", "one.json", "--kill-timeout", "9000", "--cwd", "/"]).ok();
    assert_eq!(entry(&list(&home), "a")["pm2_env"]["kill_timeout"], 1600);
    assert_eq!(entry(&list(&home), "a")["pm2_env"]["pm_cwd"], "/");
    run.complains("--kill-timeout: warning: it has no effect on the apps of a config file");
}
