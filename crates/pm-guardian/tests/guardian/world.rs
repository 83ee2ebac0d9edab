//! A home with a guardian in it, and the strings of its puppets.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::puppet::pid;

/// Environment: the control socket, the home, the link of an heir.
pub(crate) const CONTROL: &str = "PM_TEST_CONTROL";
pub(crate) const HOME: &str = "PM_TEST_HOME";
pub(crate) const HEIR_LINK: &str = "PM_TEST_HEIR_LINK";

/// No fact takes longer on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct World {
    folder: TempDir,
    pub(crate) control: UnixListener,
    manager: UnixDatagram,
    pub(crate) guardian: Child,
    /// Everybody to be killed at the end.
    pids: Vec<i32>,
}

/// A living daemon under our control.
pub(crate) struct Strings {
    pub(crate) pid: i32,
    control: UnixStream,
    answers: BufReader<UnixStream>,
}

impl World {
    /// A home with a guardian that listens.
    pub(crate) fn new() -> Self {
        Self::at("home")
    }

    /// The same with a chosen folder.
    pub(crate) fn at(home: &str) -> Self {
        Self::with_timeout(home, "")
    }

    /// With this timeout for a daemon that hangs, in milliseconds.
    pub(crate) fn with_timeout(home: &str, timeout: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join(home)).unwrap();
        let control = UnixListener::bind(folder.path().join("control")).unwrap();
        let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        let mut guardian = start(folder.path(), home, timeout);
        assert_eq!(read_ready(&mut guardian), pm_guardian::READY_NEW);
        let pids = vec![i32::try_from(guardian.id()).unwrap()];
        Self { folder, control, manager, guardian, pids }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the service manager was told.
    pub(crate) fn notified(&self) -> String {
        let mut text = [0; 100];
        let length = self.manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).unwrap();
        path
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path("home/pm.sock")
    }

    /// One more guardian for the same home.
    pub(crate) fn rival(&self) -> Child {
        start(self.folder.path(), "home", "")
    }

    pub(crate) fn guardian_pid(&self) -> i32 {
        i32::try_from(self.guardian.id()).unwrap()
    }

    /// The next daemon that starts.
    pub(crate) fn daemon(&mut self) -> Strings {
        assert!(is_readable(&self.control, LIMIT), "no daemon came\n{}", self.daemon_log());
        let (control, _) = self.control.accept().unwrap();
        let mut strings =
            Strings { pid: 0, answers: BufReader::new(control.try_clone().unwrap()), control };
        strings.pid = strings.answer().parse().unwrap();
        self.pids.push(strings.pid);
        strings
    }

    /// Kills the daemon; the next one.
    pub(crate) fn next(&mut self, strings: Strings) -> Strings {
        kill(strings.pid, Signal::KILL);
        drop(strings);
        self.daemon()
    }

    pub(crate) fn daemon_log(&self) -> String {
        fs::read_to_string(self.path("home/pm.diary")).unwrap_or_default()
    }

    /// Waits until a condition holds.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let start = Instant::now();
        while !holds() {
            assert!(start.elapsed() < LIMIT, "waited in vain for: {what}\n{}", self.daemon_log());
            let nothing: &mut [PollFd<'_>] = &mut [];
            poll(nothing, Some(&Timespec { tv_sec: 0, tv_nsec: 2_000_000 })).unwrap();
        }
    }

    /// Also ends this process with the world.
    pub(crate) fn own(&mut self, pid: &str) -> i32 {
        let number = pid.parse().unwrap();
        self.pids.push(number);
        number
    }

    /// Connects as a client and reads what the daemon says.
    pub(crate) fn call(&self, strings: &mut Strings) -> String {
        let mut client = UnixStream::connect(self.socket()).unwrap();
        strings.tell("greet");
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for pid in &self.pids {
            kill(*pid, Signal::KILL);
        }
        self.guardian.wait().ok();
    }
}

impl Strings {
    /// One command, one answer.
    pub(crate) fn tell(&mut self, command: &str) -> String {
        self.order(command);
        self.answer()
    }

    /// A command that leaves nobody to answer.
    pub(crate) fn order(&mut self, command: &str) {
        writeln!(self.control, "{command}").unwrap();
    }

    /// What every daemon does first.
    pub(crate) fn settle(&mut self) -> String {
        let why = self.tell("hear");
        assert_eq!(self.tell("hear"), "listener");
        why
    }

    fn answer(&mut self) -> String {
        assert!(
            !self.answers.buffer().is_empty() || is_readable(self.answers.get_ref(), LIMIT),
            "the daemon doesn't answer"
        );
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

fn start(folder: &Path, home: &str, timeout: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .arg("guardian")
        .env(CONTROL, folder.join("control"))
        .env(HOME, folder.join(home))
        .env("PM_GUARDIAN_PATIENCE", timeout)
        .env("NOTIFY_SOCKET", folder.join("notify"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a guardian says about its start.
pub(crate) fn read_ready(guardian: &mut Child) -> Vec<u8> {
    let mut ready = Vec::new();
    guardian.stdout.take().unwrap().read_to_end(&mut ready).unwrap();
    ready
}

/// Signals a process of this test, if it is still there.
pub(crate) fn kill(number: i32, signal: Signal) {
    kill_process(pid(number), signal).ok();
}

pub(crate) fn is_alive(number: i32) -> bool {
    Path::new(&format!("/proc/{number}")).exists()
}

pub(crate) fn is_readable(socket: &impl AsFd, limit: Duration) -> bool {
    let limit = Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap(), tv_nsec: 0 };
    let mut watched = [PollFd::new(socket, PollFlags::IN)];
    poll(&mut watched, Some(&limit)).unwrap() > 0
}
