//! Descriptors and output while daemons come and go.

use std::fs;

use crate::puppet::pid;
use crate::world::{World, is_alive};

pub(crate) fn descriptors_come_back_to_every_daemon() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 1 First");
    let sink = world.path("out.log");
    daemon.tell(&format!("stream 71 1 {}", sink.display()));
    let app = daemon.tell("spawn 71 exec sleep 1000");
    let app = world.own(&app);
    daemon.tell("leader 71");
    for number in 2..5 {
        daemon = world.next(daemon);
        assert_eq!(daemon.settle(), format!("incarnation {number} Ended(Wait(9))"));
        let list = daemon.tell("list");
        assert_eq!(
            list,
            format!("item 71 0 pidfd({app}) 1 \"\", item 71 1 stream 2 \"stream 71\"")
        );
        daemon.tell("adopted");
    }
    assert!(is_alive(app), "the app has noticed nothing");
}

pub(crate) fn dropped_items_do_not_come_back() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    for tag in [5, 6] {
        daemon.tell(&format!("stream {tag} 1 {}", sink.display()));
        daemon.tell(&format!("stream {tag} 255 {}", sink.display()));
    }
    daemon.tell("drop 5; drop 6 1");
    daemon = world.next(daemon);
    daemon.settle();
    assert_eq!(daemon.tell("list"), "item 6 255 stream 2 \"stream 6\"");
}

pub(crate) fn last_messages_of_a_dead_daemon_count() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let count = 700;
    daemon.order(&format!("burst {count}; die"));
    daemon = world.daemon();
    daemon.settle();
    let list = daemon.tell("list");
    let items: Vec<&str> = list.split(", ").collect();
    assert_eq!(items.len(), count, "{list}");
    for (tag, item) in items.iter().enumerate() {
        assert_eq!(*item, format!("item {tag} 7 other 1 \"{tag}\""));
    }
}

/// Numbered lines as a shell writes them, and what they are.
fn lines(count: usize) -> (String, String) {
    let script = format!("i=0; while [ $i -lt {count} ]; do echo line $i; i=$((i+1)); done")
        .replace("; ", ";");
    let text = (0..count).fold(String::new(), |text, line| text + &format!("line {line}\n"));
    (script, text)
}

/// Lets daemons fail young until the next one is a quarter of a second away. (One that is killed
/// is replaced sooner.)
fn widen_gap(world: &mut World) {
    for _ in 0..3 {
        let mut daemon = world.daemon();
        daemon.order("exit 1");
    }
}

pub(crate) fn output_of_the_gap_is_exact_to_the_byte() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    fs::write(&sink, "before\n").unwrap();
    // Far more than a pipe holds, so it only ends if somebody takes it.
    let (script, text) = lines(30_000);
    daemon.order(&format!("stream 1 1 {}; spawn 1 {script}; close 1; die", sink.display()));
    widen_gap(&mut world);
    let expected = format!("before\n{text}");
    let is_there = || fs::metadata(&sink).is_ok_and(|meta| meta.len() >= expected.len() as u64);
    let mut daemon = world.daemon();
    // Daemons that take nothing: only the guardian moves.
    while !is_there() {
        daemon = world.next(daemon);
    }
    assert!(fs::read(&sink).unwrap() == expected.as_bytes(), "the log isn't exact");
    daemon.settle();
    daemon.tell("list");
    assert_eq!(daemon.tell("drain 1 1"), "", "nothing is left in the pipe");
}

pub(crate) fn no_byte_is_moved_while_a_daemon_lives() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let (sink, fifo) = (world.path("out.log"), world.fifo("fifo"));
    let script = format!("read x < {} && echo late", fifo.display());
    daemon.order(&format!("stream 1 1 {}; spawn 1 {script}; leader 1; die", sink.display()));
    // The guardian has watched the pipe between two of these.
    widen_gap(&mut world);
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted");
    fs::write(&fifo, "\n").unwrap();
    assert!(daemon.tell("hear").starts_with("exit 1 "));
    // The answer comes from the same loop that would have moved the bytes.
    daemon.tell("list");
    assert_eq!(fs::read(&sink).unwrap(), b"");
    assert_eq!(daemon.tell("drain 1 1"), "late|");
}

pub(crate) fn output_waits_while_the_file_refuses_it() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    fs::write(&sink, "0123456789").unwrap();
    // The guardian may write no file beyond ten bytes, as on a full disk.
    let guardian = pid(world.guardian_pid());
    let limit = |current| rustix::process::Rlimit { current, maximum: None };
    let resource = rustix::process::Resource::Fsize;
    rustix::process::prlimit(Some(guardian), resource, limit(Some(10))).unwrap();
    let order = format!("stream 1 1 {}; spawn 1 echo one; echo two; close 1; die", sink.display());
    daemon.order(&order.replace("one; ", "one && "));
    for _ in 0..4 {
        world.daemon().order("exit 1");
    }
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list");
    assert_eq!(daemon.tell("drain 1 1"), "one|two|");
    assert_eq!(fs::read(&sink).unwrap(), b"0123456789");
    // And goes on when there is room again, without anybody's help.
    let order = format!("stream 2 1 {}; spawn 2 echo three; close 2; exit 1", sink.display());
    daemon.order(&order);
    world.until("the gap", || !is_alive(daemon.pid));
    rustix::process::prlimit(Some(guardian), resource, limit(None)).unwrap();
    world.until("the rest", || fs::read(&sink).unwrap() == b"0123456789three\n");
}

/// Twenty apps, and daemons that are killed at any moment: each app ends once, with its code, and
/// no byte of its output is lost or doubled.
pub(crate) fn apps_survive_many_kills() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let (script, text) = lines(2_000);
    let mut apps = Vec::new();
    for tag in 1..=20 {
        let sink = world.path(&format!("{tag}.log"));
        daemon.tell(&format!("stream {tag} 1 {}", sink.display()));
        apps.push(daemon.tell(&format!("spawn {tag} {script}; exit {tag}").replace("; ", ";")));
        daemon.tell(&format!("leader {tag}; close {tag}"));
    }
    let mut seen = std::collections::BTreeMap::new();
    while seen.len() < 20 {
        daemon = world.next(daemon);
        daemon.settle();
        for line in daemon.tell("list").split(", ").filter(|line| line.starts_with("exit ")) {
            let words: Vec<u64> =
                line.split(' ').skip(1).map(|word| word.parse().unwrap()).collect();
            assert_eq!(
                (words[1].to_string(), words[2]),
                (apps[usize::try_from(words[0]).unwrap() - 1].clone(), words[0] << 8)
            );
            assert!(seen.insert(words[0], words[1]).is_none(), "told after its acknowledgement");
            daemon.tell(&format!("ack {} {}", words[0], words[1]));
        }
    }
    for tag in 1..=20 {
        let rest = daemon.tell(&format!("drain {tag} 1")).replace('|', "\n");
        let log = fs::read_to_string(world.path(&format!("{tag}.log"))).unwrap();
        assert!(format!("{log}{rest}") == text, "the log of {tag} isn't exact");
    }
}
