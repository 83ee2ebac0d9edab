//! The kit itself, against a shell script in place of `pm`: what it asserts must be able to fail.
#![forbid(unsafe_code)]
#![expect(clippy::expect_used, reason = "a test's helper may fail the test")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use pm_testkit::{Home, is_alive, wait_gone};

fn home(body: &str) -> Home {
    let home = Home::new();
    let pm = home.script("pm", body);
    home.with_program(pm)
}

fn fails(check: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("this must fail");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn runs_are_judged_by_code_and_words() {
    let home = home(r#"cat; echo "out $1 $X"; echo "err $PM_HOME" >&2; exit 3"#);
    let run = || home.pm(["list"]).env("X", "y").input("in ").run();
    run().ends(3).says("in out list y").complains("/home");
    assert!(fails(|| drop(run().ok())).contains("ended with 3 instead of 0"));
    assert!(fails(|| drop(run().says("nonsense"))).contains("does not say"));
    assert!(fails(|| drop(run().complains("nonsense"))).contains("does not complain"));
    assert!(fails(|| drop(run().json())).contains("prints no JSON"));
}

#[test]
fn what_runs_beside_is_heard_and_ended() {
    let home = home("echo one; read line; echo two; exec sleep 1000");
    let mut running = home.pm(["logs"]).input("go\n").background();
    assert_eq!(running.wait_for("two"), "one\ntwo\n");
    let pid = running.pid();
    assert!(is_alive(pid));
    drop(running);
    wait_gone(pid);
    assert!(!is_alive(pid));
}

#[test]
fn a_reader_that_leaves_is_noticed_by_the_writer() {
    let home = home("while echo line; do :; done");
    let mut running = home.pm(["logs"]).background();
    running.wait_for("line");
    running.close_out();
    assert_eq!(running.wait(), 128 + 13, "SIGPIPE");
}

#[test]
fn nothing_outlives_its_home() {
    let home = home("sleep 1000 >/dev/null 2>&1 & echo $! > pid");
    let pid_file = home.work().join("pid");
    home.run(["start"]).ok();
    let pid = home.wait_file(&pid_file, |bytes| bytes.ends_with(b"\n"));
    let pid: u32 = String::from_utf8_lossy(&pid).trim().parse().unwrap();
    assert!(is_alive(pid));
    drop(home);
    assert!(!is_alive(pid));
}

#[test]
fn a_wait_for_a_daemon_that_never_comes_tells_the_log() {
    let home = home("exit 0");
    assert!(home.rows().is_empty(), "no daemon, no rows");
    std::fs::create_dir_all(home.home().root()).unwrap();
    std::fs::write(home.home().diary(), "daemon: out of luck\n").unwrap();
    assert!(fails(|| drop(home.client())).contains("out of luck"));
}
