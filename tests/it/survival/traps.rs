//! Daemon and guardian die before each of their system calls that changes anything, or at any moment, under every command that
//! changes anything.
//!
//! In CI some calls of each command, chosen by `PM_SEED`; with `PM_FAULTS` each of them (`fixtures/faults/run`).

use std::time::Duration;

use pm_protocol::Status;
use pm_testkit::{Mishap, Prey, Trap, signal};

use super::cast::{Cast, Counts};
use super::killer;
use super::report::{Report, minutes};
use super::seed::Seed;

const KILL: i32 = 9;

/// A command, and what follows from it.
struct Deed {
    words: &'static [&'static str],
    /// How many run afterwards of the apps there are.
    leaves: &'static [(&'static str, usize)],
    /// How many runs begin.
    begins: &'static [(&'static str, usize)],
}

impl Deed {
    /// Whether daemon and guardian may die at once: not while something ends (its last output would be lost, and how it ended), nor where
    /// a worker of Node's cluster is, which ends with them.
    fn may_lose_both(&self) -> bool {
        let (runs, lives) =
            (self.words[0] == "run", self.leaves.iter().any(|(_, count)| *count > 0));
        lives && !runs && self.leaves.iter().all(|(name, _)| *name != "cluster")
    }
}

const fn deed(
    words: &'static [&'static str],
    leaves: &'static [(&'static str, usize)],
    begins: &'static [(&'static str, usize)],
) -> Deed {
    Deed { words, leaves, begins }
}

type Counted = &'static [(&'static str, usize)];

const ALL: Counted = &[("web", 2), ("pair", 2), ("hooked", 1), ("job", 0)];
const STARTED: Counted = &[("web", 2), ("pair", 2), ("hooked", 1)];
const FEWER: Counted = &[("web", 1), ("pair", 2), ("hooked", 0), ("job", 0)];
const MORE: Counted = &[("web", 1), ("pair", 2), ("hooked", 0), ("job", 0), ("late", 1)];
const LATER: Counted = &[("web", 1), ("hooked", 0), ("job", 0), ("late", 1)];
const WITH_SHOP: Counted =
    &[("web", 2), ("pair", 2), ("hooked", 1), ("job", 0), ("shop", 1), ("till", 1)];

/// In an order in which each finds something to do, and which ends as it begins: without apps.
const DEEDS: [Deed; 22] = [
    deed(&["start", "all.json"], ALL, STARTED),
    deed(&["save"], ALL, &[]),
    deed(&["flush"], ALL, &[]),
    deed(&["restart", "web"], ALL, &[("web", 2)]),
    deed(&["reload", "pair"], ALL, &[("pair", 2)]),
    deed(&["restart", "hooked"], ALL, &[("hooked", 1)]),
    deed(
        &["scale", "web", "3"],
        &[("web", 3), ("pair", 2), ("hooked", 1), ("job", 0)],
        &[("web", 1)],
    ),
    deed(&["scale", "web", "1"], &[("web", 1), ("pair", 2), ("hooked", 1), ("job", 0)], &[]),
    deed(&["stop", "web", "hooked"], &[("web", 0), ("pair", 2), ("hooked", 0), ("job", 0)], &[]),
    deed(&["start", "web"], FEWER, &[("web", 1)]),
    deed(&["run", "job"], FEWER, &[("job", 1)]),
    deed(&["apply", "more.json"], MORE, &[("pair", 2), ("late", 1)]),
    deed(&["reset", "all"], MORE, &[]),
    deed(&["sendSignal", "CONT", "web"], MORE, &[]),
    deed(&["delete", "pair"], LATER, &[]),
    deed(&["update"], LATER, &[]),
    deed(&["delete", "all"], &[], &[]),
    deed(&["resurrect"], ALL, STARTED),
    deed(&["up", "shop/apps.json"], WITH_SHOP, &[("shop", 1), ("till", 1)]),
    deed(&["down", "shop/apps.json"], ALL, &[]),
    deed(&["stop", "all"], &[("web", 0), ("pair", 0), ("hooked", 0), ("job", 0)], &[]),
    deed(&["delete", "all"], &[], &[]),
];

