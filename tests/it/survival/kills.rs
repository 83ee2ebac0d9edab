//! The daemon is killed five hundred times and more.

use std::collections::BTreeMap;
use std::time::Duration;

use pm_client::{Deadline, pause};
use pm_protocol::Status;
use pm_testkit::Home;

use super::apps::{self, SHAPES, Writer, descriptions, rows};
use super::killer::{Killer, kills};
use super::report::Report;
use super::seed::Seed;

const LONG: u32 = 20;
/// Short apps that are started with one call.
const BATCH: usize = 25;

/// Pids of the long apps, by id.
fn pids(home: &Home) -> BTreeMap<u32, u32> {
    let long = rows(home).into_iter().filter(|row| row.name.starts_with("long"));
    long.map(|row| (row.id, row.pid)).collect()
}

#[test]
fn law7_five_hundred_kills_of_the_daemon_are_noticed_by_nobody() {
    let mut seed = Seed::new();
    let home = Home::new();
    let long: Vec<Writer> = (0..LONG)
        .map(|number| {
            let shape = SHAPES[usize::try_from(number).unwrap() % SHAPES.len()];
            Writer::long(number, shape, 12_000, &mut seed)
        })
        .collect();
    home.script("idle", "exit 0");
    home.run(["start", "idle", "--no-autorestart", "--no-wait"]).ok();
    apps::start(&home, &long);
    let before = pids(&home);
    assert_eq!(before.len(), long.iter().map(Writer::instances).sum::<usize>());

    let killer = Killer::start(&home, seed.fork());
    let wanted = kills(500);
    let short: Vec<Writer> = (0..wanted).map(|number| Writer::short(number, &mut seed)).collect();
    for batch in short.chunks(BATCH) {
        apps::start(&home, batch);
    }
    // However slow the machine: the killer gives up when no daemon comes.
    while killer.killed() < wanted && killer.is_at_it() {
        pause(Duration::from_millis(20), Deadline::NEVER);
    }
    let toll = killer.stop();
    if let Some(why) = &toll.deserted {
        home.fail(&format!("after {} kills {why}", toll.killed));
    }
    if !toll.ended_alone.is_empty() {
        home.fail(&format!("these daemons ended by themselves: {:?}", toll.ended_alone));
    }

    home.wait_rows("all short apps ended", |rows| {
        let mut short = rows.iter().filter(|row| row.name.starts_with("short"));
        short.all(|row| row.status == Status::Stopped)
    });
    let all = descriptions(&home);
    for writer in &short {
        writer.check_starts(&home);
        let one = match all.get(&writer.name).map(Vec::as_slice) {
            Some([one]) => one,
            other => home.fail(&format!("{} is listed as {other:?}", writer.name)),
        };
        let codes: Vec<_> = one.ends.iter().map(|end| end.code).collect();
        if codes != [writer.code] || one.row.restarts != 0 || one.row.status != Status::Stopped {
            home.fail(&format!(
                "{} should have ended once with {:?}: {one:?}",
                writer.name, writer.code
            ));
        }
    }
    assert_eq!(pids(&home), before, "pids of the long apps");
    for one in long.iter().flat_map(|writer| &all[&writer.name]) {
        assert_eq!((one.row.restarts, one.ends.len()), (0, 0), "{one:?}");
    }
    let mut report = Report::new("the daemon dies at any moment");
    report.killed(toll.killed);
    for writer in short.iter().chain(&long) {
        writer.check_starts(&home);
        writer.check_logs(&home);
        report.survived();
    }
    report.end();
}
