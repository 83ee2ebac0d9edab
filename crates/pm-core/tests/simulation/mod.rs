//! The whole core in a scripted world on virtual time, all laws after each step, and the daemon dying at any order.
//!
//! `PM_SIM_SCHEDULES` sets how many schedules are tried, `PM_SIM_SEED` where they begin (`fresh`: somewhere new),
//! `PM_SIM_SHRINK` how much is done to make a failing one small (0: nothing).
#![expect(clippy::wildcard_enum_match_arm, reason = "tests look for single orders")]

#[path = "../common/mod.rs"]
mod common;
mod schedule;
mod world;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;

use proptest::prelude::{ProptestConfig, any};
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use schedule::Schedule;

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn seed() -> u64 {
    match setting("PM_SIM_SEED").as_deref() {
        None => 1,
        Some("fresh") => RandomState::new().build_hasher().finish(),
        Some(number) => number.parse().expect("PM_SIM_SEED is a number or `fresh`"),
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/schedules")
}

fn explain(schedule: &Schedule, why: &str) -> String {
    let (result, log) = world::run(schedule, Some(Vec::new()));
    let log = log.join("\n");
    let json = serde_json::to_string_pretty(schedule).expect("schedules are plain data");
    format!("{why}\n{log}\n{result:?}\nas a file for fixtures/schedules:\n{json}")
}

fn schedules() -> u32 {
    setting("PM_SIM_SCHEDULES")
        .map_or(60_000, |text| text.parse().expect("PM_SIM_SCHEDULES is a number"))
}

fn simulate(mortal: bool) {
    tried(schedules() / 2, mortal, |tape| Schedule::read(tape, mortal));
}

fn tried(cases: u32, mortal: bool, read: impl Fn(&[u16]) -> Schedule) {
    let seed = seed();
    eprintln!("seed {seed}");
    let mut bytes = [u8::from(mortal); 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: setting("PM_SIM_SHRINK")
            .map_or(20_000, |text| text.parse().expect("PM_SIM_SHRINK is a number")),
        ..ProptestConfig::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let tapes = proptest::collection::vec(any::<u16>(), 0..260);
    let outcome = runner.run(&tapes, |tape| {
        let (result, _) = world::run(&read(&tape), None);
        result.map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, tape)) => {
            let schedule = read(&tape);
            panic!("seed {seed}: {}", explain(&schedule, &why.to_string()));
        }
        Err(TestError::Abort(why)) => panic!("seed {seed}: {why}"),
    }
}

#[test]
fn laws_hold_in_random_schedules() {
    simulate(false);
}

#[test]
fn laws_hold_while_the_daemon_dies_at_any_order() {
    simulate(true);
}

#[test]
fn laws_hold_in_rollouts_with_canaries() {
    for canary in 1..=2 {
        let cases = schedules() / 20;
        tried(cases, false, |tape| Schedule::read(tape, false).with_canaries(canary));
    }
}

#[test]
fn schedules_that_once_failed_are_replayed() {
    let files =
        std::fs::read_dir(folder()).map_or_else(|_| Vec::new(), |dir| dir.flatten().collect());
    for file in files {
        let path = file.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let text = std::fs::read_to_string(&path).expect("schedules are readable");
            let schedule: Schedule = serde_json::from_str(&text).expect("schedules are plain data");
            if let (Err(why), _) = world::run(&schedule, None) {
                panic!("{}: {}", path.display(), explain(&schedule, &why));
            }
        }
    }
}
