//! One call of `pm`: how it is made, and what came of it.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;
use std::time::Duration;

use pm_client::Deadline;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{PATIENCE, home, process};

/// No command of `pm` that a test waits for may take longer.
const LIMIT: Duration = Duration::from_mins(2);

/// A call of `pm` that is not made yet.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    input: Vec<u8>,
    is_typed: bool,
    home: PathBuf,
}

impl Invocation {
    /// A call of any program; what lies in `home` is told if the test fails.
    pub fn new(mut command: Command, home: &Path) -> Self {
        command.stdin(Stdio::null());
        Self { command, input: Vec::new(), is_typed: false, home: home.into() }
    }

    /// With this variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without this variable.
    #[must_use]
    pub fn without(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// In this folder.
    #[must_use]
    pub fn dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// With these bytes on standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self.command.stdin(Stdio::piped());
        self
    }

    /// With standard input that stays open for what is typed later, if it runs in the background.
    #[must_use]
    pub fn typed(mut self) -> Self {
        self.is_typed = true;
        self.command.stdin(Stdio::piped());
        self
    }

    /// Makes it and waits for its end.
    pub fn run(mut self) -> Run {
        let shown = shown(&self.command);
        let mut child = self.spawn();
        let pid = child.id();
        let stdin = child.stdin.take();
        let input = std::mem::take(&mut self.input);
        let (sender, ended) = sync_channel(1);
        thread::spawn(move || {
            if let Some(mut stdin) = stdin {
                stdin.write_all(&input).ok();
            }
            // The receiver is gone only if the test has failed already.
            sender.send(child.wait_with_output()).ok();
        });
        let Ok(output) = ended.recv_timeout(LIMIT) else {
            let story = home::story(&self.home);
            process::signal(pid, 9);
            panic!("`{shown}` did not end within {LIMIT:?}\n{story}");
        };
        let output = output.expect("a child can be waited for");
        Run {
            command: shown,
            code: code(output.status),
            out_bytes: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            home: self.home,
        }
    }

    /// Makes it and lets it run beside the test; killed when dropped.
    pub fn background(mut self) -> Running {
        let shown = shown(&self.command);
        let mut child = self.spawn();
        let mut input = child.stdin.take();
        if let Some(stdin) = &mut input {
            stdin.write_all(&self.input).expect("a program reads its input");
        }
        let input = input.filter(|_| self.is_typed);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out, err) = (out.expect("piped"), err.expect("piped"));
        Running {
            command: shown,
            child,
            input,
            out: Some(out),
            err: pump(err),
            seen: Vec::new(),
            home: self.home,
        }
    }

    fn spawn(&mut self) -> Child {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.command.spawn();
        child.unwrap_or_else(|error| panic!("{}: {error}", shown(&self.command)))
    }
}

fn shown(command: &Command) -> String {
    let words: Vec<OsString> =
        std::iter::once("pm".into()).chain(command.get_args().map(Into::into)).collect();
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

/// As a shell counts: 128 and the signal for a death by one.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Bytes of a pipe as they come.
fn pump(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, bytes) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    bytes
}

/// A call of `pm` that has ended.
#[derive(Debug)]
pub struct Run {
    command: String,
    /// The exit code; 128 and the number of the signal for a death by one.
    pub code: i32,
    /// Standard output, byte for byte.
    pub out_bytes: Vec<u8>,
    /// Standard error.
    pub err: String,
    home: PathBuf,
}

