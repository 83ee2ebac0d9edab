//! The guardian dies, alone or with its daemon.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use pm_client::{Client, Deadline};
use pm_protocol::{Describe, Description, Hello, Ping};
use pm_testkit::{Home, PATIENCE, fixture, is_alive, signal, wait_gone};

use super::apps::{self, SHAPES, Writer};
use super::seed::Seed;

const KILL: i32 = 9;
const TERM: i32 = 15;
const CONTINUE: i32 = 18;
const STOP: i32 = 19;

/// Who answers, once somebody does who isn't of this guardian's.
fn new_guardian(home: &Home, old: u32) -> Hello {
    let mut found = None;
    home.wait_until("a new guardian", || {
        let Ok(mut client) = Client::open(home.home()) else { return false };
        let answered = client.call(&Ping {}, Deadline::after(Duration::from_secs(5))).is_ok();
        found = client.peer().cloned().filter(|hello| answered && hello.guardian != old);
        found.is_some()
    });
    found.unwrap()
}

fn describe(home: &Home, name: &str) -> Description {
    let mut client = home.client();
    let all = client
        .call(&Describe { select: Vec::new(), known: false }, Deadline::after(PATIENCE))
        .unwrap();
    all.descriptions.into_iter().find(|one| one.row.name == name).unwrap()
}

/// What must not change: pid, uptime's beginning, restarts, by id.
fn standing(home: &Home) -> BTreeMap<u32, (u32, u64, u32)> {
    let rows = apps::rows(home);
    // The one that only wakes the daemon comes and goes.
    rows.iter()
        .filter(|row| row.name != "true")
        .map(|row| (row.id, (row.pid, row.started_at / 100, row.restarts)))
        .collect()
}

/// Equal but for a tick of the clock by which beginnings are reckoned.
fn assert_same(home: &Home, before: &BTreeMap<u32, (u32, u64, u32)>) {
    let now = standing(home);
    let same = |(one, other): (&(u32, u64, u32), &(u32, u64, u32))| {
        one.0 == other.0 && one.1.abs_diff(other.1) <= 1 && one.2 == other.2
    };
    let is_same = now.keys().eq(before.keys()) && now.values().zip(before.values()).all(same);
    if !is_same {
        home.fail(&format!("{now:?} instead of {before:?}"));
    }
}

/// An app that exits with 7 when it is told to.
fn start_mortal(home: &Home, name: &str) -> u32 {
    let fixture = fixture();
    let words =
        ["start", fixture.to_str().unwrap(), "--name", name, "--no-autorestart", "--no-wait"];
    home.run(words.into_iter().chain(["--", "--on-term", "exit:7", "--live", "forever"])).ok();
    let row = home.wait_status(name, "online");
    home.wait_until("the app has its handler", || {
        let status = fs::read_to_string(format!("/proc/{}/status", row.pid)).unwrap_or_default();
        status.lines().any(|line| line.starts_with("SigCgt:") && caught(line, TERM))
    });
    row.pid
}

