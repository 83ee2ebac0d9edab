//! Reloads that meet each other, and a daemon that dies under them: each is answered when it is over, and nobody is failed.

use pm_testkit::{Home, Running, is_alive, signal};

use crate::node::load::{Habit, Load};
use crate::sockets::{pids, server, sockets_on};

/// A server under load whose reload waits until the old run has left: the load, the old run's pid, the reload.
fn lingering(home: &Home) -> (Load, u32, Running) {
    let port = server(home, "env: {LINGERS: '1'}, kill_timeout: '60s'");
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(1);
    let old = home.row("web").pid;
    home.file("version", "two");
    let reload = home.pm(["reload", "web"]).background();
    home.wait_file(home.home().logs().join("web-out.log"), |log| log.ends_with(b"bye\n"));
    (load, old, reload)
}

#[test]
fn a_reload_whose_daemon_died_and_one_that_meets_it_wait_until_the_old_run_has_left() {
    let home = Home::new();
    let (mut load, old, mut first) = lingering(&home);
    let new = home.row("web").pid;
    let before = home.hello();
    signal(before.pid, 9);
    home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
    home.file("version", "three");
    let mut second = home.pm(["reload", "web", "--force"]).background();
    home.wait_until("a reload waits", || {
        home.run(["reload", "web"]).err.contains("is being reloaded already")
    });
    load.go_on(50);
    assert!(is_alive(old) && home.row("web").pid == new, "{}", first.seen_so_far());
    home.file("leave", "");
    assert_eq!(first.wait(), 0, "{}", first.seen());
    assert!(!is_alive(old), "it was told too early: {}", first.seen());
    assert_eq!(second.wait(), 0, "{}", second.seen());
    assert!(!is_alive(new) && home.row("web").pid != new);
    load.hear(3);
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

/// The guardian is replaced in place, and the daemon with it.
#[test]
fn an_update_while_the_old_run_has_still_to_leave_fails_nobody() {
    let home = Home::new();
    let (load, old, mut reload) = lingering(&home);
    let (new, before) = (home.row("web").pid, home.hello());
    home.run(["update"]).ok();
    let after = home.hello();
    assert!(after.incarnation > before.incarnation && after.guardian == before.guardian);
    load.go_on(50);
    assert!(is_alive(old) && home.row("web").pid == new, "{}", reload.seen_so_far());
    home.file("leave", "");
    assert_eq!(reload.wait(), 0, "{}", reload.seen());
    assert!(!is_alive(old), "it was told too early: {}", reload.seen());
    assert_eq!((home.row("web").pid, home.row("web").restarts), (new, 1));
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

#[test]
fn a_better_version_takes_the_place_of_one_that_does_not_come_up() {
    let home = Home::new();
    let port = server(&home, "");
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(1);
    let old = home.row("web").pid;
    home.file("version", "deaf");
    let mut first = home.pm(["reload", "web"]).background();
    let deaf = home.wait_new_pid("web", old).pid;
    // It has read its version.
    home.wait_file(home.home().logs().join("web-out.log"), |log| log.ends_with(b"deaf\n"));
    home.file("version", "two");
    home.run(["reload", "web", "--force"]).ok();
    first.wait_for("overtaken by a later command");
    assert!(!is_alive(old) && !is_alive(deaf));
    load.hear(2);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

#[test]
fn a_version_that_dies_while_it_is_watched_gives_way_to_the_old_one() {
    let home = Home::new();
    let port = server(&home, "reload_monitor: '1h'");
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(1);
    let old = home.row("web").pid;
    home.file("version", "doomed");
    let mut reload = home.pm(["reload", "web"]).background();
    load.hear(2);
    load.go_on(50);
    assert!(is_alive(old), "{}", reload.seen_so_far());
    // The daemon's death changes nothing about it.
    let before = home.hello();
    signal(before.pid, 9);
    home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    // Whom it is at then is cut off with it.
    home.file("die", "");
    let mut load = Load::begin(port, 1, Habit::NewEach);
    assert_eq!(reload.wait(), 1);
    reload.wait_for("failed: exited with code 7");
    assert_eq!(home.row("web").pid, old);
    load.hear(1);
    load.go_on(50);
    drop(load.end());
    home.file("version", "two");
    let load = Load::begin(port, 4, Habit::NewEach);
    home.run(["reload", "web", "--reload-monitor", "100ms"]).ok();
    assert!(!is_alive(old));
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

/// The canary has callers, is found to be bad and taken back; nobody fails, and no other instance was touched.
#[test]
fn a_bad_canary_is_taken_back_and_a_good_one_is_followed_by_the_others() {
    let home = Home::new();
    let keys = "instances: 3, watchdog: '1h', reload_canary: 1, reload_parallelism: 2, reload_monitor: '1h'";
    let port = server(&home, keys);
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear_of("one ");
    let before = pids(&home);
    home.file("version", "sick");
    let mut reload = home.pm(["reload", "web"]).background();
    load.hear_of("sick ");
    load.go_on(50);
    assert!(before.iter().all(|pid| is_alive(*pid)), "{}", reload.seen_so_far());
    assert_eq!(pids(&home).iter().filter(|pid| !before.contains(pid)).count(), 1);
    home.file("fall", "");
    assert_eq!(reload.wait(), 1, "{}", reload.seen());
    reload.wait_for("failed: unhealthy");
    assert_eq!(pids(&home), before);
    home.wait_until("one socket is left", || sockets_on(port) == 1);
    home.file("version", "two");
    home.run(["reload", "web", "--reload-monitor", "100ms"]).ok();
    assert!(pids(&home).iter().all(|pid| !before.contains(pid)));
    load.hear_of("two ");
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}
