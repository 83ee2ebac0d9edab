//! Workers of one app on one port.

use pm_client::{Deadline, pause};
use pm_testkit::{Home, PATIENCE, free_port, signal};

use super::load::{Habit, Load};
use super::server;

/// Starts the server with so many workers; gives its port.
pub(super) fn cluster(home: &Home, workers: usize, more: &str) -> u16 {
    server(home);
    let port = free_port();
    let config = format!(
        "[{{name: 'web', script: 'server.js', instances: {workers}, port: {port}, {more}}}]"
    );
    home.file("web.json5", config);
    home.run(["start", "web.json5"]).ok();
    port
}

/// How many of the apps are shown as listening on this port.
fn listening(home: &Home, port: u16) -> usize {
    let rows = home.rows();
    let has_it = |row: &&pm_protocol::Row| row.usage.listens.iter().any(|at| at.port() == port);
    rows.iter().filter(has_it).count()
}

#[test]
fn workers_share_a_port_and_take_turns() {
    let home = Home::new();
    let port = cluster(&home, 3, "");
    let pids: std::collections::BTreeSet<String> =
        home.rows().iter().map(|row| row.pid.to_string()).collect();
    assert_eq!(pids.len(), 3);
    assert_eq!(listening(&home, port), 3);
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(3);
    load.go_on(100);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    assert_eq!(tally.answers, pids, "everybody served");
}

#[test]
fn two_ports_of_slots_and_a_taken_one() {
    let home = Home::new();
    let port = cluster(&home, 2, "sched: 'slot'");
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(2);
    load.go_on(100);
    let tally = load.end();
    assert!(tally.hard.is_empty() && tally.answers.len() == 2, "{tally:?}");
    // Another app does not get the port, and hears Node's own error.
    home.file(
        "late.js",
        "require('node:http').createServer().on('error', (e) => console.log(e.code, e.syscall))\n\
         .listen(Number(process.env.PORT));\n",
    );
    let config = format!(
        "[{{name: 'late', script: 'late.js', instances: 1, port: {port}, merge_logs: true}}]"
    );
    home.file("late.json5", config);
    home.run(["start", "late.json5", "--no-wait"]);
    home.wait_file(home.home().logs().join("late-out.log"), |log| log == b"EADDRINUSE bind\n");
}

#[test]
fn law7_the_daemon_dies_under_load_and_no_caller_notices() {
    let home = Home::new();
    let port = cluster(&home, 2, "");
    for habit in [Habit::KeepAlive, Habit::NewEach] {
        let load = Load::begin(port, 8, habit);
        for _ in 0..3 {
            let before = home.hello();
            load.go_on(100);
            signal(before.pid, 9);
            home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
        }
        load.go_on(100);
        let tally = load.end();
        assert!(tally.hard.is_empty() && tally.stale == 0, "{habit:?}: {tally:?}");
        assert!(tally.good > 100, "{habit:?}: {tally:?}");
    }
    let restarts: Vec<u32> = home.rows().iter().map(|row| row.restarts).collect();
    assert_eq!(restarts, [0, 0], "nobody was replaced");
    assert_eq!(listening(&home, port), 2, "the next daemon knows where they listen");
}

#[test]
fn law7_an_update_under_load_and_no_caller_notices() {
    let home = Home::new();
    let port = cluster(&home, 2, "");
    for habit in [Habit::KeepAlive, Habit::NewEach] {
        let load = Load::begin(port, 8, habit);
        load.go_on(100);
        let before = home.hello();
        home.run(["update"]).ok();
        assert!(home.hello().incarnation > before.incarnation);
        load.go_on(100);
        let tally = load.end();
        assert!(tally.hard.is_empty() && tally.stale == 0, "{habit:?}: {tally:?}");
    }
    let restarts: Vec<u32> = home.rows().iter().map(|row| row.restarts).collect();
    assert_eq!(restarts, [0, 0], "nobody was replaced");
}

#[test]
fn an_app_with_one_worker_refuses_nobody_while_it_restarts() {
    let home = Home::new();
    let port = cluster(&home, 1, "");
    let old = home.row("web").pid;
    let mut load = Load::begin(port, 2, Habit::NewEach);
    load.hear(1);
    signal(old, 9);
    home.wait_new_pid("web", old);
    load.hear(2);
    load.go_on(100);
    let tally = load.end();
    // What it was about to answer is lost with it; nobody else is refused.
    assert!(tally.hard.len() <= 8, "{tally:?}");
    assert!(!tally.hard.iter().any(|why| why.contains("refused")), "{tally:?}");
}

#[test]
fn a_port_is_free_again_when_its_app_is_stopped() {
    let home = Home::new();
    let port = cluster(&home, 2, "");
    home.run(["stop", "web"]).ok();
    let deadline = Deadline::after(PATIENCE);
    while std::net::TcpListener::bind(("0.0.0.0", port)).is_err() {
        assert!(!deadline.is_over(), "the port is still taken");
        pause(std::time::Duration::from_millis(5), deadline);
    }
    home.run(["start", "web"]).ok();
    let load = Load::begin(port, 1, Habit::NewEach);
    load.go_on(100);
    assert!(load.end().hard.is_empty());
}
