//! Launching the guardian: its session, its readiness, what it must not inherit.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use pm_os::session::{self, Launch, LaunchError, Launched};
use pm_os::signal::{self, SignalNumber};
use pm_os::wait::{self, Termination};

use crate::support::{PATIENCE, readable, text, wait_until};

fn shell(script: &str, log: Option<&Path>) -> Launched {
    let launch = Launch {
        program: text("/bin/sh"),
        argv: ["sh", "-c", script].iter().map(text).collect(),
        env: vec![text("PATH=/usr/bin:/bin"), text("PM_TAG=0000000100000001")],
        log,
    };
    session::launch(&launch).unwrap()
}

#[test]
fn what_is_launched_has_nothing_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = "ls -l /proc/$$/fd >&2; pwd >&2; echo \"tag=$PM_TAG\" >&2; \
                  printf '\\000' >&3; exec 3>&-; read x; echo end >&2";
    let launched = shell(script, Some(&log));
    let pid = launched.pid;
    let number = rustix::process::Pid::from_raw(pid);
    assert_eq!(rustix::process::getsid(number).ok(), number);
    let pidfd = launched.pidfd.try_clone().unwrap();
    launched.wait(PATIENCE).unwrap();
    assert!(readable(&pidfd, PATIENCE));
    let told = std::fs::read_to_string(&log).unwrap();
    // From 10 on they are the shell's own.
    let fds =
        told.lines().filter(|line| line.contains(" -> ") && !line.contains(" 10 -> ")).count();
    assert_eq!(fds, 4, "0, 1, 2 and the report: {told}");
    assert!(told.contains("\n/\ntag=\n") && told.contains("0 -> /dev/null"), "{told}");
    assert_eq!(wait::reap(&pidfd), Ok(Some(Termination::Exited(0))));
}

#[test]
fn every_outcome_has_its_error() {
    let told = shell("printf 'lock the home: held' >&3; exit 1", None).wait(PATIENCE);
    assert_eq!(told.unwrap_err().to_string(), "lock the home: held");
    let died = shell("exit 1", None);
    let pid = died.pid;
    assert!(matches!(died.wait(PATIENCE), Err(LaunchError::Died { pid: dead }) if dead == pid));
    let late = shell("exec sleep 1000", None);
    let pidfd = late.pidfd.try_clone().unwrap();
    let error = late.wait(Duration::from_millis(20)).unwrap_err();
    assert!(error.to_string().ends_with("not ready after 20 ms"), "{error}");
    signal::send(&pidfd, SignalNumber::KILL).unwrap();
    wait_until("it is dead", || wait::reap(&pidfd) != Ok(None));
    let missing = Launch { program: text("/no/such"), argv: vec![], env: vec![], log: None };
    assert_eq!(session::launch(&missing).unwrap_err().to_string(), "run /no/such: no such file");
}

#[test]
#[ignore = "the helper of another test"]
fn helper_that_reports() {
    let report = session::inherited(session::READY_FD).expect("launched with a report");
    let flags = rustix::io::fcntl_getfd(&report).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    assert!(session::inherited(session::READY_FD).is_none(), "only once");
    assert!(session::inherited(40).is_none(), "not open");
    std::fs::File::from(report).write_all(b"\0").unwrap();
}

#[test]
fn a_program_of_ours_takes_its_report_over() {
    let helper = ["os", "--exact", "launching::helper_that_reports", "--ignored"];
    let launch = Launch {
        program: text(std::env::current_exe().unwrap()),
        argv: helper.iter().map(text).collect(),
        env: vec![],
        log: None,
    };
    let launched = session::launch(&launch).unwrap();
    let pidfd = launched.pidfd.try_clone().unwrap();
    launched.wait(PATIENCE).unwrap();
    assert!(readable(&pidfd, PATIENCE));
    assert_eq!(wait::reap(&pidfd), Ok(Some(Termination::Exited(0))));
}
