//! What happens when a place, a parent or a file is lost.

use std::fs;

use rustix::process::Signal;

use crate::world::{World, is_alive, kill, read_ready};

/// The process is the daemon's child, and the daemon never waits for it; after the death of guardian and daemon the
/// first process of a container is such a parent.
pub(crate) fn the_end_of_a_zombie_nobody_reaps_is_told_with_its_code() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let fifo = world.fifo("fifo");
    let app =
        daemon.tell(&format!("child 1 read x < {}; exit 13", fifo.display()).replace("; ", ";"));
    world.own(&app);
    daemon.tell("leader 1; list; adopted");
    fs::write(&fifo, "\n").unwrap();
    assert_eq!(daemon.tell("hear"), format!("exit 1 {app} {}", 13 << 8));
}

/// A rotation while a daemon lives: the gap after its death writes into the new file, and the pipe is still there.
pub(crate) fn output_is_redirected_without_losing_its_pipe() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let (old, new, fifo) = (world.path("old.log"), world.path("new.log"), world.fifo("fifo"));
    let script = format!("read x < {} && echo late", fifo.display());
    daemon.tell(&format!("stream 1 1 {}; spawn 1 {script}; leader 1; close 1", old.display()));
    daemon.order(&format!(
        "redirect 1 1 {}; redirect 2 1 {}; exit 1",
        new.display(),
        new.display()
    ));
    for _ in 0..2 {
        world.daemon().order("exit 1");
    }
    fs::write(&fifo, "\n").unwrap();
    let mut daemon = world.daemon();
    while fs::read(&new).unwrap().is_empty() {
        daemon.order("exit 1");
        daemon = world.daemon();
    }
    assert_eq!(fs::read(&new).unwrap(), b"late\n");
    assert_eq!(fs::read(&old).unwrap(), b"");
    daemon.settle();
    assert!(daemon.tell("list").contains("stream 2 \"stream 1\""), "pipe, file and name are kept");
}

pub(crate) fn a_home_that_another_guardian_took_is_left_alone() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    fs::remove_dir_all(world.path("home")).unwrap();
    fs::create_dir(world.path("home")).unwrap();
    let mut rival = world.rival();
    let number = rival.id().to_string();
    world.own(&number);
    assert_eq!(read_ready(&mut rival), pm_guardian::READY_NEW);
    let mut theirs = world.daemon();
    theirs.settle();
    world.until("the old guardian's word", || world.daemon_log().contains("another guardian"));
    assert_eq!(world.call(&mut theirs), format!("hello from {}", theirs.pid));
    assert_eq!(theirs.tell("hear-now"), "nothing", "no new socket is needed");
    assert_eq!(daemon.tell("hear-now"), "nothing", "nor given");
    // A new daemon of the old guardian would take the other's journal for its own.
    kill(daemon.pid, Signal::KILL);
    world.until("the daemon is gone", || !is_alive(daemon.pid));
    assert_eq!(world.call(&mut theirs), format!("hello from {}", theirs.pid));
    // The place is free again: the old guardian takes it.
    kill(rival.id().try_into().unwrap(), Signal::KILL);
    rival.wait().unwrap();
    kill(theirs.pid, Signal::KILL);
    let mut daemon = world.daemon();
    daemon.settle();
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
}
