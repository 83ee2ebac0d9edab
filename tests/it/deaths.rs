//! Apps that die, won't die, or leave children behind (pains 5, 14, 16, 17, 18, 31, 35, 74).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use pm_testkit::{Home, is_alive, signal};

use crate::apps::{ends, kib, start, tree, up};

#[test]
fn p18_a_script_that_dies_at_once_is_told_backs_off_and_is_given_up() {
    let home = Home::new();
    let steps =
        ["--write-file", "runs", "--stderr", "--bytes", "6e6f2064617461626173650a", "--exit", "3"];
    let run = start(&home, "dying", &["--exp-backoff-restart-delay", "1"], &steps).ends(1);
    assert!(run.out().contains("exited with code 3"), "{}", run.out());
    assert!(run.err.contains("no database"), "the last words are missing:\n{}", run.err);
    let row = home.wait_status("dying", "errored");
    // PM2's figures: 16 short runs, 15 of them restarts.
    assert_eq!((row.restarts, row.pid), (15, 0));
    assert!(row.note.is_some_and(|note| note.contains("16") && note.contains("code 3")));
    assert_eq!(fs::read_to_string(home.work().join("runs")).unwrap().lines().count(), 16);
    home.run(["describe", "dying"]).ok().says("gave up after 16 short runs");
    // A person may try again, from the beginning.
    home.run(["restart", "dying"]).ends(1);
    home.wait_file(home.work().join("runs"), |bytes| bytes.split(|b| *b == b'\n').count() > 18);
}

#[test]
fn p18_pauses_grow_between_failures() {
    let home = Home::new();
    start(&home, "dying", &["--exp-backoff-restart-delay", "40"], &["--exit", "3"]).ends(1);
    home.wait_rows("five restarts", |rows| rows.iter().any(|row| row.restarts >= 5));
    let at = |end: &serde_json::Value| end["at"].as_u64().unwrap();
    let ends = ends(&home, "dying");
    let gaps: Vec<u64> = ends.windows(2).map(|pair| at(&pair[1]) - at(&pair[0])).collect();
    // 40, 60, 90, 135 and what spawning takes.
    for (gap, least) in gaps.iter().zip([40, 60, 90, 135]) {
        assert!(*gap >= least, "pauses {gaps:?}");
    }
}

#[test]
fn a_pause_is_told_with_its_length_and_reason() {
    let home = Home::new();
    start(&home, "asked", &["--restart-delay", "600s"], &["--exit", "3"]).ends(1);
    let note = home.wait_status("asked", "waiting restart").note;
    assert_eq!(note.as_deref(), Some("waits 600 s: the pause its config asks for"));
    home.run(["describe", "asked"]).ok().says("waits 600 s");
    start(&home, "dying", &["--max-restarts", "1000"], &["--exit", "3"]).ends(1);
    home.wait_rows("a pause of a second", |rows| {
        let notes = rows.iter().filter_map(|row| row.note.as_deref());
        notes.filter(|note| *note == "waits 1 s: 12 short runs").count() == 1
    });
}

#[test]
fn an_end_with_code_0_is_followed_by_no_pause_but_not_for_ever() {
    let home = Home::new();
    // With pauses that grow to a second this would not be over while anybody waits.
    start(&home, "again", &["--max-restarts", "150"], &["--exit", "0"]).ends(1);
    assert_eq!(home.wait_status("again", "errored").restarts, 149);
}

#[test]
fn in_a_home_of_pm2_there_is_no_pause_that_pm2_does_not_make() {
    let home = crate::pm2_surface::named("pm2");
    start(&home, "dying", &["--max-restarts", "150"], &["--exit", "3"]);
    assert_eq!(home.wait_status("dying", "errored").restarts, 149);
}

#[test]
fn p17_stop_during_a_pause_is_final() {
    let home = Home::new();
    start(&home, "pausing", &["--restart-delay", "400"], &["--exit", "3"]).ends(1);
    home.wait_status("pausing", "waiting restart");
    home.run(["stop", "pausing"]).ok();
    let restarts = home.row("pausing").restarts;
    // Longer than the pause: something else is started and stopped meanwhile, by the daemon's own clock.
    start(&home, "clock", &["--no-autorestart"], &["--live", "700"]).ok();
    home.wait_status("clock", "stopped");
    let row = home.row("pausing");
    assert_eq!((row.status.as_str(), row.pid, row.restarts), ("stopped", 0, restarts));
}

