//! What the guardian says about ends, and to whom.

use std::fs;

use rustix::process::Signal;

use crate::world::{World, is_alive, kill};

pub(crate) fn exits_are_told_until_acknowledged() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; stream 9 1 /dev/null");
    let app = daemon.tell("spawn 9 exit 42");
    daemon.tell("leader 9");
    let exit = format!("exit 9 {app} {}", 42 << 8);
    assert_eq!(daemon.tell("hear"), exit);
    for _ in 0..3 {
        daemon = world.next(daemon);
        daemon.settle();
        let list = daemon.tell("list");
        assert!(list.starts_with(&format!("{exit}, item 9 0 ")), "{list}");
    }
    daemon.tell(&format!("ack 9 {app}"));
    daemon = world.next(daemon);
    daemon.settle();
    let list = daemon.tell("list");
    assert!(list.starts_with("item 9 0 "), "{list}");
    // A signal is told apart from a code, and nobody ends because of another's acknowledgement.
    daemon.tell("adopted; stream 10 1 /dev/null");
    let app = daemon.tell("spawn 10 kill -KILL $$");
    daemon.tell("leader 10; ack 10 1");
    assert_eq!(daemon.tell("hear"), format!("exit 10 {app} 9"));
}

pub(crate) fn an_end_between_birth_and_store_is_kept() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    // The daemon dies before it can say who the leader is; the app ends by itself.
    daemon.order("stream 3 1 /dev/null; spawn 3 exit 7; die");
    daemon = world.daemon();
    daemon.settle();
    world.until("the exit", || daemon.tell("list").starts_with("exit 3 "));
    daemon = world.next(daemon);
    daemon.settle();
    let list = daemon.tell("list");
    assert!(list.starts_with("exit 3 ") && list.contains(" 1792, "), "{list}");
}

/// The app ends while the guardian still has hundreds of messages to read, of which the one about
/// this app is the last.
pub(crate) fn a_run_is_heard_of_before_its_end_is_judged() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted");
    kill(world.guardian_pid(), Signal::STOP);
    let answer = daemon.tell("burst 600; stream 1000 1 /dev/null; spawn 1000 exit 7");
    let app = answer.rsplit(' ').next().unwrap();
    let status = format!("/proc/{app}/status");
    world.until("the end", || fs::read_to_string(&status).unwrap().contains("State:\tZ"));
    kill(world.guardian_pid(), Signal::CONT);
    assert_eq!(daemon.tell("hear"), format!("exit 1000 {app} {}", 7 << 8));
}

pub(crate) fn a_leader_that_lost_its_tag_is_known_by_its_pidfd() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; stream 6 1 /dev/null");
    let fifo = world.fifo("fifo");
    let script = format!("read x < {}; prlimit --locks=unlimited --pid $$; exit 9", fifo.display());
    let app = daemon.tell(&format!("spawn 6 {}", script.replace("; ", ";")));
    world.own(&app);
    daemon.tell("leader 6");
    fs::write(&fifo, "\n").unwrap();
    assert_eq!(daemon.tell("hear"), format!("exit 6 {app} {}", 9 << 8));
}

/// The orphan and the leader of [`an_orphan_is_not_taken_for_its_leader`], with no leader stored.
pub(crate) fn of_unknown_leaders_the_oldest_counts() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; stream 4 1 /dev/null; stream 5 1 /dev/null");
    let (first, second) = (world.fifo("first"), world.fifo("second"));
    for (tag, orphan_waits, leader_waits) in [(4, &first, &second), (5, &second, &first)] {
        let script = format!(
            "(sh -c 'read x < {0}; exit 5' &); read x < {1}; exit 6",
            orphan_waits.display(),
            leader_waits.display()
        );
        let app = daemon.tell(&format!("spawn {tag} {}", script.replace("; ", ";")));
        world.own(&app);
    }
    // Open for both readers each, so that no order of opening matters.
    let open = |path| fs::File::options().read(true).write(true).open(path).unwrap();
    let (mut first, mut second) = (open(&first), open(&second));
    std::io::Write::write_all(&mut first, b"\n\n").unwrap();
    let mut told = [daemon.tell("hear"), daemon.tell("hear")];
    told.sort();
    assert!(told[0].starts_with("exit 4 ") && told[0].ends_with(" 1280"), "{told:?}");
    assert!(told[1].starts_with("exit 5 ") && told[1].ends_with(" 1536"), "{told:?}");
    std::io::Write::write_all(&mut second, b"\n\n").unwrap();
    // Of the first run the leader is news, of the second the orphan is not.
    let told = daemon.tell("hear");
    assert!(told.starts_with("exit 4 ") && told.ends_with(" 1536"), "{told}");
    daemon.tell("leader 4; leader 5");
    let list = daemon.tell("list");
    assert!(!list.contains("exit"), "{list}");
    daemon = world.next(daemon);
    daemon.settle();
    let list = daemon.tell("list");
    assert!(list.starts_with("exit 4 ") && list.matches(" 1536").count() == 2, "{list}");
}

pub(crate) fn an_orphan_is_not_taken_for_its_leader() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let (hold, orphan, fifo) = (world.fifo("hold"), world.path("orphan"), world.fifo("fifo"));
    daemon.tell("list; adopted; stream 4 1 /dev/null");
    // The inner shell is orphaned at once; it ends when the fifo is opened, the leader later.
    let script = format!(
        "(sh -c 'echo $$ > {1}; read x < {2}; exit 5' &) ; read x < {0}; exit 6",
        hold.display(),
        orphan.display(),
        fifo.display()
    )
    .replace("; ", ";");
    let app = daemon.tell(&format!("spawn 4 {script}"));
    world.own(&app);
    daemon.tell("leader 4");
    world
        .until("the orphan", || fs::read_to_string(&orphan).is_ok_and(|text| text.ends_with('\n')));
    let orphan = world.own(fs::read_to_string(&orphan).unwrap().trim());
    fs::write(&fifo, "\n").unwrap();
    world.until("the orphan is reaped", || !is_alive(orphan));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    fs::write(&hold, "\n").unwrap();
    assert_eq!(daemon.tell("hear"), format!("exit 4 {app} {}", 6 << 8));
}

pub(crate) fn ends_of_runs_without_items_are_nobodys_business() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted");
    let stranger = daemon.tell("spawn 8 exit 1");
    let stranger = world.own(&stranger);
    world.until("it is reaped", || !is_alive(stranger));
    assert_eq!(daemon.tell("hear-now"), "nothing");
}

pub(crate) fn no_exit_is_told_before_the_daemon_asks() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("stream 2 1 /dev/null");
    let app = daemon.tell("spawn 2 exit 0");
    let number = world.own(&app);
    world.until("it is reaped", || !is_alive(number));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    assert!(daemon.tell("list").starts_with(&format!("exit 2 {app} 0, ")));
    // Between the list and the adoption silence again.
    let app = daemon.tell("stream 1 1 /dev/null; spawn 1 exit 0").split_off("ok; ".len());
    let number = world.own(&app);
    world.until("it is reaped", || !is_alive(number));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    daemon.tell("adopted");
    assert_eq!(daemon.tell("hear"), format!("exit 1 {app} 0"));
}
