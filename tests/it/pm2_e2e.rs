//! Called as `pm2`: what PM2's own end-to-end scripts rely on (`fixtures/pm2-e2e` runs them).

use pm_testkit::fixture;
use serde_json::{Value, json};

use crate::pm2_surface::named;

/// A list's settings of all apps, in order of id.
fn settings(home: &pm_testkit::Home) -> Vec<Value> {
    let Value::Array(mut list) = home.run(["jlist"]).ok().json() else { panic!("no list") };
    list.sort_by_key(|entry| entry["pm_id"].as_u64());
    list.into_iter().map(|entry| entry["pm2_env"].clone()).collect()
}

fn words<'a>(verb: &'a str, program: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[verb, program, "--name", "app"], more, &["--", "--live", "forever"]].concat()
}

#[test]
fn a_mark_is_one_instances() {
    let home = named("pm2");
    let program = fixture();
    home.run(words("start", program.to_str().unwrap(), &["-i", "3"])).ok();
    let marks = || settings(&home).iter().map(|one| one["_km_monitored"].clone()).collect();
    let marks = || -> Value { Value::Array(marks()) };
    home.run(["monitor", "1"]).ok();
    assert_eq!(marks(), json!([null, true, null]));
    home.run(["unmonitor", "1"]).ok();
    home.run(["monitor", "2"]).ok();
    assert_eq!(marks(), json!([null, false, true]));
    home.run(["unmonitor", "app"]).ok();
    assert_eq!(marks(), json!([false, false, false]));
    assert!(home.rows().iter().all(|row| row.restarts == 0));
}

#[test]
fn a_variable_that_counts_up_is_listed_as_each_instance_has_it() {
    let home = named("pm2");
    let file = home.file(
        "apps.json",
        json!({ "name": "app", "script": fixture(), "args": "--live forever", "instances": 2,
            "increment_var": "PORT", "env": { "PORT": 3000 } })
        .to_string(),
    );
    home.run(["start", file.to_str().unwrap()]).ok();
    let ports: Vec<_> =
        settings(&home).iter().map(|one| json!([one["PORT"], one["env"]["PORT"]])).collect();
    assert_eq!(ports, [json!([3000, 3000]), json!([3001, 3001])]);
}

#[test]
fn what_a_script_cuts_out_of_a_list_ends_with_a_comma() {
    let home = named("pm2");
    let program = fixture();
    home.run(words("start", program.to_str().unwrap(), &[])).ok();
    let list = home.run(["prettylist"]).ok().out();
    let ids: Vec<_> = list.lines().filter(|line| line.contains("pm_id:")).map(str::trim).collect();
    assert_eq!(ids, ["pm_id: 0,", "pm_id: 0,"], "{list}");
    let at = |text: &str| list.find(text).unwrap_or_else(|| panic!("no {text}\n{list}"));
    assert!(at("pid: ") < at("name: ") && at("pm2_env: ") < at("monit: "), "{list}");
}

#[test]
fn json_that_is_javascript_is_run() {
    let home = named("pm2");
    home.script("run.sh", "exec sleep 1000");
    let file =
        home.file("apps.json", "// two\n[{ name: 'app', script: ['./run', '.sh'].join('') }]");
    let file = file.to_str().unwrap();
    home.run(["start", file]).ok();
    home.run(["stop", file]).ok();
    assert_eq!(settings(&home)[0]["status"], "stopped");
    // Its own mistakes are told as those of JSON, and for pm it is data.
    let broken = home.file("broken.json", "[{ name: 'app', script: './run.sh']");
    home.run(["start", broken.to_str().unwrap()]).ends(1).complains("broken.json:1:");
    let own = pm_testkit::Home::new();
    own.run(["check", file]).ends(2).says("JavaScript is not evaluated here");
}

#[test]
fn a_script_that_rests_is_started_as_it_is_known() {
    let home = named("pm2");
    let program = fixture();
    let program = program.to_str().unwrap();
    home.run(words("start", program, &["-i", "2", "--kill-timeout", "900"])).ok();
    home.run(words("start", program, &[])).ends(1);
    home.run(["stop", "app"]).ok();
    home.run(["start", program, "--name", "app", "--max-restarts", "5"]).ok();
    let states: Vec<_> = settings(&home)
        .iter()
        .map(|one| json!([one["status"], one["kill_timeout"], one["max_restarts"]]))
        .collect();
    assert_eq!(states, [json!(["online", 900, 5]), json!(["online", 900, 5])]);
}