#[test]
fn law6_p16_stop_returns_when_a_deaf_app_is_gone_and_its_time_is_over() {
    let home = Home::new();
    let steps = ["--on-int", "ignore", "--on-term", "ignore", "--live", "forever"];
    start(&home, "deaf", &["--kill-timeout", "300"], &steps).ok();
    let pid = home.row("deaf").pid;
    let begun = Instant::now();
    let stopped = home.run(["stop", "deaf"]).ok();
    assert!(!is_alive(pid), "`stop` returned and {pid} is alive");
    let words = "killed after 300 ms: it did not end by SIGINT (kill_timeout)";
    let stopped = stopped.says(&format!("deaf (0) stopped, {words}"));
    assert!(begun.elapsed() >= Duration::from_millis(300), "it was not given its time");
    let ends = ends(&home, "deaf");
    assert_eq!(ends.last().unwrap()["signal"], "SIGKILL");
    // Once is enough: it is down already.
    assert!(!home.run(["stop", "deaf"]).ok().out().contains("killed"), "{}", stopped.out());
    home.run(["start", "deaf"]).ok();
    home.run(["restart", "deaf"]).ok().says(&format!(", the one before was {words}"));
}

#[test]
fn p66_the_stop_signal_is_the_apps_choice() {
    let home = Home::new();
    let steps = ["--on-int", "ignore", "--on-term", "exit:7", "--live", "forever"];
    start(&home, "polite", &["--kill-signal", "SIGTERM", "--kill-timeout", "20s"], &steps).ok();
    home.run(["stop", "polite"]).ok();
    assert_eq!(ends(&home, "polite").last().unwrap()["code"], 7);
}

/// Waits until the tree has as many members, then does something, then none of them may be left.
fn none_left(flags: &[&str], steps: &[&str], count: usize, end: impl Fn(&Home, u32)) {
    let home = Home::new();
    start(&home, "family", flags, steps).ok();
    home.wait_until("the whole family", || tree(&home, "family").len() == count);
    let pids = tree(&home, "family");
    end(&home, home.row("family").pid);
    let left: Vec<_> = pids.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(left.is_empty(), "{left:?} of {pids:?} are left of {steps:?}");
}

/// Children in the app's own session, in one of their own, orphaned, and orphaned without a trace in the environment.
const FAMILIES: [(&[&str], usize); 4] = [
    (&["--fork", "3", "--live", "forever"], 4),
    (&["--fork-setsid", "--live", "forever"], 2),
    (&["--double-fork", "--live", "forever"], 2),
    (&["--clean-env", "--live", "forever"], 2),
];

#[test]
fn p05_no_child_outlives_stop() {
    for (steps, count) in FAMILIES {
        none_left(&[], steps, count, |home, _| drop(home.run(["stop", "family"]).ok()));
    }
}

#[test]
fn p05_no_child_outlives_delete() {
    for (steps, count) in FAMILIES {
        none_left(&[], steps, count, |home, _| drop(home.run(["delete", "family"]).ok()));
    }
}

#[test]
fn p05_no_child_outlives_a_crash_into_the_next_run() {
    for (steps, count) in FAMILIES {
        none_left(&[], steps, count, |home, pid| {
            signal(pid, 9);
            home.wait_new_pid("family", pid);
        });
    }
}

#[test]
fn p05_no_child_outlives_a_crash_that_is_the_end() {
    for (steps, count) in FAMILIES {
        none_left(&["--no-autorestart"], steps, count, |home, pid| {
            signal(pid, 9);
            home.wait_status("family", "stopped");
        });
    }
}

#[test]
fn p05_no_child_outlives_restart_or_kill() {
    let steps = FAMILIES[2].0;
    none_left(&[], steps, 2, |home, _| drop(home.run(["restart", "family"]).ok()));
    none_left(&[], steps, 2, |home, _| drop(home.run(["kill"]).ok()));
}

