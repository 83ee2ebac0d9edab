//! The home, its lock and its socket.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::process::Child;

use rustix::process::Signal;

use crate::world::{World, is_alive, kill, read_ready};

pub(crate) fn twenty_guardians_settle_to_one() {
    let mut world = World::new();
    let daemon = world.daemon();
    kill(world.guardian_pid(), Signal::KILL);
    world.guardian.wait().unwrap();
    kill(daemon.pid, Signal::KILL);
    world.until("the daemon is gone", || !is_alive(daemon.pid));
    drop(daemon);
    let mut rivals: Vec<Child> = (0..20).map(|_| world.rival()).collect();
    let words: Vec<Vec<u8>> = rivals.iter_mut().map(read_ready).collect();
    let winners: Vec<usize> =
        (0..20).filter(|rival| words[*rival] == pm_guardian::READY_NEW).collect();
    assert_eq!(winners.len(), 1, "{words:?}");
    assert!(words.iter().all(|word| word[0] == 0), "{words:?}");
    world.guardian = rivals.swap_remove(winners[0]);
    let winner = world.guardian_pid().to_string();
    world.own(&winner);
    assert!(rivals.iter_mut().all(|rival| rival.wait().unwrap().success()));
    let lock = fs::read_to_string(world.path("home/pm.lock")).unwrap();
    assert_eq!(lock, format!("{winner} {}\n", env!("CARGO_PKG_VERSION")));
    // The one daemon there is answers, and no second one comes.
    let mut daemon = world.daemon();
    daemon.settle();
    let pid = daemon.pid;
    let mut connections = std::os::unix::net::UnixStream::connect(world.socket()).unwrap();
    let mut heard = String::new();
    world.until("an answer", || {
        daemon.tell("greet");
        connections.set_nonblocking(true).unwrap();
        std::io::Read::read_to_string(&mut connections, &mut heard).is_ok()
    });
    assert_eq!(heard, format!("hello from {pid}"));
}

pub(crate) fn a_stale_socket_is_replaced() {
    let mut world = World::new();
    let daemon = world.daemon();
    kill(world.guardian_pid(), Signal::KILL);
    world.guardian.wait().unwrap();
    kill(daemon.pid, Signal::KILL);
    world.until("the daemon is gone", || !is_alive(daemon.pid));
    assert!(world.socket().exists(), "left over");
    world.guardian = world.rival();
    let winner = world.guardian_pid().to_string();
    world.own(&winner);
    assert_eq!(read_ready(&mut world.guardian), pm_guardian::READY_NEW);
    let mut daemon = world.daemon();
    daemon.settle();
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
}

pub(crate) fn a_removed_socket_comes_back() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let meta = fs::metadata(world.socket()).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.mode() & 0o777, 0o600);
    fs::remove_file(world.socket()).unwrap();
    fs::remove_file(world.path("home/pm.lock")).unwrap();
    assert_eq!(daemon.tell("hear"), "listener", "a new one is given to the daemon");
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    // The lock is ours again as well: a rival finds us.
    world.until("the lock file", || world.path("home/pm.lock").exists());
    let mut rival = world.rival();
    assert_eq!(read_ready(&mut rival), pm_guardian::READY_EXISTING);
    assert!(rival.wait().unwrap().success());
    fs::remove_dir_all(world.path("home")).unwrap();
    assert_eq!(daemon.tell("hear"), "listener", "the whole folder");
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    assert_eq!(fs::metadata(world.path("home")).unwrap().mode() & 0o777, 0o700);
}

pub(crate) fn long_paths_and_spaces_are_no_obstacle() {
    let home = format!("a home with spaces {}", "x".repeat(150));
    let mut world = World::at(&home);
    let mut daemon = world.daemon();
    daemon.settle();
    assert!(fs::metadata(world.path(&home).join("pm.sock")).unwrap().file_type().is_socket());
}

pub(crate) fn an_unusable_home_is_told_to_the_launcher() {
    let world = World::new();
    fs::write(world.path("file"), "").unwrap();
    let mut guardian = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("guardian")
        .env(crate::world::HOME, world.path("file/home"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let text = String::from_utf8(read_ready(&mut guardian)).unwrap();
    assert!(text.starts_with("lock ") && text.contains("file/home/pm.lock: "), "{text}");
    assert!(!guardian.wait().unwrap().success());
}
