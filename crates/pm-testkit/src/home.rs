//! A `PM_HOME` of its own for each test, gone with everything in it when the test ends.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use pm_client::{Client, Deadline};
use pm_protocol::{Hello, List, Ping, Row};
use tempfile::TempDir;

use crate::run::{Invocation, Run};
use crate::{PATIENCE, process, programs};

/// A fresh home, and a folder `work` beside it in which `pm` is called.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    layout: pm_protocol::Home,
    /// Another program than the `pm` of this build.
    other: Option<PathBuf>,
    is_kept: Cell<bool>,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// A home named `home`.
    pub fn new() -> Self {
        Self::named("home")
    }

    /// A home of this name: with blanks, or longer than a socket path may be.
    pub fn named(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("pm-test-").tempdir().expect("a temp folder");
        fs::create_dir(folder.path().join("work")).expect("a work folder");
        let root = folder.path().join(name);
        let runtime = folder.path().join("run");
        fs::create_dir(&runtime).expect("a runtime folder");
        let layout = pm_protocol::Home::at(root, Some(&runtime)).expect("an absolute path");
        Self { folder, layout, other: None, is_kept: Cell::new(false) }
    }

    /// The same home with another `pm` binary: for updates.
    #[must_use]
    pub fn with_program(mut self, pm: impl Into<PathBuf>) -> Self {
        self.other = Some(pm.into());
        self
    }

    fn program(&self) -> PathBuf {
        self.other.clone().unwrap_or_else(programs::pm)
    }

    /// `PM_HOME` itself and what lies in it.
    pub fn home(&self) -> &pm_protocol::Home {
        &self.layout
    }

    /// The folder `pm` is called in.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Lets other users into the work folder: the folders of a test are ours alone.
    pub fn open_to_others(&self) {
        for folder in [self.folder.path(), &self.work()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("our own folder");
        }
    }

    /// Writes a file into the work folder (a relative path; folders are made).
    pub fn file(&self, name: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        let before = fs::metadata(&path).and_then(|before| before.modified()).ok();
        fs::write(&path, contents).expect("a file in our own folder");
        if let Some(before) = before {
            // Python runs what it compiled of a file of the same size and second: nobody edits as fast as a test does.
            let later = SystemTime::now().max(before + Duration::from_secs(2));
            let file = fs::File::options().append(true).open(&path);
            file.and_then(|file| file.set_modified(later)).expect("our own file");
        }
        path
    }

    /// Writes an executable `/bin/sh` script into the work folder.
    pub fn script(&self, name: impl AsRef<Path>, body: &str) -> PathBuf {
        let path = self.file(name, format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        path
    }

    /// A call of `pm`, to be changed before it is made. Its environment is `PATH`, `HOME`, `PM_HOME`,
    /// `XDG_RUNTIME_DIR` and nothing else of the test's.
    pub fn pm<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Invocation {
        let mut command = Command::new(self.program());
        command.args(args).current_dir(self.work()).env_clear();
        for name in ["PATH", "RUST_BACKTRACE", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", self.folder.path()).env("PM_HOME", self.layout.root());
        command.env("XDG_RUNTIME_DIR", self.folder.path().join("run"));
        Invocation::new(command, self.layout.root())
    }

    /// Calls `pm` and waits for its end.
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Run {
        self.pm(args).run()
    }

    /// A connection to the daemon, which must run.
    pub fn client(&self) -> Client {
        Client::open(&self.layout).unwrap_or_else(|error| self.fail(&format!("could not {error}")))
    }

    /// The list, in order of id; empty if no daemon runs.
    pub fn rows(&self) -> Vec<Row> {
        let Ok(mut client) = Client::open(&self.layout) else { return Vec::new() };
        let list = List { select: Vec::new(), usage: true, host: false };
        let listing = client.call(&list, Deadline::after(PATIENCE));
        listing.unwrap_or_else(|error| self.fail(&format!("could not {error}"))).rows
    }

    /// The first instance of an app, which must be known.
    pub fn row(&self, name: &str) -> Row {
        let row = self.rows().into_iter().find(|row| row.name == name);
        row.unwrap_or_else(|| self.fail(&format!("no app is called {name}")))
    }

    /// Who answers: pids of daemon and guardian, and which incarnation it is.
    pub fn hello(&self) -> Hello {
        let mut client = self.client();
        let pong = client.call(&Ping {}, Deadline::after(PATIENCE));
        pong.unwrap_or_else(|error| self.fail(&format!("could not {error}")));
        client.peer().cloned().unwrap_or_else(|| self.fail("the daemon said no hello"))
    }

    /// Fails the test with everything one wants to know then.
    pub fn fail(&self, why: &str) -> ! {
        panic!("{why}\n{}", story(self.layout.root()));
    }

    /// Leaves the folder and what runs there, to be looked at by hand.
    pub fn keep(&self) {
        self.is_kept.set(true);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.is_kept.get() {
            self.folder.disable_cleanup(true);
            return;
        }
        // A failing test must not fail twice, so nothing is expected of this.
        if !std::thread::panicking() && self.layout.root().exists() {
            let mut kill = Command::new(self.program());
            kill.args(["-s", "kill"]).env("PM_HOME", self.layout.root());
            kill.env("XDG_RUNTIME_DIR", self.folder.path().join("run"));
            kill.output().ok();
        }
        process::sweep(self.layout.root());
    }
}

/// The list, the end of the daemon's log and the end of the journal.
pub(crate) fn story(root: &Path) -> String {
    let mut story = String::new();
    for (name, most) in [("pm.log", 4 << 10), ("journal", 2 << 10)] {
        let bytes = fs::read(root.join(name)).unwrap_or_default();
        let end = &bytes[bytes.len().saturating_sub(most)..];
        let end =
            String::from_utf8_lossy(end).replace(|c: char| c.is_control() && c != '\n', "\u{b7}");
        story.extend(["--- ", name, "\n", &end, "\n"]);
    }
    story
}
