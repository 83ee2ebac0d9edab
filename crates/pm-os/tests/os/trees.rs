//! Trees: who belongs to one, however they hid.

use std::time::Duration;

use pm_os::clock;
use pm_os::identity::{NotOurs, ProcIdentity};
use pm_os::signal::{self, SignalNumber};
use pm_os::tag;
use pm_os::tree::{self, Depth, ProcScan, RunQuery};
use pm_os::usage::Sampler;
use pm_os::wait::{self, Termination};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::{
    Order, PATIENCE, Running, assert_passes_in_namespace, readable, sweep, wait_until,
};

fn family(steps: &[&str]) -> Running {
    let all: Vec<&str> =
        steps.iter().copied().chain(["--ready-after", "0", "--live", "forever"]).collect();
    let mut app = Order::fixture(&all).start().unwrap();
    assert_eq!(app.line(), "ready");
    app
}

fn members(app: &Running, depth: Depth) -> Vec<tree::TreeMember> {
    let scan = ProcScan::take(depth, &[]).unwrap();
    of_run(&scan, RunQuery { leader: Some(&app.born.identity), ..RunQuery::of(app.tag) })
}

fn of_run(scan: &ProcScan, run: RunQuery<'_>) -> Vec<tree::TreeMember> {
    scan.run_members(&[run]).remove(&run.tag).unwrap_or_default()
}

/// Takes the tag off a process, as `su` does.
fn strip(pid: i32) {
    let none = Rlimit { current: None, maximum: None };
    prlimit(Pid::from_raw(pid), Resource::Locks, none).unwrap();
    assert_eq!(tag::of(pid), None);
}

#[test]
fn nobody_gets_away() {
    let app = family(&["--fork", "2", "--fork-setsid", "--double-fork", "--clean-env"]);
    let found = members(&app, Depth::Tags);
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(found.iter().filter(|member| member.depth == 1).count(), 3);
    let orphans = found.iter().filter(|member| member.depth == 0);
    assert_eq!(orphans.count(), 3, "the leader and two whose parent is gone");
    let killed = sweep(&[app.run()]);
    assert_eq!(killed, 6);
    assert_eq!(members(&app, Depth::Cookies), []);
    assert_eq!(app.ending(), Termination::Signaled { signal: 9, core: false });
}

#[test]
fn the_tree_is_found_without_its_leader() {
    let app = family(&["--fork-setsid", "--clean-env", "--on-int", "exit:0"]);
    signal::send(&app.born.pidfd, SignalNumber::INT).unwrap();
    assert_eq!(app.ending(), Termination::Exited(0));
    let found = members(&app, Depth::Tags);
    assert_eq!(found.len(), 2, "{found:?}");
    let stranger = RunQuery::of(tag::Tag::new(app.tag.home() ^ 1, app.tag.run()));
    let without_leader = RunQuery::of(app.tag);
    assert_eq!(tree::traces(&[without_leader, stranger], &[]).unwrap().runs, [app.tag].into());
    assert_eq!(sweep(&[without_leader]), 2);
}

#[test]
fn a_lost_tag_is_made_up_for_by_cookie_session_and_descent() {
    let app = family(&["--fork", "1", "--double-fork"]);
    let all = members(&app, Depth::Tags);
    assert_eq!(all.len(), 3);
    for member in &all {
        strip(member.identity.pid);
    }
    let by_leader = members(&app, Depth::Tags);
    assert_eq!(by_leader.len(), 2, "the orphan is nobody's without tag and cookie");
    // Who started the orphan went on as soon as its old memory was left; its new environment comes a moment later.
    wait_until("all are found by cookie", || {
        let found = ProcScan::take(Depth::Cookies, &[]).unwrap();
        of_run(&found, RunQuery::of(app.tag)).len() == 3
    });
    assert_eq!(sweep(&[app.run()]), 3);
}

#[test]
fn a_zombie_is_gone_but_tells_its_run() {
    let app = Order::shell("exit 7").start().unwrap();
    assert!(readable(&app.born.pidfd, PATIENCE));
    assert_eq!(tag::of(app.born.pid), Some(app.tag), "the mark stays until it is reaped");
    let scan = ProcScan::take(Depth::Tags, &[]).unwrap();
    assert!(scan.of_home(app.tag.home()).any(|(tag, seen)| tag == app.tag && !seen.alive));
    assert_eq!(of_run(&scan, app.run()), []);
    assert_eq!(
        wait::zombie(app.born.pid).map(Termination::from_status),
        Some(Termination::Exited(7))
    );
    assert_eq!(sweep(&[app.run()]), 0);
    assert_eq!(app.ending(), Termination::Exited(7), "nobody but we reaped it");
    assert_eq!(app.born.identity.open().unwrap_err(), NotOurs::Gone { pid: app.born.pid });
}

#[test]
fn we_and_the_spared_are_never_members() {
    let app = family(&["--fork", "1"]);
    let me = rustix::process::getpid().as_raw_pid();
    let scan = ProcScan::take(Depth::Tags, &[app.born.pid]).unwrap();
    assert!(scan.find(me).is_none() && scan.find(app.born.pid).is_none());
    assert_eq!(of_run(&scan, app.run()).len(), 1);
}

#[test]
fn what_runs_from_process_to_process_is_found() {
    let script = format!("{} --hop 3000", crate::support::fixture().display());
    let app = Order::shell(&script).start().unwrap();
    assert_eq!(app.ending(), Termination::Exited(0));
    let mut seen = std::collections::BTreeSet::new();
    wait_until("several of the chain were seen", || {
        seen.extend(members(&app, Depth::Tags).iter().map(|member| member.identity.pid));
        seen.len() > 2
    });
    sweep(&[app.run()]);
    assert_eq!(members(&app, Depth::Tags), []);
}

