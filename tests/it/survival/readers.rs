//! Who reads slowly or not at all holds up nobody.

use pm_client::{Deadline, Feed, Subscription};
use pm_protocol::{Change, Reset};
use pm_spec::Select;
use pm_testkit::{Home, PATIENCE, signal};

use crate::apps::{start, up};

const CONTINUE: i32 = 18;
const STOP: i32 = 19;
const LINES: usize = 20_000;

/// One reads the log, one the changes; both stand still while an app writes and others change.
#[test]
fn readers_that_are_stopped_hold_up_no_app_and_no_command() {
    let home = Home::new();
    up(&home, "calm");
    let mut changes = Subscription::open(home.home(), None).unwrap();
    let mut logs = home.pm(["logs", "--raw", "--lines", "0"]).background();
    start(&home, "first", &["--no-autorestart"], &["--lines", "1:20"]);
    logs.wait_for("00000000 ");
    signal(logs.pid(), STOP);
    let lines = format!("{LINES}:120");
    start(&home, "chatty", &["--no-autorestart"], &["--lines", &lines, "--exit", "0"]);
    home.wait_status("chatty", "stopped");
    // More changes than there is room for on the way to whom they are told.
    let mut client = home.client();
    for _ in 0..2_000 {
        let reset = Reset { select: vec![Select::Name("calm".into())] };
        client.call(&reset, Deadline::after(PATIENCE)).unwrap();
    }
    home.run(["restart", "calm", "--no-wait"]).ok();
    let pid = home.row("calm").pid;
    signal(logs.pid(), CONTINUE);
    let last = format!("{:08} ", LINES - 1);
    let seen = logs.wait_for(&last);
    assert_eq!(seen.lines().filter(|line| line.len() == 119).count(), LINES, "each line once");
    // It is told in the end how things stand.
    let is_it = |change: &Change| match change {
        Change::Snapshot(rows) => rows.iter().any(|row| row.pid == pid),
        Change::Changed(row) => row.pid == pid,
        Change::Removed(_) | Change::Usage(_) | Change::Host(_) | Change::Leaving => false,
    };
    while !matches!(changes.next_before(Deadline::after(PATIENCE)).unwrap().unwrap(), Feed::Change(change) if is_it(&change))
    {
    }
}
