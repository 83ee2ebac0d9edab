//! What a step costs with 1,000 instances: `cargo run --release -p pm-core --example steps`.
#![expect(clippy::print_stdout, reason = "it exists to print")]
#![expect(clippy::wildcard_enum_match_arm, reason = "looks for single orders")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a measurement, not the daemon"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{app, identity, spawns, start};
use pm_core::{Core, Ending, Fact, Order, Remaining, RequestId, RunId, Time};

const APPS: u32 = 1_000;

fn step(core: &mut Core, now: u64, fact: Fact) -> Vec<Order> {
    let mut orders = Vec::new();
    core.step(Time(now), fact, &mut orders);
    orders
}

fn main() {
    let mut core = Core::new();
    let apps: Vec<_> = (0..APPS).map(|number| app(&format!("app-{number}"))).collect();
    let begin = Instant::now();
    let orders = step(&mut core, 0, Fact::Asked(RequestId(1), start(apps), None));
    println!("one Start of {APPS} apps: {:?}, {} orders", begin.elapsed(), orders.len());
    let runs = spawns(&orders);
    each("Spawned", &runs, |run| step(&mut core, 1, Fact::Spawned(run, identity(run))).len());
    let begin = Instant::now();
    let orders = step(&mut core, 1001, Fact::TimePassed);
    println!("the wake-up that settles all: {:?}, {} orders", begin.elapsed(), orders.len());
    let ending = Ending::Exited(1);
    let mut again = Vec::new();
    each("Ended, restarted", &runs, |run| {
        let orders = step(&mut core, 2000, Fact::Ended(run, ending, Remaining::Nothing));
        again.extend(spawns(&orders));
        orders.len()
    });
    each("Spawned again", &again, |run| {
        step(&mut core, 2001, Fact::Spawned(run, identity(run))).len()
    });
    let all = vec![pm_spec::Select::All];
    let begin = Instant::now();
    let orders = step(&mut core, 3000, Fact::Asked(RequestId(2), pm_core::Ask::Stop(all), None));
    println!("one Stop of all: {:?}, {} orders", begin.elapsed(), orders.len());
    each("Ended, stopped", &again, |run| {
        step(&mut core, 3001, Fact::Ended(run, ending, Remaining::Nothing)).len()
    });
    let begin = Instant::now();
    let records = core.records();
    println!("a snapshot: {:?}, {} records", begin.elapsed(), records.len());
    let begin = Instant::now();
    let core = Core::restore(Time(4000), records);
    println!("a restore: {:?}, {} instances", begin.elapsed(), core.instances().count());
}

fn each(what: &str, runs: &[RunId], mut act: impl FnMut(RunId) -> usize) {
    let begin = Instant::now();
    let orders: usize = runs.iter().map(|run| act(*run)).sum();
    let micros = begin.elapsed().as_secs_f64() * 1e6 / runs.len() as f64;
    println!("{what}: {micros:.2} us a step, {orders} orders");
}