#[test]
fn a_list_starts_the_daemon_and_its_pid_file() {
    let home = named("pm2");
    let root = home.home().root().to_owned();
    let pid_file = root.join("my.pid");
    let list = home.pm(["list"]).env("PM_HOME", "").env("PM2_HOME", &root);
    list.env("PM2_PID_FILE_PATH", &pid_file).run().ok();
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    assert!(pm_testkit::is_alive(pid.trim().parse().unwrap()));
    let own = pm_testkit::Home::new();
    own.run(["list"]).ok();
    assert!(!own.home().socket().exists(), "as pm, who only looks starts nothing");
}

#[test]
fn an_update_counts_from_zero() {
    let home = named("pm2");
    let program = fixture();
    home.run(words("start", program.to_str().unwrap(), &[])).ok();
    home.run(["restart", "app"]).ok();
    let pid = home.row("app").pid;
    home.run(["update"]).ok();
    let row = home.row("app");
    assert_eq!((row.restarts, row.pid), (0, pid), "counts as after PM2's update, but it runs on");
}

#[test]
fn init_goes_on_with_a_file_that_is_there() {
    let home = named("pm2");
    let file = home.file("ecosystem.config.js", "mine");
    home.pm(["init"]).run().ok().complains("warning: could not write");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

#[cfg(feature = "serve")]
#[test]
fn a_file_server_is_listed_as_a_node_app_is() {
    let home = named("pm2");
    home.file("site/index.html", "hello");
    let port = pm_testkit::free_port().to_string();
    home.run(["serve", "site", &port, "--name", "front"]).ok();
    assert_eq!(settings(&home)[0]["axm_options"]["module_name"], "front");
    assert_eq!(home.run(["prettylist"]).ok().out().matches("front").count(), 7);
}

#[test]
fn who_tests_apps_in_the_foreground_finds_them_with_the_daemon() {
    for (name, variable, flag) in
        [("pm2-dev", "UNUSED", "--test-mode"), ("pm2-runtime", "PM2_RUNTIME_DEBUG", "--raw")]
    {
        let called = named(name);
        let script = called.script("app.sh", "exec sleep 1000");
        called.pm([script.to_str().unwrap(), flag]).env(variable, "true").run().ok();
        let home = called.with_program(pm_testkit::pm());
        assert_eq!(home.row("app").status.as_str(), "online", "{name}");
    }
}

#[test]
fn dev_watches_what_the_file_says() {
    let called = named("pm2-dev");
    called.script("run.sh", "exec sleep 1000");
    called.file("server/x", "");
    let file = called.file(
        "app.json",
        "[{ script: './run.sh', name: 'a', watch: ['server'] }, { script: './run.sh', name: 'b', watch: false }]",
    );
    called.pm([file.to_str().unwrap(), "--test-mode"]).run().ok();
    let home = called.with_program(pm_testkit::pm());
    let watch: Vec<_> = settings(&home).iter().map(|one| one["watch"].clone()).collect();
    assert_eq!(watch, [json!(["server"]), json!(true)]);
}

#[test]
fn a_list_that_is_watched_is_seen_in_silence_too() {
    let home = named("pm2");
    let program = fixture();
    home.run(words("start", program.to_str().unwrap(), &[])).ok();
    assert_eq!(home.run(["--silent", "list"]).ok().out(), "");
    home.pm(["--silent", "list", "--watch"]).background().wait_for("online");
}

/// `test/e2e/misc/vizion.sh`, and the scripts below `cli` and `process-file`, count words in `prettylist`.
#[test]
fn six_apps_of_one_file_are_counted_as_never_restarted_and_with_vizion() {
    let home = named("pm2");
    let app = |number: u32| json!({ "name": format!("app-{number}"), "script": fixture(), "args": "--live forever" });
    let apps: Vec<Value> = (0..6).map(app).collect();
    home.file("apps.json", json!({ "apps": apps }).to_string());
    home.run(["start", "apps.json"]).ok();
    let counted = |text: &str| home.run(["prettylist"]).ok().out().matches(text).count();
    assert_eq!((counted("restart_time: 0"), counted("vizion: true")), (6, 6));
    home.run(["start", "apps.json"]).ok();
    assert_eq!((counted("restart_time: 0"), counted("restart_time: 1")), (0, 6));
}

#[test]
fn a_restart_with_watch_turns_it_on_and_off() {
    let home = named("pm2");
    let program = fixture();
    home.run(words("start", program.to_str().unwrap(), &[])).ok();
    let watches = || settings(&home)[0]["watch"].clone();
    assert_eq!(watches(), json!(false));
    home.run(["restart", "app", "--watch"]).ok();
    assert_eq!(watches(), json!(true));
    home.run(["restart", "app"]).ok();
    assert_eq!(watches(), json!(true));
    home.run(["restart", "app", "--watch"]).ok();
    assert_eq!(watches(), json!(false));
}