/// The same for Node's cluster.
const WORKERS: [Deed; 9] = [
    deed(&["start", "cluster.json"], &[("cluster", 2)], &[("cluster", 2)]),
    deed(&["reload", "cluster"], &[("cluster", 2)], &[("cluster", 2)]),
    deed(&["scale", "cluster", "3"], &[("cluster", 3)], &[("cluster", 1)]),
    deed(&["reload", "cluster"], &[("cluster", 3)], &[("cluster", 3)]),
    deed(&["scale", "cluster", "2"], &[("cluster", 2)], &[]),
    deed(&["restart", "cluster"], &[("cluster", 2)], &[("cluster", 2)]),
    deed(&["stop", "cluster"], &[("cluster", 0)], &[]),
    deed(&["start", "cluster"], &[("cluster", 2)], &[("cluster", 2)]),
    deed(&["delete", "all"], &[], &[]),
];

/// Whom a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The daemon dies.
    Daemon,
    /// The guardian dies.
    Guardian,
    /// The daemon dies at once, and the one that takes its place at the call in question.
    Successor,
    /// A call of the daemon fails.
    Refused(Mishap),
    /// The daemon dies after so many microseconds, or the guardian, or both.
    Moment,
}

fn counts(of: &[(&str, usize)]) -> Counts {
    of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// What is to happen, with a way to know how many were killed, if it did; from then on it won't.
fn begin(
    cast: &Cast,
    deed: &Deed,
    (target, at): (Target, u32),
) -> Box<dyn FnOnce() -> Option<u32>> {
    let hello = cast.home.hello();
    let (trap, kills) = match target {
        Target::Daemon => (Trap::set(hello.pid, Prey::Itself, Mishap::Death, at), 1),
        Target::Guardian => (Trap::set(hello.guardian, Prey::Itself, Mishap::Death, at), 1),
        Target::Successor => {
            let trap = Trap::set(hello.guardian, Prey::NextChild, Mishap::Death, at);
            signal(hello.pid, KILL);
            (trap, 2)
        }
        Target::Refused(mishap) => (Trap::set(hello.pid, Prey::Itself, mishap, at), 0),
        Target::Moment => {
            let struck: &[u32] = match at % 3 {
                0 => &[hello.pid],
                // Nobody looks after those of whom nothing lives.
                1 if deed.may_lose_both() && !cast.alive().is_empty() => {
                    &[hello.guardian, hello.pid]
                }
                _ => &[hello.guardian],
            };
            let struck = struck.to_vec();
            let strike = std::thread::spawn(move || {
                killer::pause(Duration::from_micros(at.into()));
                for pid in &struck {
                    killer::kill_if_there(*pid);
                }
                u32::try_from(struck.len()).ok()
            });
            return Box::new(|| strike.join().ok().flatten());
        }
    };
    Box::new(move || trap.remove().then_some(kills))
}

/// One command, with somebody dying before this call if one is given; whether it came so far.
fn attempt(
    cast: &mut Cast,
    deed: &Deed,
    (target, at): (Target, Option<u32>),
) -> Result<Option<u32>, String> {
    let before = cast.begun();
    let fault = at.map(|at| begin(cast, deed, (target, at)));
    let run = cast.home.run(deed.words);
    let killed = fault.and_then(|happened| happened());
    let mut asked = 1;
    if run.code != 0 {
        if killed.is_none() {
            return Err(format!(
                "ended with {} although nobody died\n{}{}",
                run.code,
                run.out(),
                run.err
            ));
        }
        // Who is told that it is not known asks again.
        let again = cast.home.run(deed.words);
        asked = 2;
        // What is gone already is nobody's.
        let is_gone = ["delete", "down"].contains(&deed.words[0]);
        if again.code != 0 && !is_gone {
            return Err(format!(
                "ended with {}\n{}\nand then with {}\n{}",
                run.code, run.err, again.code, again.err
            ));
        }
    }
    if matches!(target, Target::Refused(_)) {
        // Who is told that an app could not be begun begins it.
        for row in cast.home.rows().iter().filter(|row| row.status == Status::Errored) {
            cast.home.run(["restart", &row.id.to_string()]);
        }
    }
    if deed.words == ["flush"] {
        cast.logs_are_emptied();
    }
    cast.settle(&counts(deed.leaves))?;
    let begins = counts(deed.begins);
    for (name, now) in cast.begun() {
        let begun = now - before.get(&name).unwrap_or(&0);
        let wanted = begins.get(&name).copied().unwrap_or_default();
        if begun < wanted || begun > wanted * asked {
            return Err(format!(
                "{begun} runs of {name} began instead of {wanted}, asked {asked} times"
            ));
        }
    }
    Ok(killed)
}

/// Which call is next for the command of this number, after this one.
type Choice = Box<dyn FnMut(usize, u32) -> Option<u32>>;

/// Every command, with a death at each call that is chosen, until it gets through.
fn every_deed(target: Target, deeds: &[Deed], mut next: Choice) {
    let mut report = Report::new(&format!("{target:?} at a call"));
    let mut cast = Cast::new();
    let mut at: Vec<Option<u32>> = (0..deeds.len()).map(|deed| next(deed, 0)).collect();
    while at.iter().any(Option::is_some) && !report.is_over() {
        cast.begin_anew();
        for (number, deed) in deeds.iter().enumerate() {
            let chosen = at[number];
            let result = attempt(&mut cast, deed, (target, chosen));
            at[number] = chosen.and_then(|chosen| next(number, chosen));
            match result {
                Ok(Some(kills)) => {
                    report.survived();
                    report.killed(kills);
                }
                Ok(None) => at[number] = None,
                Err(why) => {
                    let words = deed.words.join(" ");
                    report.lost(&format!("{words}, {target:?} at {chosen:?}"), &why, &cast.home);
                    // The next round begins anew.
                    cast = Cast::new();
                    break;
                }
            }
        }
    }
    report.end();
}

/// One call of every `rarely`th command by chance, or in the long form every `step`th of all.
fn chosen(most: u64, rarely: u64, step: usize) -> Choice {
    if minutes().is_some() {
        return Box::new(move |deed, last| {
            let next = if last == 0 { 1 + deed % step } else { last as usize + step };
            u32::try_from(next).ok()
        });
    }
    let mut seed = Seed::new();
    Box::new(move |_, last| {
        let is_tried = last == 0 && seed.between(0, rarely) == 0;
        is_tried.then(|| u32::try_from(seed.between(1, most)).unwrap())
    })
}

/// Some moment: once of every `rarely`th command, or in the long form as often as there is time.
fn moments(rarely: u64) -> Choice {
    let mut seed = Seed::new();
    Box::new(move |_, last| {
        let is_tried = minutes().is_some() || last == 0 && seed.between(0, rarely) == 0;
        is_tried.then(|| u32::try_from(seed.between(1, 150_000)).unwrap())
    })
}

#[test]
fn law7_daemon_and_guardian_die_at_any_moment_of_any_command() {
    every_deed(Target::Moment, &DEEDS, moments(2));
}

#[test]
fn law7_daemon_and_guardian_die_at_any_moment_over_a_cluster() {
    if minutes().is_some() {
        every_deed(Target::Moment, &WORKERS, moments(1));
    }
}

#[test]
fn law7_the_daemon_dies_at_any_call_over_a_cluster() {
    if minutes().is_some() {
        every_deed(Target::Daemon, &WORKERS, chosen(1, 1, 1));
    }
}

#[test]
fn law7_the_daemon_dies_at_any_call_of_any_command() {
    every_deed(Target::Daemon, &DEEDS, chosen(40, 2, 1));
}

#[test]
fn law7_the_guardian_dies_at_any_call_of_any_command() {
    every_deed(Target::Guardian, &DEEDS, chosen(12, 2, 1));
}

/// It starts the same way under every command: each call of it under one of them.
#[test]
fn law7_a_new_daemon_dies_at_any_call_of_its_start() {
    every_deed(Target::Successor, &DEEDS, chosen(60, 4, DEEDS.len()));
}

/// Calls that fail, each that can for this reason: only in the long form.
fn refusals(mishap: Mishap) {
    if minutes().is_some() {
        every_deed(Target::Refused(mishap), &DEEDS, chosen(1, 1, 1));
    }
}

#[test]
fn any_call_of_any_command_fails_for_want_of_room() {
    every_deed(Target::Refused(Mishap::NoRoom), &DEEDS, chosen(20, 4, 1));
}

#[test]
fn any_call_of_any_command_fails_for_a_bad_disk() {
    refusals(Mishap::BadDisk);
}

#[test]
fn any_call_of_any_command_fails_for_want_of_descriptors() {
    refusals(Mishap::NoDescriptor);
}

#[test]
fn any_call_of_any_command_fails_for_want_of_memory() {
    refusals(Mishap::NoMemory);
}