#[test]
fn p05_stubborn_children_are_killed_with_their_parent() {
    let home = Home::new();
    let script =
        home.script("app", "trap '' INT TERM; (trap '' INT TERM; sleep 1000) & wait; sleep 1000");
    home.run(["start", script.to_str().unwrap(), "--name", "app", "--kill-timeout", "200"]).ok();
    home.wait_until("the child", || tree(&home, "app").len() >= 2);
    let pids = tree(&home, "app");
    home.run(["stop", "app"]).ok();
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "{pids:?}");
}

/// Takes the mark in the limits off a process, as PAM does for `su` and `sudo`.
fn strip(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed());
    let none = rustix::process::Rlimit { current: None, maximum: None };
    rustix::process::prlimit(pid, rustix::process::Resource::Locks, none).unwrap();
}

/// A child that lost its mark, but not its variables; or those as well, but not its session.
const UNMARKED: [&str; 2] =
    ["setsid sleep 1000 & wait", "(trap '' INT; exec env -i sleep 1000) & wait"];

fn unmarked(script: &str) -> (Home, u32, u32) {
    let home = Home::new();
    let script = home.script("app", script);
    let words = ["start", script.to_str().unwrap(), "--name", "app", "--kill-timeout", "200"];
    home.run(words).ok();
    home.wait_until("the child", || tree(&home, "app").len() == 2);
    let main = home.row("app").pid;
    let child = tree(&home, "app").into_iter().find(|pid| *pid != main).unwrap();
    home.wait_until("its exec", || {
        fs::read(format!("/proc/{child}/cmdline")).unwrap().starts_with(b"sleep")
    });
    strip(child);
    (home, main, child)
}

#[test]
fn p05_children_without_their_mark_are_found_after_a_crash() {
    for script in UNMARKED {
        let (home, main, child) = unmarked(script);
        signal(main, 9);
        home.wait_new_pid("app", main);
        assert!(!is_alive(child), "the child of `{script}` is left");
    }
}

#[test]
fn p05_children_without_their_mark_are_found_by_the_next_daemon() {
    for script in UNMARKED {
        let (home, main, child) = unmarked(script);
        signal(home.hello().pid, 9);
        signal(main, 9);
        home.wait_new_pid("app", main);
        assert!(!is_alive(child), "the child of `{script}` is left");
    }
}

#[test]
fn p05_a_child_without_any_trace_is_stopped_with_its_app() {
    let (home, _, child) = unmarked("(trap '' INT; exec env -i setsid sleep 1000) & wait");
    home.run(["stop", "app"]).ok();
    assert!(!is_alive(child), "it ignored the signal, its parent is gone, and it was forgotten");
}

#[test]
fn p74_treekill_false_touches_the_main_process_only() {
    let home = Home::new();
    let steps = ["--fork", "1", "--live", "forever"];
    start(&home, "app", &["--no-treekill"], &steps).ok();
    home.wait_until("the child", || tree(&home, "app").len() == 2);
    for verb in ["restart", "stop"] {
        home.wait_until("the child", || tree(&home, "app").len() == 2);
        let main = home.row("app").pid;
        let child = tree(&home, "app").into_iter().find(|pid| *pid != main).unwrap();
        home.run([verb, "app"]).ok();
        assert!(!is_alive(main), "{verb}: the main process is alive");
        assert!(is_alive(child), "{verb}: the child, which was to be left alone, is gone");
        signal(child, 9);
    }
}

#[test]
fn p14_a_memory_limit_counts_the_whole_tree_and_says_why() {
    let home = Home::new();
    // Neither process alone is over the limit; both together are.
    let fixture = pm_testkit::fixture();
    let script = home.script(
        "app",
        &format!(
            "if [ -e grown ]; then exec sleep 1000; fi; touch grown\n\
             {0} --eat 60M --live forever & exec {0} --eat 60M --live forever",
            fixture.display()
        ),
    );
    home.run([
        "start",
        script.to_str().unwrap(),
        "--name",
        "fat",
        "--max-memory-restart",
        "90M",
        "--no-wait",
    ])
    .ok();
    home.wait_rows("a restart", |rows| rows.iter().any(|row| row.restarts == 1 && row.pid != 0));
    let ends = ends(&home, "fat");
    let why = ends.last().unwrap()["why"].as_str().unwrap();
    assert!(why.contains("memory") && why.contains("90"), "{why}");
    home.run(["describe", "fat"]).ok().says("memory");
}

