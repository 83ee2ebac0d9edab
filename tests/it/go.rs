//! Servers that were built by Go. No Go is needed: a copy of the fixture that has a section by which one is known, and listens where it is told to.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use pm_testkit::{Home, fixture, free_port, is_alive, signal};

use crate::node::load::{Habit, Load};

/// The fixture, and behind its end the names of its sections once more with one of Go's.
fn server(home: &Home) -> PathBuf {
    let mut bytes = fs::read(fixture()).unwrap();
    let read = |bytes: &[u8], at: usize, length: usize| {
        let number =
            bytes[at..at + length].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        usize::try_from(number).unwrap()
    };
    // elf(5): where the table of sections is, and which of them holds their names.
    let entry = read(&bytes, 0x28, 8) + 64 * read(&bytes, 0x3E, 2);
    let (offset, size) = (read(&bytes, entry + 0x18, 8), read(&bytes, entry + 0x20, 8));
    let mut names = bytes[offset..offset + size].to_vec();
    names.extend(b".go.buildinfo\0");
    let end = bytes.len();
    bytes[entry + 0x18..entry + 0x20].copy_from_slice(&end.to_le_bytes());
    bytes[entry + 0x20..entry + 0x28].copy_from_slice(&names.len().to_le_bytes());
    bytes.extend(names);
    home.file("made", bytes);
    let server = home.work().join("server");
    // By cp(1): what this process had open for writing may be open in a child another test is just making.
    for words in [["cp", "made"], ["chmod", "755"]] {
        assert!(
            Command::new(words[0])
                .arg(words[1])
                .arg(&server)
                .current_dir(home.work())
                .status()
                .unwrap()
                .success()
        );
    }
    server
}

#[test]
fn it_is_recognised_and_five_reloads_fail_nobody() {
    let home = Home::new();
    server(&home);
    let port = free_port().to_string();
    let listen = format!("--listen=tcp://127.0.0.1:{port}");
    let words = ["start", "./server", "--name", "web", &listen, "--", "--listen", &port];
    home.run(words.iter().chain(&["--live", "forever"])).ok();
    let described = home.run(["describe", "web"]).ok();
    described.says("go, recognised").says("SIGTERM to the main process first, SIGKILL after 30s");
    let load = Load::begin(port.parse::<u16>().unwrap(), 4, Habit::NewEach);
    for turn in 0..5 {
        load.go_on(50);
        let before = home.row("web").pid;
        let mut reload = home.pm(["reload", "web"]).background();
        if turn == 2 {
            home.wait_rows("the reload is under way", |rows| {
                rows.iter().any(|row| row.pid != 0 && row.pid != before)
            });
            signal(home.hello().pid, 9);
        }
        assert_eq!(reload.wait(), 0, "{}", reload.seen());
        assert!(!reload.seen().contains("note:"), "{}", reload.seen());
        assert!(home.row("web").pid != before && !is_alive(before));
    }
    // A version that does not work.
    home.script("broken", "echo no database >&2\nexit 3");
    fs::rename(home.work().join("broken"), home.work().join("server")).unwrap();
    let before = home.row("web").pid;
    home.run(["reload", "web"]).ends(1).says("web (0) failed: exited with code 3");
    assert_eq!(home.row("web").pid, before);
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

#[test]
fn nothing_follows_where_it_is_not_to_be_recognised() {
    let home = Home::new();
    server(&home);
    home.run(["start", "./server", "--", "--live", "forever"]).ok();
    home.run(["describe", "server"]).ok().says("go, recognised");
    home.run(["restart", "server", "--preset", "none"]).ok();
    let described = home.run(["describe", "server"]).ok();
    assert!(!described.says("SIGINT to the main process").out().contains("recognised"));
    home.run(["restart", "server", "--preset", "go"]).ok();
    home.run(["describe", "server"]).ok().says("SIGTERM to the main process");
}

#[test]
fn one_that_opens_its_port_itself_is_told_to_have_a_gap_before() {
    let home = Home::new();
    server(&home);
    let port = free_port().to_string();
    home.run(["start", "./server", "--", "--listen", &port, "--live", "forever"]).ok();
    let run = home.run(["reload", "server"]).ok();
    run.complains(&format!("server opens its port itself: nobody listens on 127.0.0.1:{port}"));
}