#[test]
fn no_look_misses_what_runs_from_process_to_process() {
    let script = format!("{} --hop 60000", crate::support::fixture().display());
    let app = Order::shell(&script).start().unwrap();
    assert_eq!(app.ending(), Termination::Exited(0));
    let run = RunQuery::of(app.tag);
    for look in 0..100 {
        assert_eq!(tree::traces(&[run], &[]).unwrap().runs, [app.tag].into(), "look {look}");
        assert_ne!(members(&app, Depth::Tags), [], "look {look}");
    }
    assert!(sweep(&[run]) >= 1, "it ran all the time");
}

#[test]
fn what_multiplies_while_being_swept_is_caught() {
    let script = "f() { if [ $1 -gt 0 ]; then f $(($1-1)) & f $(($1-1)) & fi; sleep 1000; }; f 7";
    let app = Order::shell(script).start().unwrap();
    wait_until("it has begun", || members(&app, Depth::Tags).len() > 3);
    let killed = sweep(&[app.run()]);
    println!("swept {killed} of a multiplying tree");
    assert_eq!(members(&app, Depth::Cookies), []);
}

#[test]
fn a_signal_reaches_the_whole_tree_and_only_the_living() {
    let app = family(&["--fork", "2"]);
    let found = members(&app, Depth::Tags);
    let pidfds: Vec<_> = found.iter().map(|member| member.identity.open().unwrap()).collect();
    assert_eq!(pidfds.len(), 3);
    for pidfd in &pidfds {
        assert_eq!(signal::send(pidfd, SignalNumber::TERM), Ok(()));
    }
    for pidfd in &pidfds {
        assert!(readable(pidfd, PATIENCE));
    }
    assert_eq!(app.ending(), Termination::Signaled { signal: 15, core: false });
    assert_eq!(signal::send(&app.born.pidfd, SignalNumber::TERM), Ok(()), "nobody is left");
}

/// Run by the test below in a namespace whose numbers nobody else is given.
#[test]
#[ignore = "the helper of another test"]
fn helper_whose_numbers_repeat() {
    let first = Order::of("/bin/true", &[]).start().unwrap();
    assert_eq!(first.ending(), Termination::Exited(0));
    let old = first.born.identity;
    std::fs::write("/proc/sys/kernel/ns_last_pid", (old.pid - 1).to_string()).unwrap();
    let second = Order::shell("read x").start().unwrap();
    let new = second.born.identity;
    assert_eq!(new.pid, old.pid, "the number was given out again");
    assert!(new.open().is_ok() && new != old);
    assert_eq!(old.open().unwrap_err(), NotOurs::Stranger { pid: old.pid });
    // Kernels without pidfs have only the time, in ticks of 10 ms.
    let by_time = ProcIdentity { started: new.started - 1, inode: 0, ..old };
    assert_eq!(by_time.open().unwrap_err(), NotOurs::Stranger { pid: old.pid });
    let scan = ProcScan::take(Depth::Tags, &[]).unwrap();
    let stale = RunQuery { leader: Some(&by_time), ..RunQuery::of(first.tag) };
    assert_eq!(of_run(&scan, stale), [], "nor does it lead a session");
    assert_eq!(sweep(&[stale]), 0);
    assert_eq!(wait::reap(&second.born.pidfd), Ok(None), "the stranger lives");
}

#[test]
fn a_reused_number_is_a_stranger() {
    assert_passes_in_namespace("trees::helper_whose_numbers_repeat");
}

#[test]
fn usage_counts_the_whole_tree() {
    let app = family(&["--eat", "30MiB", "--fork", "1"]);
    let worker = Order::fixture(&["--burn", "60000"]).start().unwrap();
    let mut sampler = Sampler::new();
    let mut sample = || {
        let scan = ProcScan::take(Depth::Tags, &[]).unwrap();
        sampler.sample(&scan.run_members(&[app.run(), worker.run()]))
    };
    sample();
    let mut last = sample();
    wait_until("the busy one shows", || {
        let until = clock::monotonic() + Duration::from_millis(100);
        wait_until("a tenth of a second", || clock::monotonic() >= until);
        last = sample();
        last[&worker.tag].cpu > 5.0
    });
    assert!(last[&app.tag].cpu < 5.0, "{last:?}");
    assert_eq!((last[&app.tag].processes, last[&worker.tag].processes), (2, 1));
    assert!(last[&app.tag].memory > 30 << 20, "{last:?}");
}

#[test]
fn a_thousand_processes_are_counted_and_killed_at_once() {
    let apps: Vec<Running> =
        (0..1000).map(|_| Order::of("/bin/sleep", &["1000"]).start().unwrap()).collect();
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let before = clock::monotonic();
        work();
        println!("1,000 processes, {what}: {:?}", clock::monotonic().saturating_sub(before));
    };
    let runs: Vec<RunQuery<'_>> = apps.iter().map(Running::run).collect();
    timed("scan by tags", &mut || drop(ProcScan::take(Depth::Tags, &[]).unwrap()));
    timed("scan with cookies", &mut || drop(ProcScan::take(Depth::Cookies, &[]).unwrap()));
    let scan = ProcScan::take(Depth::Tags, &[]).unwrap();
    let mut sampler = Sampler::new();
    timed("by_run and sample", &mut || drop(sampler.sample(&scan.run_members(&runs))));
    let by_run = scan.run_members(&runs);
    assert!(runs.iter().all(|run| by_run[&run.tag].len() == 1));
    timed("sweep", &mut || assert_eq!(sweep(&runs), 1000));
    for app in apps {
        assert_eq!(app.ending(), Termination::Signaled { signal: 9, core: false });
        // All swept above: a sweep for each would only cost time.
        app.let_go();
    }
}