impl Run {
    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.out_bytes).into_owned()
    }

    /// It ended with 0, or the test fails.
    pub fn ok(self) -> Self {
        self.ends(0)
    }

    /// It ended with this code, or the test fails.
    pub fn ends(self, code: i32) -> Self {
        if self.code != code {
            let (out, story) = (self.out(), home::story(&self.home));
            panic!(
                "`{}` ended with {} instead of {code}\n--- stdout\n{out}--- stderr\n{}{story}",
                self.command, self.code, self.err
            );
        }
        self
    }

    /// Standard output holds this text, or the test fails.
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.out().contains(text),
            "`{}` does not say {text:?}\n--- stdout\n{}--- stderr\n{}",
            self.command,
            self.out(),
            self.err
        );
        self
    }

    /// Standard error holds this text, or the test fails.
    pub fn complains(self, text: &str) -> Self {
        assert!(
            self.err.contains(text),
            "`{}` does not complain of {text:?}\n--- stdout\n{}--- stderr\n{}",
            self.command,
            self.out(),
            self.err
        );
        self
    }

    /// Standard output as one JSON document, or the test fails.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out_bytes).unwrap_or_else(|error| {
            panic!("`{}` prints no JSON: {error}\n{}{}", self.command, self.out(), self.err)
        })
    }
}

/// A call of `pm` that is still going on, such as `logs`.
#[derive(Debug)]
pub struct Running {
    command: String,
    child: Child,
    input: Option<ChildStdin>,
    out: Option<ChildStdout>,
    err: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    home: PathBuf,
}

impl Running {
    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far, as far as it was waited for.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// What has come on standard output by now.
    pub fn seen_so_far(&mut self) -> String {
        let mut buffer = vec![0; 64 << 10];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        while let Some(out) = &mut self.out {
            let ready = poll(&mut [PollFd::new(out, PollFlags::IN)], Some(&at_once));
            match ready.ok().filter(|ready| *ready > 0).map(|_| out.read(&mut buffer)) {
                Some(Ok(count @ 1..)) => self.seen.extend_from_slice(&buffer[..count]),
                Some(Ok(0) | Err(_)) | None => break,
            }
        }
        self.seen()
    }

    /// Waits until standard output holds this text; gives all of it.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_until(text, |seen| seen.contains(text))
    }

    /// Waits until standard output is as wanted, which a failure calls `text`; gives all of it.
    pub fn wait_until(&mut self, text: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Deadline::after(PATIENCE);
        let mut buffer = vec![0; 64 << 10];
        while !is_so(&self.seen()) {
            let Some(out) = &mut self.out else { self.give_up(text, "we closed it") };
            let left = deadline.left().and_then(|left| Timespec::try_from(left).ok());
            let ready = poll(&mut [PollFd::new(out, PollFlags::IN)], left.as_ref());
            match ready.map(|ready| if ready == 0 { None } else { Some(out.read(&mut buffer)) }) {
                Ok(None) => self.give_up(text, "time is over"),
                Ok(Some(Ok(0))) => self.give_up(text, "it ended"),
                Ok(Some(Ok(count))) => self.seen.extend_from_slice(&buffer[..count]),
                Ok(Some(Err(error))) => self.give_up(text, &error.to_string()),
                Err(error) => self.give_up(text, &error.to_string()),
            }
        }
        self.seen()
    }

    fn give_up(&self, text: &str, why: &str) -> ! {
        let complaints: Vec<u8> = self.err.try_iter().flatten().collect();
        let complaints = String::from_utf8_lossy(&complaints).into_owned();
        let (seen, story) = (self.seen(), home::story(&self.home));
        panic!(
            "`{}` never said {text:?} ({why})\n--- stdout\n{seen}--- stderr\n{complaints}{story}",
            self.command
        );
    }

    /// Types this; it must have been begun as `typed`.
    pub fn type_in(&mut self, text: &str) {
        let input = self.input.as_mut().expect("begun as typed");
        input.write_all(text.as_bytes()).expect("it reads what is typed");
    }

    /// Ends its standard input, as ctrl-d does.
    pub fn end_input(&mut self) {
        self.input = None;
    }

    /// Sends a signal by number.
    pub fn signal(&self, number: i32) {
        process::signal(self.pid(), number);
    }

    /// Closes our end of its standard output, as `| head` does.
    pub fn close_out(&mut self) {
        self.out = None;
    }

    /// Waits for its end; gives the exit code.
    pub fn wait(&mut self) -> i32 {
        process::wait_gone(self.pid());
        code(self.child.wait().expect("a child can be waited for"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
