//! The journal is damaged between two daemons: cut off at any byte, or no journal at all.

use std::collections::BTreeMap;
use std::fs;

use pm_testkit::{Home, signal, wait_gone};

use super::apps::{self, Shape, Writer};
use super::seed::Seed;
use crate::apps::start;

const KILL: i32 = 9;
const CONTINUE: i32 = 18;
const STOP: i32 = 19;

/// Pids of the writers.
fn pids(home: &Home) -> BTreeMap<String, u32> {
    let rows = apps::rows(home);
    rows.into_iter()
        .filter(|row| row.name.starts_with("long"))
        .map(|row| (row.name, row.pid))
        .collect()
}

/// Kills the daemon and changes the journal before the next one reads it.
fn damage(home: &Home, change: impl FnOnce(&mut Vec<u8>)) {
    let hello = home.hello();
    signal(hello.guardian, STOP);
    signal(hello.pid, KILL);
    wait_gone(hello.pid);
    let path = home.home().journal();
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    signal(hello.guardian, CONTINUE);
}

#[test]
fn law7_a_journal_cut_anywhere_starts_nothing_twice() {
    let mut seed = Seed::new();
    let home = Home::new();
    home.run(["start", "/bin/true", "--no-autorestart", "--no-wait"]).ok();
    let writers: Vec<Writer> =
        (0..4).map(|n| Writer::long(n, Shape::Raw, 3_000, &mut seed)).collect();
    apps::start(&home, &writers);
    // Before this the apps are unknown, and then they are nobody's.
    let known = fs::metadata(home.home().journal()).unwrap().len();
    // New runs, so that what is cut off matters.
    home.run(["restart", "long-0"]).ok();
    home.run(["restart", "long-1"]).ok();
    let mut before = pids(&home);
    for _ in 0..12 {
        let mut cut = 0;
        damage(&home, |bytes| {
            cut = usize::try_from(seed.between(known, bytes.len() as u64 + 1)).unwrap();
            bytes.truncate(cut);
        });
        let now = pids(&home);
        if now != before {
            home.fail(&format!("cut at {cut}: {now:?} instead of {before:?}"));
        }
        home.run(["restart", "long-2", "--no-wait"]).ok();
        before = pids(&home);
    }
}

#[test]
fn law7_a_damaged_journal_is_replaced_by_the_generation_before() {
    let mut seed = Seed::new();
    let home = Home::new();
    home.run(["start", "/bin/true", "--no-autorestart", "--no-wait"]).ok();
    let writers: Vec<Writer> =
        (0..3).map(|n| Writer::long(n, Shape::Raw, 3_000, &mut seed)).collect();
    apps::start(&home, &writers);
    let before = pids(&home);
    // The generation before is a snapshot somebody made in time; here it is the journal as it was.
    fs::copy(home.home().journal(), home.home().journal().with_extension("old")).unwrap();
    home.run(["restart", "long-1"]).ok();
    let mut after = pids(&home);
    assert_ne!(after["long-1"], before["long-1"]);
    damage(&home, |bytes| bytes.fill(b'#'));
    assert_eq!(pids(&home), after, "runs the old generation never knew");
    let diary = fs::read_to_string(home.home().diary()).unwrap();
    assert!(diary.contains("the journal is damaged; kept as"), "{diary}");
    assert!(home.home().journal().with_extension("damaged").exists());
    home.run(["stop", "long-1"]).ok();
    after.insert("long-1".into(), 0);
    assert_eq!(pids(&home), after, "the right process was stopped");
}

/// A line of the journal that says this, with one byte of it damaged.
fn damage_line(bytes: &mut [u8], says: &str) {
    let says = says.as_bytes();
    let at = bytes.windows(says.len()).position(|part| part == says);
    bytes[at.unwrap() + 2] = 0xff;
}

#[test]
fn one_damaged_byte_hides_no_app_and_starts_none_twice() {
    let home = Home::new();
    start(&home, "first", &[], &["--live", "forever"]).ok();
    start(&home, "second", &[], &["--live", "forever"]).ok();
    let (first, second) = (home.row("first").pid, home.row("second").pid);
    damage(&home, |bytes| damage_line(bytes, "\"name\":\"first\""));
    let list = home.run(["list"]).ok();
    list.complains("warning").complains(&format!("unknown (pid {first}, "));
    assert_eq!(home.row("second").pid, second);
    start(&home, "first", &[], &["--live", "forever"])
        .ends(1)
        .complains(&format!("could not start first: pid {first} runs as that"));
    // The next daemon reads a journal that is whole, and remembers all the same.
    signal(home.hello().pid, KILL);
    home.run(["list"]).ok().complains(&format!("unknown (pid {first}, "));
    home.run(["kill"]).ok();
    for pid in [first, second] {
        wait_gone(pid);
    }
}

#[test]
fn an_instance_that_a_damaged_journal_lost_is_taken_over_again() {
    let home = Home::new();
    start(&home, "web", &[], &["--live", "forever"]).ok();
    let pid = home.row("web").pid;
    damage(&home, |bytes| {
        while bytes.windows(9).any(|part| part == b"{\"seat\":{") {
            damage_line(bytes, "{\"seat\":{");
        }
    });
    assert_eq!(home.row("web").pid, pid);
    assert_eq!(home.run(["list"]).ok().err, "");
    home.run(["stop", "web"]).ok();
    wait_gone(pid);
}
