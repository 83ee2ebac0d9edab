//! What the steps do.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::event::{Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use rustix::time::{ClockId, clock_gettime};

use crate::output::Output;
use crate::relatives;
use crate::serve;
use crate::signals;
use crate::step::{Environment, HELP, Kin, Print, Step, Trouble};

/// What the steps act upon.
#[derive(Debug)]
pub(crate) struct World<'a> {
    arguments: &'a [OsString],
    output: Output,
    pause: Duration,
    /// Kept until the end, or `--eat` would only nibble.
    eaten: Vec<Vec<u8>>,
}

impl<'a> World<'a> {
    pub(crate) fn new(arguments: &'a [OsString]) -> Self {
        Self { arguments, output: Output::stdout(), pause: Duration::ZERO, eaten: Vec::new() }
    }

    /// Does one step; `Some` is the code to exit with.
    pub(crate) fn perform(&mut self, step: &Step) -> Result<Option<u8>, Trouble> {
        let done = match step {
            Step::Exit(code) => return Ok(Some(*code)),
            Step::Hop(rest) => return hop(*rest).map_err(trouble).map(Some),
            Step::Middleman(environment) => self.start_rest(*environment).map_err(trouble),
            Step::ReadyAfter(time) => {
                wait(*time);
                self.output.text("ready\n").map_err(trouble)
            }
            Step::Live(time) => {
                wait(*time);
                Ok(())
            }
            Step::React(which, reaction) => signals::react(*which, *reaction).map_err(trouble),
            Step::Setsid => rustix::process::setsid().map(drop).map_err(trouble),
            Step::Burn(time) => {
                burn(*time);
                Ok(())
            }
            Step::Eat(size) => {
                // One is not zero, so the pages are really written.
                self.eaten.push(vec![1; *size]);
                Ok(())
            }
            Step::Pause(time) => {
                self.pause = *time;
                Ok(())
            }
            Step::Stderr => {
                self.output = Output::stderr();
                Ok(())
            }
            Step::Stdout => {
                self.output = Output::stdout();
                Ok(())
            }
            Step::CloseStdout => close_stdout().map_err(trouble),
            Step::Segv => segv().map_err(trouble),
            Step::WriteFile(path) => sign(path).map_err(trouble),
            Step::Multiply(kin) => multiply(*kin).map_err(trouble),
            Step::Print(print) => self.print(print),
        };
        done.map(|()| None).map_err(|error| format!("do {step:?}: {error}"))
    }

    fn print(&self, print: &Print) -> Result<(), Trouble> {
        let out = self.output;
        match print {
            Print::Help => out.text(HELP),
            Print::Line(size) => self.line(*size),
            Print::LineEnd => out.text("\n"),
            Print::Lines(count, length) => self.lines(*count, *length),
            Print::Bytes(bytes) => out.bytes(bytes),
            Print::Listen(port) => {
                let port = serve::listen(*port).map_err(trouble)?;
                out.text(&format!("listening {port}\n"))
            }
            Print::Env(name) => {
                let value = std::env::var_os(name).unwrap_or_else(|| "<unset>".into());
                out.line(value.as_bytes())
            }
            Print::Cwd => {
                let folder = std::env::current_dir().map_err(trouble)?;
                out.line(folder.as_os_str().as_bytes())
            }
            Print::Args => {
                self.arguments.iter().try_for_each(|argument| out.line(argument.as_bytes()))
            }
            Print::Pid => out.text(&format!("{}\n", getpid().as_raw_pid())),
        }
        .map_err(trouble)
    }

    fn line(&self, size: usize) -> Result<(), Errno> {
        let piece = [b'x'; 8192];
        let mut rest = size;
        while rest > 0 {
            let now = rest.min(piece.len());
            self.output.bytes(piece.get(..now).unwrap_or_default())?;
            rest -= now;
        }
        Ok(())
    }

    fn lines(&self, count: u64, length: usize) -> Result<(), Errno> {
        for number in 0..count {
            let mut line = format!("{number:08} ").into_bytes();
            line.resize(length - 1, b'.');
            line.push(b'\n');
            self.output.bytes(&line)?;
            if !self.pause.is_zero() {
                wait(self.pause);
            }
        }
        Ok(())
    }

    /// Starts what follows `--middleman` on the command line.
    fn start_rest(&self, environment: Environment) -> io::Result<()> {
        let texts: Vec<&str> = self.arguments.iter().filter_map(|text| text.to_str()).collect();
        let after = texts.iter().position(|text| text.ends_with("middleman"));
        let rest = texts.get(after.map_or(texts.len(), |at| at + 1)..).unwrap_or_default();
        match environment {
            Environment::Empty => relatives::spawn_clean(rest),
            Environment::Kept => relatives::spawn(rest),
        }
        .map(drop)
    }
}

fn trouble(error: impl std::fmt::Display) -> Trouble {
    error.to_string()
}

fn multiply(kin: Kin) -> io::Result<()> {
    let runaway = ["--setsid", "--live", "forever"];
    match kin {
        Kin::Children(count) => {
            (0..count).try_for_each(|_| relatives::spawn(&["--live", "forever"]).map(drop))
        }
        Kin::Runaway => relatives::spawn(&runaway).map(drop),
        Kin::Orphan(Environment::Kept) => relatives::orphan("--middleman", &runaway),
        Kin::Orphan(Environment::Empty) => relatives::orphan("--clean-middleman", &runaway),
    }
}

/// Waits, signals notwithstanding, by polling nothing.
fn wait(time: Duration) {
    let until = now(ClockId::Monotonic).saturating_add(time);
    loop {
        let rest = until.saturating_sub(now(ClockId::Monotonic));
        if rest.is_zero() {
            return;
        }
        // A signal may interrupt us; then the rest is waited for.
        let seconds = i64::try_from(rest.as_secs()).unwrap_or(i64::MAX).min(1 << 30);
        let timeout = Timespec { tv_sec: seconds, tv_nsec: i64::from(rest.subsec_nanos()) };
        poll(&mut [], Some(&timeout)).ok();
    }
}

fn burn(time: Duration) {
    let until = now(ClockId::ProcessCPUTime).saturating_add(time);
    while now(ClockId::ProcessCPUTime) < until {
        std::hint::black_box((0..10_000_u32).fold(0_u32, u32::wrapping_add));
    }
}

/// The successor gets the time that is left, so the chain ends by itself.
fn hop(rest: Duration) -> io::Result<u8> {
    let next = rest.saturating_sub(Duration::from_millis(1));
    if !next.is_zero() {
        let milliseconds = next.as_millis().to_string();
        relatives::spawn(&["--setsid", "--hop", &milliseconds])?;
    }
    Ok(0)
}

fn now(clock: ClockId) -> Duration {
    let at = clock_gettime(clock);
    let seconds = u64::try_from(at.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(at.tv_nsec).unwrap_or(0))
}

/// The Rust runtime's handler takes the first one, resets itself and leaves the second to the kernel.
fn segv() -> io::Result<()> {
    kill_process(getpid(), Signal::SEGV)?;
    Ok(kill_process(getpid(), Signal::SEGV)?)
}

fn close_stdout() -> io::Result<()> {
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    Ok(rustix::stdio::dup2_stdout(null)?)
}

/// One write of one line, so that lines of several starts never mix.
fn sign(path: &Path) -> io::Result<()> {
    let line = format!("start {}\n", getpid().as_raw_pid());
    OpenOptions::new().append(true).create(true).open(path)?.write_all(line.as_bytes())
}
