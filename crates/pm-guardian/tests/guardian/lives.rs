//! How daemons and guardians follow each other.

use std::fs;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use rustix::process::Signal;

use crate::world::{World, kill};

pub(crate) fn the_next_daemon_waits_longer_after_each_short_life() {
    let mut world = World::new();
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let mut daemon = world.daemon();
        let start = Instant::now();
        daemon.order("exit 1");
        drop(daemon);
        daemon = world.daemon();
        pauses.push(start.elapsed().as_millis());
        daemon.order("exit 1");
    }
    // Deaths 1, 3, 5, 7, 9: the pauses after them are 0, 50, 1000, 5000, 5000 ms; the test stops
    // where waiting becomes tedious.
    assert!(pauses[1] >= 50 && pauses[2] >= 1_000, "{pauses:?}");
}

pub(crate) fn the_end_signal_goes_to_the_daemon() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    // Nothing else reaches anybody.
    for signal in [Signal::HUP, Signal::PIPE, Signal::QUIT, Signal::USR1, Signal::ALARM] {
        kill(world.guardian_pid(), signal);
    }
    // A daemon that isn't ready is spared until it is.
    kill(world.guardian_pid(), Signal::TERM);
    world.until("the note", || world.daemon_log().contains("told to end by signal 15"));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    daemon.order("ready");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 2 Ended(Wait(15))");
    daemon.tell("ready");
    // The first one has been heeded.
    assert_eq!(daemon.tell("hear-now"), "nothing");
    kill(world.guardian_pid(), Signal::INT);
    assert_eq!(world.daemon().settle(), "incarnation 3 Ended(Wait(15))");
}

pub(crate) fn idle_costs_nothing() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; ready; stream 1 1 /dev/null; spawn 1 exec sleep 1000");
    daemon.tell("leader 1");
    let status = format!("/proc/{}/status", world.guardian_pid());
    let switches = || {
        let text = fs::read_to_string(&status).unwrap();
        let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // The answer to a list means that everything before it is done; then it goes to sleep.
    daemon.tell("list");
    world.until("sleep", || fs::read_to_string(&status).unwrap().contains("State:\tS"));
    let before = switches();
    assert!(!crate::world::is_readable(&world.control, std::time::Duration::from_secs(2)));
    assert_eq!(switches(), before);
    assert!(world.notified().starts_with("READY=1"), "systemd has been told");
}

/// A call and an end wait; a daemon that is stopped takes neither, one that answers is left alone.
pub(crate) fn a_daemon_that_does_not_answer_is_replaced() {
    for work in ["call", "end"] {
        let mut world = World::with_timeout("home", "1200");
        let mut daemon = world.daemon();
        daemon.settle();
        daemon.tell("list; adopted; ready; stream 1 1 /dev/null");
        let caller = if work == "call" {
            Some(UnixStream::connect(world.socket()).unwrap())
        } else {
            let app = daemon.tell("spawn 1 exit 3");
            daemon.tell("leader 1");
            assert_eq!(daemon.tell("hear"), format!("exit 1 {app} 768"));
            None
        };
        // It works slowly, but it answers.
        assert_eq!(daemon.tell("hear"), "are you there", "{work}");
        daemon.tell("here");
        assert_eq!(daemon.tell("hear"), "are you there", "{work}");
        daemon.tell("here");
        let first = daemon.pid;
        kill(first, Signal::STOP);
        let mut daemon = world.daemon();
        assert_eq!(daemon.settle(), "incarnation 2 Ended(Wait(9))");
        assert!(
            world.daemon_log().contains(&format!("(pid {first}, state T) does not answer: killed"))
        );
        drop(caller);
    }
}

pub(crate) fn leaving_is_graceful() {
    let mut world = World::new();
    // Leave and fail: it didn't get to the end of its work.
    world.daemon().order("leave; exit 3");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 2 Ended(Wait(768))");
    // A code of 0 alone isn't a goodbye.
    daemon.order("exit 0");
    world.daemon().order("leave; exit 0");
    assert_eq!(world.guardian.wait().unwrap().code(), Some(0));
    assert!(!world.socket().exists());
}

fn exe_of(pid: i32) -> std::path::PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

