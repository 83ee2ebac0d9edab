//! The only tests on a real terminal: it opens, quits, and gives the terminal back after a signal and a panic.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use pm_protocol::{Change, Status};
use pm_testkit::samples::row;
use pm_tui::{Effect, EffectRunner, Model, Msg, ThemeChoice, show};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

const OPENED: &str = "\x1b[?1049h";
const RESTORED: &str = "\x1b[?1049l";
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells the child what to do: `quiet` or `panic`.
const ROLE: &str = "PM_TUI_TEST_ROLE";

/// Not a test of its own: what the others run on their terminal.
#[test]
#[ignore = "a child of the other tests"]
fn child() {
    let Some(role) = std::env::var_os(ROLE) else { return };
    let model = Model::new(ThemeChoice::Dark, "/nowhere".into(), 0);
    show(model, |sender| Ok(workers(&sender, role == "panic"))).unwrap();
}

/// Does nothing, or panics in another thread when the first typed letter arrives there.
fn workers(sender: &SyncSender<Msg>, panics: bool) -> EffectRunner {
    if panics {
        sender.send(Msg::News(Change::Snapshot(vec![row(0, "web", Status::Stopped)]))).unwrap();
    }
    Box::new(|effect| {
        if let Effect::Perform(operation) = effect {
            std::thread::spawn(move || panic!("workers fell at {:?}", operation.verb));
        }
    })
}

/// A child on a terminal, and our end of that terminal.
struct TerminalChild {
    child: Child,
    ours: File,
    theirs: OwnedFd,
    seen: String,
}

impl TerminalChild {
    fn open(role: &str) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&theirs, size).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(ROLE, role)
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let mut child = Self { child, ours: File::from(ours), theirs, seen: String::new() };
        child.wait_for(OPENED);
        child.wait_for("quit");
        assert!(!child.line_mode(), "keys come one by one");
        child
    }

    fn line_mode(&self) -> bool {
        tcgetattr(&self.theirs).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {text:?} in {:?}", self.seen);
            self.read_for(left);
        }
    }

    /// What is there, or what comes first within this time.
    fn read_for(&mut self, left: Duration) {
        let left = Timespec::try_from(left).unwrap();
        if poll(&mut [PollFd::new(&self.ours, PollFlags::IN)], Some(&left)).unwrap() > 0 {
            let mut bytes = [0; 4096];
            let count = self.ours.read(&mut bytes).unwrap();
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    fn type_keys(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// The terminal is as it was, and the child is gone; with success or not.
    fn ends(mut self, well: bool) -> String {
        self.wait_for(RESTORED);
        self.wait_for("test result");
        // The last thing the test harness writes.
        self.wait_for("finished in");
        let status = self.child.wait().unwrap();
        self.read_for(Duration::ZERO);
        assert_eq!(status.success(), well, "{:?}", self.seen);
        assert!(self.line_mode(), "the terminal echoes and takes lines again");
        assert!(self.seen.ends_with("\r\n"), "and ends lines properly");
        let after = self.seen.rfind(RESTORED).unwrap();
        self.seen.split_off(after)
    }
}

impl Drop for TerminalChild {
    fn drop(&mut self) {
        // It has ended unless the test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn p54_it_opens_and_quits() {
    let mut child = TerminalChild::open("quiet");
    child.type_keys("?");
    child.wait_for("esc closes");
    child.type_keys("qq");
    child.ends(true);
}

#[test]
fn p54_a_signal_gives_the_terminal_back() {
    let child = TerminalChild::open("quiet");
    kill_process(Pid::from_child(&child.child), Signal::TERM).unwrap();
    child.ends(true);
}

#[test]
fn p54_a_panic_gives_the_terminal_back_before_its_message() {
    let mut child = TerminalChild::open("panic");
    child.type_keys("s");
    let after = child.ends(false);
    assert!(after.contains("workers fell at Start"), "{after:?}");
}

#[test]
fn without_a_terminal_it_says_so() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(ROLE, "quiet")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("NoTerminal"));
}
