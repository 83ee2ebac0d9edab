//! Commands that are run when something happens to an app: told the facts, and harmless whatever they do.

use std::fs;

use pm_testkit::Home;
use serde_json::Value;

/// A hook that writes what it is told to a file of its event's name, one line each time.
const NOTES: &str =
    "{ cat; } >>\"$PM_EVENT\"; echo \"$PM_APP $PM_EXIT_CODE $PM_SIGNAL\" >>\"$PM_EVENT.env\"";

fn noted(home: &Home, event: &str) -> Vec<String> {
    let text = fs::read_to_string(home.work().join(event)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_hook_is_told_what_happened() {
    let home = Home::new();
    home.script("web", "exit 7");
    let file = serde_json::json!([{
        "name": "web", "script": "./web", "max_restarts": 12, "restart_delay": 1,
        "on_exit": "echo x >>exits; exit 3",
        "on_flapping": NOTES, "on_gave_up": ["sh", "-c", NOTES],
    }]);
    home.file("apps.json", file.to_string());
    home.run(["start", "apps.json"]).ends(1);
    home.wait_until("both are told", || {
        ["on_gave_up.env", "on_flapping.env"].iter().all(|event| !noted(&home, event).is_empty())
    });
    let told: Value = serde_json::from_str(&noted(&home, "on_gave_up")[0]).unwrap();
    assert!(told["event"] == "on_gave_up" && told["app"] == "web", "{told}");
    assert!(told["code"] == 7 && told["restarts"] == 11, "{told}");
    let why = told["why"].as_str().unwrap();
    assert!(why.starts_with("gave up after 12 short runs in a row"), "{told}");
    let told: Value = serde_json::from_str(&noted(&home, "on_flapping")[0]).unwrap();
    assert!(told["why"] == "exited with code 7" && told["restarts"] == 9, "{told}");
    assert_eq!(noted(&home, "on_gave_up.env"), ["web 7 "]);
    assert_eq!(noted(&home, "on_flapping.env").len(), 1, "it is called out once");
    home.wait_until("that a hook fails is told", || {
        let log = fs::read_to_string(home.home().root().join("pm.log")).unwrap_or_default();
        log.contains("hook on_exit of web (id 0) exited with code 3")
    });
    assert!(!noted(&home, "exits").is_empty());
}

#[test]
fn flapping_is_called_out_once_after_as_many_runs_as_are_said() {
    let home = Home::new();
    home.script("web", "exit 7");
    let file = serde_json::json!([{
        "name": "web", "script": "./web", "max_restarts": 6, "restart_delay": 1, "flapping_limit": 3,
        "on_flapping": NOTES, "on_gave_up": NOTES,
    }]);
    home.file("apps.json", file.to_string());
    home.run(["start", "apps.json"]).ends(1);
    home.wait_until("both are told", || {
        ["on_gave_up.env", "on_flapping.env"].iter().all(|event| !noted(&home, event).is_empty())
    });
    let told: Value = serde_json::from_str(&noted(&home, "on_flapping")[0]).unwrap();
    assert!(told["why"] == "exited with code 7" && told["restarts"] == 2, "{told}");
    assert_eq!(noted(&home, "on_flapping").len(), 1);
    let events = home.run(["events", "web"]).ok().out();
    assert_eq!(events.matches("3 failures in a row").count(), 1, "{events}");
    home.run(["describe", "web"]).ok().says("flapping limit");
}

#[test]
fn who_leaves_a_child_behind_is_told_of_when_nobody_is_left() {
    let home = Home::new();
    home.script("web", "sleep 1000 &\nexit 7");
    let file = serde_json::json!([{
        "name": "web", "script": "./web", "max_restarts": 10, "restart_delay": 1, "kill_signal": "SIGTERM",
        "on_flapping": NOTES, "on_gave_up": NOTES,
    }]);
    home.file("apps.json", file.to_string());
    home.run(["start", "apps.json"]).ends(1);
    home.wait_until("both are told", || {
        ["on_gave_up.env", "on_flapping.env"].iter().all(|event| !noted(&home, event).is_empty())
    });
    assert_eq!((noted(&home, "on_gave_up").len(), noted(&home, "on_flapping").len()), (1, 1));
    let told: Value = serde_json::from_str(&noted(&home, "on_gave_up")[0]).unwrap();
    assert!(told["code"] == 7 && told["restarts"] == 9, "{told}");
    let why = told["why"].as_str().unwrap();
    assert!(why.starts_with("gave up after 10 short runs in a row"), "{told}");
    let told: Value = serde_json::from_str(&noted(&home, "on_flapping")[0]).unwrap();
    assert!(told["why"] == "exited with code 7" && told["restarts"] == 9, "{told}");
}

#[test]
fn a_program_that_cannot_be_begun_any_more_is_told_of() {
    let home = Home::new();
    // Each run takes away what the next one would need.
    home.script("web", "rm web; exit 7");
    let file = serde_json::json!([{
        "name": "web", "script": "./web", "max_restarts": 3, "restart_delay": 1,
        "on_gave_up": NOTES, "on_exit": NOTES, "on_ready": NOTES,
    }]);
    home.file("apps.json", file.to_string());
    home.run(["start", "apps.json", "--no-wait"]).ok();
    home.wait_until("it is told", || !noted(&home, "on_gave_up.env").is_empty());
    let told: Value = serde_json::from_str(&noted(&home, "on_gave_up")[0]).unwrap();
    let why = told["why"].as_str().unwrap();
    assert!(why.starts_with("could not") && why.contains("no such file"), "{told}");
    assert!(told["code"].is_null() && told["pid"].is_null(), "{told}");
    assert_eq!(noted(&home, "on_gave_up.env"), ["web  "]);
    home.wait_until("its end is told", || !noted(&home, "on_exit.env").is_empty());
    assert_eq!(noted(&home, "on_exit").len(), 1, "there was one run");
    assert!(noted(&home, "on_ready").is_empty());
}

#[test]
fn who_is_ready_is_told_of_once_a_run() {
    let home = Home::new();
    home.script("web", "exec sleep 1000");
    let app = |name: &str, ready: Value| {
        serde_json::json!({
            "name": name, "script": "./web", "ready": ready, "min_uptime": 1,
            "on_ready": format!("cat >>{name}"),
        })
    };
    let file = serde_json::json!([
        app("plain", Value::Null),
        app("asked", serde_json::json!({"exec": "test -e go"}))
    ]);
    home.file("apps.json", file.to_string());
    home.run(["start", "apps.json", "--no-wait"]).ok();
    home.wait_until("who is up is told of", || noted(&home, "plain").len() == 1);
    let told: Value = serde_json::from_str(&noted(&home, "plain")[0]).unwrap();
    assert!(told["event"] == "on_ready" && told["pid"] == home.row("plain").pid, "{told}");
    assert!(noted(&home, "asked").is_empty(), "it has still to show it");
    home.file("go", "");
    home.wait_until("it has shown it", || noted(&home, "asked").len() == 1);
    home.run(["restart", "plain"]).ok();
    home.wait_until("the next run is told of too", || noted(&home, "plain").len() == 2);
    assert_eq!(noted(&home, "asked").len(), 1);
}

#[test]
fn what_is_ordered_runs_no_hook_and_a_change_holds_at_once() {
    let home = Home::new();
    home.script("web", "exec sleep 1000");
    let file = |hook: &str| {
        let app = serde_json::json!([{"name": "web", "script": "./web", "on_exit": hook}]);
        home.file("apps.json", app.to_string());
    };
    file("echo old >>exits");
    home.run(["start", "apps.json"]).ok();
    home.run(["restart", "web"]).ok();
    let pid = home.row("web").pid;
    file("echo new >>exits");
    home.run(["apply", "apps.json"]).ok();
    assert_eq!(home.row("web").pid, pid, "a changed hook takes no new run");
    home.run(["send-signal", "SIGKILL", "web"]).ok();
    home.wait_until("the end is told", || !noted(&home, "exits").is_empty());
    home.run(["stop", "web"]).ok();
    assert_eq!(noted(&home, "exits"), ["new"]);
}

#[test]
fn a_hook_that_hangs_floods_or_forks_touches_no_app() {
    let home = Home::new();
    home.script("web", "sleep 0.02; exit 1");
    let hook = "echo begun >>begun; (sleep 1000 &) ; yes >&2";
    let file = serde_json::json!([{
        "name": "web", "script": "./web", "max_restarts": 1000, "restart_delay": 1, "on_exit": hook,
    }]);
    home.file("apps.json", file.to_string());
    home.run(["start", "apps.json", "--no-wait"]).ok();
    home.wait_until("it is begun", || !noted(&home, "begun").is_empty());
    let restarts = home.row("web").restarts;
    home.wait_until("the app goes on", || home.row("web").restarts > restarts + 10);
    assert_eq!(noted(&home, "begun").len(), 1, "one at a time");
    home.run(["delete", "web"]).ok();
}

#[test]
fn a_hook_without_a_program_is_refused_with_its_place() {
    let home = Home::new();
    home.script("web", "exit 7");
    home.file("apps.yaml", "apps:\n- script: ./web\n  on_exit: [no-such-program-at-all, x]\n");
    home.run(["start", "apps.yaml"])
        .ends(2)
        .complains("apps.yaml:3:12")
        .complains("`on_exit`: there is no program no-such-program-at-all");
    assert!(home.rows().is_empty());
}

#[test]
fn a_start_that_does_not_wait_does_not_wait_for_what_comes_before() {
    let home = Home::new();
    home.script("web", "echo run >>order; exec sleep 1000");
    let file = serde_json::json!([{
        "name": "web", "script": "./web",
        "pre_start": "echo first >>order; while test ! -e go; do sleep 0.02; done",
    }]);
    home.file("apps.json", file.to_string());
    for verb in [["start", "apps.json"], ["restart", "web"]] {
        home.run([&verb[..], &["--no-wait"]].concat()).ok();
        let row = home.row("web");
        assert_eq!(row.status, pm_protocol::Status::Launching, "{row:?}");
        home.wait_until("it is shown", || {
            home.row("web").note.is_some_and(|note| note.contains("waits for its pre_start `"))
        });
        home.file("go", "");
        home.wait_status("web", "online");
        fs::remove_file(home.work().join("go")).unwrap();
    }
    home.wait_until("each goes on", || noted(&home, "order") == ["first", "run", "first", "run"]);
    // What it came to is told by lists.
    let file = file
        .to_string()
        .replace("while test ! -e go; do sleep 0.02; done", "echo no table >&2; exit 3");
    home.file("apps.json", file);
    home.run(["restart", "apps.json", "--no-wait"]).ok();
    home.wait_status("web", "errored");
    home.run(["why", "web"]).ok().says("`pre_start`: it exited with code 3: no table");
}

#[test]
fn what_comes_before_a_run_lets_it_begin_or_fails_it() {
    let home = Home::new();
    home.script("web", "echo run >>order; exec sleep 1000");
    home.script(
        "first",
        "echo \"first $WORD $SECRET\" >>order; test -e good || { echo 'no table' >&2; exit 3; }",
    );
    let app = |before: Value| {
        let secret = serde_json::json!({"command": "echo known"});
        let app = serde_json::json!([{
            "name": "web", "script": "./web", "env": {"WORD": "said", "SECRET": secret}, "pre_start": before,
        }]);
        home.file("apps.json", app.to_string());
    };
    app(serde_json::json!(["./first"]));
    let failed = home.run(["start", "apps.json"]).ends(1);
    failed.says("could not run its `pre_start`: it exited with code 3: no table");
    home.run(["why", "web"]).ok().says("`pre_start`: it exited with code 3: no table");
    assert_eq!(noted(&home, "order"), ["first said known"], "the app was not begun");
    home.file("good", "");
    home.run(["start", "web"]).ok();
    home.wait_until("it runs", || noted(&home, "order").len() == 3);
    home.run(["restart", "web"]).ok();
    let whole = ["first said known", "first said known", "run", "first said known", "run"];
    home.wait_until("and again", || noted(&home, "order") == whole);
    // A change holds for the next run, and ends none.
    let pid = home.row("web").pid;
    app(
        serde_json::json!({"command": "setsid sleep 1000 & echo $! >left; sleep 1000", "timeout": 500}),
    );
    home.run(["apply", "apps.json"]).ok();
    assert_eq!(home.row("web").pid, pid);
    home.run(["describe", "web"]).ok().says("within 500ms");
    // One that hangs is ended with all it started.
    home.run(["restart", "web"]).ends(1).says("it did not end in time: killed");
    let left = noted(&home, "left")[0].parse().unwrap();
    pm_testkit::wait_gone(left);
    assert_eq!(noted(&home, "order").len(), whole.len());
    // The daemon dies while it runs: the next one ends it and runs it again, once.
    app(serde_json::json!("echo $$ >>pids; while test ! -e go; do sleep 0.05; done"));
    let _waits = home.pm(["apply", "apps.json"]).background();
    home.wait_until("it runs", || !noted(&home, "pids").is_empty());
    home.wait_until("it is shown", || {
        home.row("web").note.is_some_and(|note| note.contains("waits for its pre_start `"))
    });
    home.run(["why", "web"]).ok().says("waits for its pre_start `").says(", at most 30s");
    let before = noted(&home, "pids").len();
    pm_testkit::signal(home.hello().pid, 9);
    home.wait_until("it runs again", || noted(&home, "pids").len() == before + 1);
    pm_testkit::wait_gone(noted(&home, "pids")[before - 1].parse().unwrap());
    home.file("go", "");
    home.wait_status("web", "online");
    home.wait_until("once", || noted(&home, "order").len() == whole.len() + 1);
}