pub(crate) fn an_update_replaces_both_in_place() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    let fifo = world.fifo("fifo");
    daemon.tell(&format!("list; adopted; stream 1 1 {}; stream 2 1 /dev/null", sink.display()));
    let app = daemon.tell(
        &format!("spawn 1 echo a; read x < {}; echo b; exit 11", fifo.display())
            .replace("; ", " && "),
    );
    world.own(&app);
    let done = daemon.tell("spawn 2 exit 12");
    daemon.tell("close 1; leader 1; leader 2");
    assert_eq!(daemon.tell("hear"), format!("exit 2 {done} {}", 12 << 8));

    let new = world.path("new-binary");
    fs::copy(std::env::current_exe().unwrap(), &new).unwrap();
    daemon.order(&format!("update {}; exit 0", new.display()));
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 2 Updated");
    assert_eq!(exe_of(daemon.pid), new);
    let before = daemon.tell("list");
    daemon.tell("adopted; ready");
    let guardian = world.guardian_pid();
    world.until("the guardian's new image", || exe_of(guardian) == new);
    // The new image repeats what isn't acknowledged, then goes on.
    assert_eq!(daemon.tell("hear"), format!("exit 2 {done} {}", 12 << 8));
    assert_eq!(daemon.tell("list"), before.split_once(", ").unwrap().1);
    daemon.tell(&format!("ack 2 {done}"));
    fs::write(&fifo, "\n").unwrap();
    assert_eq!(daemon.tell("hear"), format!("exit 1 {app} {}", 11 << 8));
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    let mut daemon = world.next(daemon);
    assert_eq!(daemon.settle(), "incarnation 3 Ended(Wait(9))");
    let list = daemon.tell("list");
    assert!(list.starts_with(&format!("exit 1 {app} 2816, item 1 0 ")), "{list}");
    let rest = daemon.tell("drain 1 1");
    assert_eq!(format!("{}{rest}", fs::read_to_string(&sink).unwrap()).replace('\n', "|"), "a|b|");
}

pub(crate) fn a_bad_update_is_rolled_back() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("ready");
    daemon.order("stream 1 1 /dev/null; update /bin/false; exit 0");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 5 RolledBack");
    assert_eq!(exe_of(daemon.pid), std::env::current_exe().unwrap());
    assert_eq!(daemon.tell("list"), "item 1 1 stream 2 \"stream 1\"");
    daemon.order("update /no/such/program; exit 0");
    assert_eq!(world.daemon().settle(), "incarnation 9 RolledBack");
}

pub(crate) fn a_failing_exec_changes_nothing() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    let count_of = |pid| fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let count = count_of(daemon.pid);
    daemon.settle();
    let new = world.path("new-binary");
    fs::copy(std::env::current_exe().unwrap(), &new).unwrap();
    daemon.order(&format!("stream 1 1 /dev/null; update {}; exit 0", new.display()));
    let mut daemon = world.daemon();
    daemon.settle();
    fs::remove_file(&new).unwrap();
    daemon.tell("ready");
    world.until("the note", || world.daemon_log().contains("could not go on as the new binary"));
    assert_eq!(exe_of(world.guardian_pid()), std::env::current_exe().unwrap());
    assert_eq!(daemon.tell("list"), "item 1 1 stream 2 \"stream 1\"");
    // Its descriptors don't leak into the next daemon.
    fs::copy(std::env::current_exe().unwrap(), &new).unwrap();
    let daemon = world.next(daemon);
    assert_eq!(count_of(daemon.pid), count);
}

pub(crate) fn an_orphaned_daemon_hands_over() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let fifo = world.fifo("fifo");
    daemon.tell("stream 1 1 /dev/null");
    let app = daemon.tell(&format!("spawn 1 read x < {} && exit 13", fifo.display()));
    world.own(&app);
    daemon.tell("leader 1; close 1; list; adopted");
    kill(world.guardian_pid(), Signal::KILL);
    world.guardian.wait().unwrap();
    assert_eq!(daemon.tell("hear"), "gone");
    daemon.order("bequeath; exit 0");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 1 Inherited");
    let lock = fs::read_to_string(world.path("home/pm.lock")).unwrap();
    world.own(lock.split(' ').next().unwrap());
    assert_eq!(daemon.tell("list").matches("item 1 ").count(), 2);
    daemon.tell("adopted; ready");
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    fs::write(&fifo, "\n").unwrap();
    // Not our child: the kernel tells the code since 6.15, before it nobody knows.
    let told = daemon.tell("hear");
    let expected = [format!("exit 1 {app} {}", 13 << 8), format!("exit 1 {app} unknown")];
    assert!(told == expected[usize::from(!knows_endings())], "{told}");
}

fn knows_endings() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}