#[test]
fn memory_that_workers_share_since_a_fork_counts_once_for_a_limit() {
    let home = Home::new();
    let prefork = "import os, signal\n\
                   shared = bytearray(os.urandom(1 << 20)) * 60\n\
                   for _ in range(3):\n\
                   \x20   if os.fork() == 0:\n\
                   \x20       signal.pause()\n\
                   signal.pause()\n";
    let limited = |name: &str, file: &Path| {
        let limit = ["--max-memory-restart", "120M", "--no-wait"];
        let words = ["start", file.to_str().unwrap(), "--interpreter", "python3", "--name", name];
        home.run(words.iter().chain(&limit)).ok();
    };
    limited("prefork", &home.file("prefork.py", prefork));
    home.wait_until("the sum is over the limit", || home.row("prefork").usage.memory > 200 << 20);
    home.run(["describe", "prefork"]).ok().says("resident");
    // Each has its own: the one that is over is seen by the same look.
    let private = prefork.replace(
        "if os.fork() == 0:\n",
        "if os.fork() == 0:\n        shared = bytearray(os.urandom(1 << 20)) * 60\n",
    );
    limited("private", &home.file("private.py", private));
    home.wait_rows("a restart for memory", |rows| {
        rows.iter().any(|row| row.name == "private" && row.restarts > 0)
    });
    let row = home.row("prefork");
    assert_eq!((row.restarts, row.status.as_str()), (0, "online"));
}

#[test]
fn a_parent_is_told_to_stop_before_its_children_end() {
    // A shell whose command ends by SIGINT and that has not got the signal itself goes on with its next command.
    let home = Home::new();
    let script = home.file(
        "app.py",
        "import os, signal\n\
         signal.signal(signal.SIGCHLD, lambda *_: os.write(1, b'child\\n'))\n\
         for _ in range(40):\n\
         \x20   if os.fork() == 0:\n\
         \x20       signal.signal(signal.SIGINT, signal.SIG_DFL)\n\
         \x20       signal.pause()\n\
         def told(*_):\n\
         \x20   os.write(1, b'told\\n')\n\
         \x20   os._exit(0)\n\
         signal.signal(signal.SIGINT, told)\n\
         os.write(1, b'up\\n')\n\
         while True:\n\
         \x20   signal.pause()\n",
    );
    home.run(["start", script.to_str().unwrap(), "--name", "family"]).ok();
    let log = home.home().logs().join("family-out.log");
    home.wait_file(&log, |bytes| bytes == b"up\n");
    home.run(["stop", "family"]).ok();
    let said = fs::read_to_string(log).unwrap();
    assert!(said.starts_with("up\ntold\n"), "{said}");
}