fn caught(line: &str, number: i32) -> bool {
    let mask = line.split_whitespace().nth(1).and_then(|text| u64::from_str_radix(text, 16).ok());
    mask.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

/// Whether the kernel tells the exit code of a process that isn't our child (6.15).
fn tells_codes() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

fn assert_lock(home: &Home, hello: &Hello) {
    let lock = fs::read_to_string(home.home().lock()).unwrap();
    assert_eq!(lock.split(' ').next(), Some(hello.guardian.to_string().as_str()), "the lock");
}

#[test]
fn law7_guardians_are_killed_alone_and_replaced() {
    let mut seed = Seed::new();
    let home = Home::new();
    home.run(["start", "/bin/true", "--no-autorestart", "--no-wait"]).ok();
    let writers: Vec<Writer> =
        (0..7).zip(SHAPES).map(|(n, shape)| Writer::long(n, shape, 6_000, &mut seed)).collect();
    apps::start(&home, &writers);
    let mortals: Vec<(String, u32)> = (0..5)
        .map(|n| format!("mortal-{n}"))
        .map(|name| (name.clone(), start_mortal(&home, &name)))
        .collect();
    let before: BTreeMap<_, _> = standing(&home)
        .into_iter()
        .filter(|(_, (pid, ..))| mortals.iter().all(|(_, it)| it != pid))
        .collect();
    let mut hello = home.hello();
    for (name, pid) in &mortals {
        super::killer::pause(Duration::from_millis(seed.between(0, 300)));
        signal(hello.guardian, KILL);
        hello = new_guardian(&home, hello.guardian);
        assert_lock(&home, &hello);
        assert!(is_alive(*pid), "{name} did not survive its guardian");
        signal(*pid, TERM);
        wait_gone(*pid);
        home.wait_status(name, "stopped");
        let ends = describe(&home, name).ends;
        let code = ends.last().unwrap().code;
        assert_eq!(ends.len(), 1, "{ends:?}");
        assert!(code == Some(7) || code.is_none() && !tells_codes(), "{ends:?}");
        let now: Vec<u32> = mortals.iter().map(|(_, pid)| *pid).collect();
        let others = standing(&home);
        for (id, (pid, ..)) in &before {
            assert_eq!(others[id].0, *pid, "a pid changed; {now:?}");
        }
    }
    for writer in &writers {
        writer.check_starts(&home);
        writer.check_logs(&home);
    }
}

/// Both at once: the guardian can't see its daemon's death any more.
fn kill_both(home: &Home) -> Hello {
    let hello = home.hello();
    signal(hello.guardian, STOP);
    signal(hello.pid, KILL);
    signal(hello.guardian, KILL);
    wait_gone(hello.pid);
    wait_gone(hello.guardian);
    hello
}

#[test]
fn law7_both_are_killed_and_the_next_command_takes_over() {
    let mut seed = Seed::new();
    let home = Home::new();
    home.run(["start", "/bin/true", "--no-autorestart", "--no-wait"]).ok();
    let writers: Vec<Writer> =
        (0..7).zip(SHAPES).map(|(n, shape)| Writer::long(n, shape, 5_000, &mut seed)).collect();
    apps::start(&home, &writers);
    let mortal = start_mortal(&home, "mortal");
    let dies_meanwhile = start_mortal(&home, "meanwhile");
    let before = standing(&home);
    for round in 0..4 {
        super::killer::pause(Duration::from_millis(seed.between(0, 300)));
        let old = kill_both(&home);
        if round == 3 {
            signal(dies_meanwhile, TERM);
            wait_gone(dies_meanwhile);
        }
        super::killer::pause(Duration::from_millis(seed.between(0, 200)));
        home.run(["ping"]).ok();
        home.run(["start", "/bin/true", "--name", "waker", "--no-autorestart", "--no-wait"]).ok();
        assert_ne!(home.hello().guardian, old.guardian);
        assert_lock(&home, &home.hello());
        if round == 0 {
            let now = standing(&home);
            assert_eq!(now.len(), before.len() + 1);
        }
        home.run(["delete", "waker"]).ok();
        if round < 3 {
            assert_same(&home, &before);
        }
    }
    let ends = home.wait_status("meanwhile", "stopped");
    assert_eq!(ends.restarts, 0);
    assert_eq!(describe(&home, "meanwhile").ends.len(), 1);
    // Now a child of the first process, which may take its time to reap.
    signal(mortal, TERM);
    wait_gone(mortal);
    home.wait_status("mortal", "stopped");
    let ends = describe(&home, "mortal").ends;
    assert!(ends.len() == 1 && (ends[0].code == Some(7) || !tells_codes()), "{ends:?}");
    for writer in &writers {
        writer.check_starts(&home);
        writer.check_logs(&home);
    }
}

/// README: adopted by the next `pm` command, whichever it is.
#[test]
fn law7_both_are_killed_and_any_command_finds_the_apps() {
    let home = Home::new();
    start_mortal(&home, "app");
    home.run(["save"]).ok();
    let before = standing(&home);
    let looks: [&[&str]; 13] = [
        &["list"],
        &["jlist"],
        &["describe", "app"],
        &["logs", "app", "--nostream"],
        &["env", "0"],
        &["pid", "app"],
        &["id", "app"],
        &["save"],
        &["flush", "app"],
        &["report"],
        &["update"],
        &["resurrect"],
        &["sendSignal", "CONT", "app"],
    ];
    for words in looks {
        kill_both(&home);
        home.run(words.iter().copied()).ok();
        assert_same(&home, &before);
    }
    kill_both(&home);
    home.run(["list"]).ok().says("app");
    let pid = apps::rows(&home)[0].pid;
    kill_both(&home);
    home.run(["restart", "app"]).ok();
    wait_gone(pid);
    let pid = apps::rows(&home)[0].pid;
    kill_both(&home);
    home.run(["stop", "app"]).ok();
    wait_gone(pid);
    // Nothing lives: nothing is started, only told.
    kill_both(&home);
    home.run(["describe", "app"]).ends(3);
    assert!(Client::open(home.home()).is_err());
    home.run(["ping"]).ok();
    home.run(["start", "app"]).ok();
    let pid = apps::rows(&home)[0].pid;
    kill_both(&home);
    home.run(["kill"]).ok();
    wait_gone(pid);
}

#[test]
fn law7_both_are_killed_and_what_was_stopped_is_stopped_and_deleted_all_the_same() {
    let home = Home::new();
    home.run(["delete", "all"]).ok().says("nothing to delete");
    assert!(Client::open(home.home()).is_err(), "who knows nothing starts nothing");
    for (verb, says) in [("stop", "app"), ("delete", "app")] {
        let pid = start_mortal(&home, "app");
        home.run(["stop", "app"]).ok();
        wait_gone(pid);
        kill_both(&home);
        let run = home.run([verb, "all"]).ok();
        assert!(run.out().contains(says), "{verb}\n{}{}", run.out(), run.err);
        let left = home.rows().len();
        assert_eq!(left, usize::from(verb == "stop"));
        home.run(["kill"]).ok();
    }
    // Who left in good order has left nothing.
    home.run(["delete", "all"]).ok().says("nothing to delete");
    assert!(Client::open(home.home()).is_err());
}

/// The guardian, and a moment later the daemon, which is starting another guardian or is its new daemon already.
#[test]
fn law7_a_hand_over_is_interrupted_at_any_moment() {
    let mut seed = Seed::new();
    let home = Home::new();
    home.run(["start", "/bin/true", "--no-autorestart", "--no-wait"]).ok();
    let writers: Vec<Writer> =
        (0..7).zip(SHAPES).map(|(n, shape)| Writer::long(n, shape, 5_000, &mut seed)).collect();
    apps::start(&home, &writers);
    let before = standing(&home);
    for _ in 0..25 {
        let hello = home.hello();
        signal(hello.guardian, KILL);
        super::killer::pause(Duration::from_micros(seed.between(0, 25_000)));
        super::killer::kill_if_there(hello.pid);
        if seed.between(0, 2) == 0 {
            // Once more, at whoever is there by now.
            super::killer::pause(Duration::from_micros(seed.between(0, 25_000)));
            let lock = fs::read_to_string(home.home().lock()).unwrap_or_default();
            if let Some(guardian) = lock.split(' ').next().and_then(|pid| pid.parse().ok()) {
                super::killer::kill_if_there(guardian);
            }
        }
        home.wait_until("somebody takes over", || {
            let id = before.keys().last().unwrap().to_string();
            home.run(["start", "true", "--no-wait"]).code == 0 && home.run(["pid", &id]).code == 0
        });
        assert_same(&home, &before);
    }
    for writer in &writers {
        writer.check_starts(&home);
        writer.check_logs(&home);
    }
}

#[test]
fn law7_calls_and_ends_while_no_daemon_runs() {
    let home = Home::new();
    let first = start_mortal(&home, "first");
    start_mortal(&home, "second");
    for command in [["list", "--json"], ["stop", "second"]] {
        let hello = home.hello();
        signal(hello.guardian, STOP);
        signal(hello.pid, KILL);
        if is_alive(first) {
            signal(first, TERM);
        }
        let mut call = home.pm(command).background();
        super::killer::pause(Duration::from_millis(100));
        signal(hello.guardian, CONTINUE);
        assert_eq!(call.wait(), 0, "{command:?}");
        assert_ne!(home.hello().pid, hello.pid);
    }
    let ends = home.wait_status("first", "stopped");
    assert_eq!((ends.pid, ends.restarts), (0, 0));
    let codes: Vec<_> = describe(&home, "first").ends.iter().map(|end| end.code).collect();
    assert_eq!(codes, [Some(7)], "the end while the daemon was dead");
    assert_eq!(home.row("second").pid, 0);
}

/// Stopped, as one that hangs: an end nobody heeds, then a call nobody takes.
#[test]
fn law7_a_daemon_that_hangs_is_replaced() {
    let home = Home::new();
    let program = fixture();
    let words = ["start", program.to_str().unwrap(), "--name", "calm", "--", "--live", "forever"];
    home.pm(words).env("PM_GUARDIAN_PATIENCE", "1500").run().ok();
    let mortal = start_mortal(&home, "mortal");
    let calm = home.row("calm").pid;
    let first = home.hello();
    signal(first.pid, STOP);
    signal(mortal, KILL);
    wait_gone(first.pid);
    home.wait_status("mortal", "stopped");
    let second = home.hello();
    assert_eq!((second.incarnation, second.guardian), (first.incarnation + 1, first.guardian));
    signal(second.pid, STOP);
    home.run(["pid", "calm"]).ok();
    assert_eq!(home.hello().incarnation, first.incarnation + 2);
    assert_eq!(home.row("calm").pid, calm);
    assert!(is_alive(calm));
}

#[test]
fn law7_a_removed_home_comes_back_with_its_apps() {
    let home = Home::new();
    let pid = start_mortal(&home, "app");
    let hello = home.hello();
    fs::remove_dir_all(home.home().root()).unwrap();
    home.wait_until("the socket is back", || home.home().socket().exists());
    home.wait_until("the journal is back", || home.home().journal().exists());
    signal(hello.pid, KILL);
    home.wait_until("another daemon", || home.hello().pid != hello.pid);
    let row = home.row("app");
    assert_eq!((row.pid, row.restarts), (pid, 0));
}
