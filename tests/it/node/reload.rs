//! Reload: workers are replaced one by one, nobody's request is cut off, and a bad new version changes nothing.

use pm_testkit::{Home, free_port};

use super::cluster::cluster;
use super::load::{Habit, Load};
use super::server;

/// Reloads under load: not one failure, and everybody is new.
fn no_caller_notices(workers: usize, more: &str, habit: Habit) {
    let home = Home::new();
    let port = cluster(&home, workers, more);
    let before: Vec<u32> = home.rows().iter().map(|row| row.pid).collect();
    let mut load = Load::begin(port, 8, habit);
    // With a socket each the kernel deals connections out at random.
    let voices = if more.contains("slot") { 1 } else { workers };
    load.hear(voices);
    home.run(["reload", "web"]).ok();
    load.hear(2 * voices);
    load.go_on(100);
    let tally = load.end();
    assert!(tally.hard.is_empty() && tally.stale == 0, "{workers} {habit:?} {more}: {tally:?}");
    let after = home.rows();
    assert!(after.iter().all(|row| !before.contains(&row.pid)), "{before:?} {after:?}");
    assert!(after.iter().all(|row| row.restarts == 1), "{after:?}");
    let heard = |row: &pm_protocol::Row| tally.answers.contains(&row.pid.to_string());
    assert!(after.iter().filter(|row| heard(row)).count() >= voices, "{after:?} {tally:?}");
}

#[test]
fn two_workers_with_connections_that_stay() {
    no_caller_notices(2, "", Habit::KeepAlive);
}

#[test]
fn two_workers_with_a_connection_each() {
    no_caller_notices(2, "", Habit::NewEach);
}

#[test]
fn four_workers_with_connections_that_stay_and_slow_answers() {
    no_caller_notices(4, "env: {WAIT: 50}", Habit::KeepAlive);
}

#[test]
fn four_workers_with_a_connection_each() {
    no_caller_notices(4, "", Habit::NewEach);
}

#[test]
fn workers_with_a_socket_each() {
    no_caller_notices(2, "sched: 'slot'", Habit::KeepAlive);
}

#[test]
fn a_version_that_does_not_start_replaces_nobody() {
    let home = Home::new();
    let port = cluster(&home, 3, "");
    let before: Vec<u32> = home.rows().iter().map(|row| row.pid).collect();
    let load = Load::begin(port, 4, Habit::KeepAlive);
    home.file("server.js", "throw new Error('broken');\n");
    home.run(["reload", "web"]).ends(1);
    load.go_on(100);
    let tally = load.end();
    assert!(tally.hard.is_empty() && tally.stale == 0, "{tally:?}");
    let rows = home.rows();
    assert_eq!(rows.iter().map(|row| row.pid).collect::<Vec<_>>(), before, "the old ones serve");
    assert!(rows.iter().all(|row| row.status.as_str() == "online"), "{rows:?}");
    // And a good version goes in again.
    server(&home);
    home.run(["reload", "web"]).ok();
    assert!(home.rows().iter().all(|row| !before.contains(&row.pid)));
}

#[test]
fn the_app_closes_its_server_itself_on_sigint() {
    let home = Home::new();
    server(&home);
    let port = free_port();
    home.file(
        "own.js",
        "const http = require('node:http');\n\
         const server = http.createServer((q, r) => r.end(String(process.pid)));\n\
         server.listen(Number(process.env.PORT));\n\
         process.on('SIGINT', () => server.close(() => { console.log('bye'); process.exit(0); }));\n",
    );
    let config = format!(
        "[{{name: 'own', script: 'own.js', instances: 2, port: {port}, merge_logs: true}}]"
    );
    home.file("own.json5", config);
    home.run(["start", "own.json5"]).ok();
    let load = Load::begin(port, 8, Habit::KeepAlive);
    load.go_on(100);
    home.run(["reload", "own"]).ok();
    load.go_on(100);
    let tally = load.end();
    assert!(tally.hard.is_empty() && tally.stale == 0, "{tally:?}");
    home.wait_file(home.home().logs().join("own-out.log"), |log| log == b"bye\nbye\n");
}

#[test]
fn the_daemon_dies_in_a_reload_and_it_is_carried_on_or_left_whole() {
    let home = Home::new();
    let port = cluster(&home, 2, "");
    let old: Vec<u32> = home.rows().iter().map(|row| row.pid).collect();
    let load = Load::begin(port, 4, Habit::KeepAlive);
    let reload = home.pm(["reload", "web"]).background();
    home.wait_rows("the reload is under way", |rows| {
        rows.iter().any(|row| row.pid != 0 && !old.contains(&row.pid))
    });
    let before = home.hello();
    pm_testkit::signal(before.pid, 9);
    home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
    drop(reload);
    home.wait_rows("two workers", |rows| {
        rows.len() == 2 && rows.iter().all(|row| row.status.as_str() == "online")
    });
    // What was asked of the new daemon before the command was ended goes on, and another one has to wait for it.
    home.wait_until("another reload", || home.run(["reload", "web"]).code == 0);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}
