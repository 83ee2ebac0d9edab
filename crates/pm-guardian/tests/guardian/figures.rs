//! What it costs, printed and not judged: machines differ.

use std::fs;
use std::time::Instant;

use crate::world::World;

pub(crate) fn print() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let memory = |world: &World| {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", world.guardian_pid()));
        let rollup = rollup.unwrap();
        let lines =
            rollup.lines().filter(|line| line.starts_with("Pss:") || line.contains("Dirty"));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    println!("memory empty: {:?}", memory(&world));
    let start = Instant::now();
    for tag in 0..1_000 {
        daemon.tell(&format!("stream {tag} 1 /dev/null; close {tag}"));
    }
    println!("1,000 stores with two descriptors, one round trip each: {:?}", start.elapsed());
    let start = Instant::now();
    daemon.tell("list");
    println!("list of 1,000 items with 2,000 descriptors: {:?}", start.elapsed());
    println!("memory with 1,000 items: {:?}", memory(&world));
    let start = Instant::now();
    daemon.order("die");
    let mut daemon = world.daemon();
    println!("death of the daemon to main of the next: {:?}", start.elapsed());
    daemon.settle();
    let start = Instant::now();
    daemon.tell("list");
    println!("its list: {:?}", start.elapsed());
}