#[test]
fn p31_every_end_is_remembered_with_its_cause() {
    let home = Home::new();
    let pid = up(&home, "app");
    signal(pid, 6);
    let pid = home.wait_new_pid("app", pid).pid;
    signal(pid, 9);
    home.wait_new_pid("app", pid);
    home.run(["restart", "app"]).ok();
    home.run(["stop", "app"]).ok();
    let ends = ends(&home, "app");
    let signals: Vec<_> = ends.iter().map(|end| end["signal"].as_str().unwrap_or("-")).collect();
    assert_eq!(signals, ["SIGABRT", "SIGKILL", "SIGINT", "SIGINT"]);
    let whys: Vec<_> = ends.iter().map(|end| end["why"].as_str().unwrap()).collect();
    assert_eq!(whys.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{whys:?}");
}

#[test]
fn p35_a_pid_file_is_no_order_to_kill_a_stranger() {
    let home = Home::new();
    up(&home, "app");
    let mut stranger = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    // A reused pid: the file says another's number.
    let file = home.home().pids().join("app-0.pid");
    assert!(file.exists(), "{} is missing", file.display());
    fs::write(&file, format!("{}\n", stranger.id())).unwrap();
    home.run(["restart", "app"]).ok();
    fs::write(&file, format!("{}\n", stranger.id())).unwrap();
    home.run(["stop", "app"]).ok();
    home.run(["delete", "app"]).ok();
    home.run(["kill"]).ok();
    assert!(is_alive(stranger.id()), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn p39_an_exit_is_noticed_at_once() {
    let home = Home::new();
    let pid = up(&home, "app");
    signal(pid, 9);
    home.wait_new_pid("app", pid);
}

#[test]
fn p41_stop_exit_codes_mean_done() {
    let home = Home::new();
    start(&home, "done", &["--stop-exit-codes", "0"], &["--exit", "0"]).ok();
    let row = home.wait_status("done", "stopped");
    assert_eq!(row.restarts, 0);
}

#[test]
fn p64_a_daemon_holds_no_pipe_of_its_first_caller() {
    let home = Home::new();
    // The testkit reads the call's output to its end: it comes only if nobody else has the pipe.
    let run = start(&home, "app", &[], &["--live", "forever"]).ok();
    assert!(run.out().contains("started"));
    let hello = home.hello();
    for pid in [hello.pid, hello.guardian] {
        let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
        assert_eq!(folder.to_str(), Some("/"), "the daemon holds a folder");
    }
    assert!(kib(hello.guardian, "VmRSS") > 0);
}

#[test]
fn root_without_the_right_to_ask_for_limits_leaves_no_hidden_child() {
    // As root is in a container by default: it may signal everybody, but not read another user's limits by a call.
    let home = Home::new();
    let without = |words: &[&str]| {
        let limits = ["--bounding-set=-sys_resource", "--inh-caps=-sys_resource"];
        let done = std::process::Command::new("setpriv")
            .args(limits)
            .arg(pm_testkit::pm())
            .args(words)
            .env("PM_HOME", home.home().root())
            .current_dir("/")
            .status()
            .expect("setpriv, of util-linux");
        assert!(done.success(), "this test needs root: {words:?}");
    };
    let line = "(env -i setsid sleep 1000 & echo $!); exec sleep 1000";
    without(&["start", "/bin/sh", "--name", "app", "--uid", "65534", "--", "-c", line]);
    let log = home.home().logs().join("app-out.log");
    let hidden = || fs::read_to_string(&log).ok()?.trim().parse::<u32>().ok();
    home.wait_until("a hidden child", || hidden().is_some());
    let hidden = hidden().unwrap();
    assert!(is_alive(hidden));
    without(&["stop", "app"]);
    assert!(!is_alive(hidden), "stop says that nobody is left");
}

#[test]
fn who_only_wears_the_mark_of_an_app_is_none_of_it() {
    let home = Home::new();
    let words = ["start", "/bin/sleep", "--name", "app", "--uid", "65534", "--cwd", "/"];
    home.run(words.iter().chain(&["--", "1000"])).ok();
    let pid = home.row("app").pid;
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let locks = limits.lines().find_map(|line| line.strip_prefix("Max file locks")).unwrap();
    let mark = locks.split_whitespace().next().unwrap();
    // The mark is no secret: anybody can read it and put it on.
    let mut stranger = std::process::Command::new("setpriv")
        .args(["--reuid=1", "--regid=1", "--clear-groups", "prlimit"])
        .args([&format!("--locks={mark}:"), "sleep", "1000"])
        .spawn()
        .expect("setpriv, of util-linux");
    let file = format!("/proc/{}/limits", stranger.id());
    home.wait_until("the mark is worn", || {
        fs::read_to_string(&file).is_ok_and(|limits| limits.contains(mark))
    });
    home.run(["stop", "app"]).ok();
    let ended = stranger.try_wait().unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert_eq!(ended, None, "somebody else's process was killed");
}

#[test]
fn a_run_keeps_its_dates_to_the_digit_over_calls_and_daemons() {
    let home = Home::new();
    up(&home, "app");
    let dates = || {
        let list = home.run(["jlist"]).ok().json();
        let [started, created] =
            ["pm_uptime", "created_at"].map(|key| list[0]["pm2_env"][key].as_u64().unwrap());
        (started, created)
    };
    let first = dates();
    for _ in 0..3 {
        for _ in 0..5 {
            assert_eq!(dates(), first);
        }
        let daemon = home.hello().pid;
        signal(daemon, 9);
        home.wait_until("the next daemon", || home.hello().pid != daemon);
    }
    home.run(["update"]).ok();
    assert_eq!(dates(), first);
}
