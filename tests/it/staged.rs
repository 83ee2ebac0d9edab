//! Commands that go with each run: when it is ready, before it is asked to go, when nobody of it is left.

use std::fs;

use pm_testkit::Home;
use serde_json::{Value, json};

fn noted(home: &Home, file: &str) -> Vec<String> {
    let text = fs::read_to_string(home.work().join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn has_failed(home: &Home, why: &str) -> bool {
    let told = home.run(["events", "--json", "-n", "1000"]).ok().out();
    let all = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|event| event["event"] == "hook_failed").any(|event| event["why"] == why)
}

/// What comes before a stop hangs for as long as there is a file `hold`.
fn scripts(home: &Home) {
    home.script(
        "web",
        "trap 'echo asked >>order; exit 0' TERM\necho run >>order\nwhile :; do sleep 0.02; done",
    );
    home.script(
        "before",
        "echo leaving >>order; setsid sleep 1000 & echo $! >left\necho $$ >>held\n\
         while test -e hold; do sleep 0.02; done",
    );
}

fn write(home: &Home, timeout: &str) {
    let file = json!([{
        "name": "web", "script": "./web", "kill_signal": "SIGTERM", "kill_timeout": "30s",
        "restart_delay": 1, "min_uptime": 50,
        "post_start": "echo ready >>order; echo 'asked 7 pages' >&2; echo 'the cache is cold' >&2; exit 3",
        "pre_stop": {"command": ["./before"], "timeout": timeout},
        "post_stop": "echo \"over $PM_EVENT $PM_EXIT_CODE$PM_SIGNAL\" >>order",
    }]);
    home.file("apps.json", file.to_string());
}

#[test]
fn commands_go_with_each_run_whoever_hangs_forks_fails_or_dies() {
    let home = Home::new();
    scripts(&home);
    write(&home, "1m");
    let grows = |so: &[&str]| {
        home.wait_until("it is noted", || noted(&home, "order").len() >= so.len());
        assert_eq!(noted(&home, "order"), so);
        fs::remove_file(home.work().join("order")).unwrap();
    };
    home.run(["start", "apps.json"]).ok();
    grows(&["run", "ready"]);
    // One that fails is told, and changes nothing.
    home.wait_until("its failure is told", || {
        has_failed(&home, "its post_start exited with code 3: the cache is cold")
    });
    let log = fs::read_to_string(home.home().diary()).unwrap();
    assert!(log.contains("post_start of web (id 0) said: asked 7 pages\n"), "{log}");
    assert_eq!(home.row("web").status.as_str(), "online");
    home.run(["why", "web"]).ok().says("its post_start exited with code 3: the cache is cold");
    // What forks leaves nobody behind, and the stop is over when all of it is.
    home.run(["stop", "web"]).ok();
    pm_testkit::wait_gone(noted(&home, "left")[0].parse().unwrap());
    grows(&["leaving", "asked", "over post_stop 0"]);
    // Whoever is dead is not asked, and the next run begins after what comes last.
    home.run(["start", "web"]).ok();
    grows(&["run", "ready"]);
    home.run(["send-signal", "SIGKILL", "web"]).ok();
    grows(&["over post_stop SIGKILL", "run", "ready"]);
    // One that hangs has its time; a change of it holds at once.
    home.file("hold", "");
    write(&home, "200ms");
    let pid = home.row("web").pid;
    home.run(["apply", "apps.json"]).ok();
    assert_eq!(home.row("web").pid, pid, "it takes no new run");
    home.run(["restart", "web"]).ok();
    grows(&["leaving", "asked", "over post_stop 0", "run", "ready"]);
    home.wait_until("that it hung is told", || {
        has_failed(&home, "its pre_stop did not end in time: killed")
    });
    write(&home, "1m");
    home.run(["apply", "apps.json"]).ok();
    // The daemon dies while it runs: the next one ends what is left of it and runs it again, before it asks.
    let begun = noted(&home, "held").len();
    let mut stop = home.pm(["stop", "web"]).background();
    home.wait_until("it hangs", || noted(&home, "held").len() == begun + 1);
    home.wait_until("it is shown", || {
        home.row("web").note.is_some_and(|note| note.contains("waits for its pre_stop `"))
    });
    home.run(["why", "web"]).ok().says("before`, since ").says(", at most 1m");
    let pid = home.row("web").pid;
    pm_testkit::signal(home.hello().pid, 9);
    home.wait_until("it is run again", || noted(&home, "held").len() == begun + 2);
    pm_testkit::wait_gone(noted(&home, "held")[begun].parse().unwrap());
    assert!(pm_testkit::is_alive(pid), "nobody asked it");
    fs::remove_file(home.work().join("hold")).unwrap();
    assert_eq!(stop.wait(), 0);
    grows(&["leaving", "leaving", "asked", "over post_stop 0"]);
    // Who asks again does not wait for it any more.
    home.file("hold", "");
    home.run(["start", "web"]).ok();
    grows(&["run", "ready"]);
    let mut stop = home.pm(["stop", "web"]).background();
    home.wait_until("it hangs", || noted(&home, "held").len() == begun + 3);
    home.run(["stop", "web"]).ok();
    assert_eq!(stop.wait(), 0);
    pm_testkit::wait_gone(noted(&home, "held")[begun + 2].parse().unwrap());
    grows(&["leaving", "asked", "over post_stop 0"]);
}
