//! Reloads of servers whose socket is a file (`listen: ["unix://..."]`): each version has one of its own, and they change places.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use pm_testkit::{Home, is_alive, signal};

use crate::node::load::{Habit, Load};
use crate::sockets::{app, pids};

/// One that cuts off whoever it has accepted when it is told to end.
fn server(home: &Home, more: &str) -> PathBuf {
    app(home, "'unix://./app.sock'", more);
    home.run(["start", "web.json5"]).ok();
    home.work().join("app.sock")
}

/// The names of sockets in its folder.
fn sockets(home: &Home) -> Vec<String> {
    let all = fs::read_dir(home.work()).unwrap().map(|entry| entry.unwrap().file_name());
    let all = all.map(|name| name.into_string().unwrap());
    all.filter(|name| name.contains(".sock")).collect()
}

#[test]
fn five_reloads_and_nobody_notices() {
    let home = Home::new();
    let path = server(&home, "instances: 2, env: {RUDE: '1'}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let file = |path: &PathBuf| fs::metadata(path).unwrap();
    let (first, load) = (file(&path), Load::begin(path.clone(), 4, Habit::NewEach));
    load.go_on(50);
    for turn in 0..5 {
        let before = pids(&home);
        home.file("version", format!("version{turn}"));
        let mut reload = home.pm(["reload", "web"]).background();
        if turn == 2 {
            home.wait_rows("the reload is under way", |rows| {
                rows.iter().any(|row| row.pid != 0 && !before.contains(&row.pid))
            });
            signal(home.hello().pid, 9);
        }
        assert_eq!(reload.wait(), 0, "{}", reload.seen());
        assert!(pids(&home).iter().all(|pid| !before.contains(pid)));
        load.go_on(50);
    }
    home.wait_until("one socket is left", || sockets(&home) == ["app.sock"]);
    let last = file(&path);
    assert_ne!(first.ino(), last.ino());
    assert_eq!((last.uid(), last.gid(), last.mode()), (first.uid(), first.gid(), first.mode()));
    let before = pids(&home);
    home.file("version", "broken");
    home.run(["reload", "web"]).ends(1).says("exited with code 1").complains("broken");
    home.wait_until("one socket is left", || sockets(&home) == ["app.sock"]);
    load.go_on(50);
    assert_eq!((pids(&home), file(&path).ino()), (before, last.ino()));
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    home.run(["stop", "web"]).ok();
    home.wait_until("no socket is left", || sockets(&home).is_empty());
}

#[test]
fn a_version_that_is_taken_back_gives_the_name_back() {
    let home = Home::new();
    let path = server(&home, "env: {RUDE: '1'}, watchdog: '1h', reload_monitor: '1h'");
    let mut load = Load::begin(path, 4, Habit::NewEach);
    load.hear_of("one ");
    let old = home.row("web").pid;
    home.file("version", "sick");
    let mut reload = home.pm(["reload", "web"]).background();
    load.hear_of("sick ");
    assert!(is_alive(old) && sockets(&home).len() == 2, "{}", reload.seen_so_far());
    home.file("fall", "");
    assert_eq!(reload.wait(), 1, "{}", reload.seen());
    assert_eq!(home.row("web").pid, old);
    home.wait_until("one socket is left", || sockets(&home) == ["app.sock"]);
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}
