//! The user's OpenSSH: their config, their keys, and one connection a machine that is used again for a minute.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use pm_protocol::Home;
use rustix::termios::isatty;

use crate::launch;

use super::host_end::HostEnd;
use super::remote_call::RemoteCall;

/// A program that is called as `ssh` is, with options of its own in front, separated by blanks.
const PROGRAM: &str = "PM_SSH";

/// Where `pm` lies on other machines, if not on the `PATH` of those.
const THERE: &str = "PM_REMOTE";

/// A shell that was not logged in to finds what people install for themselves as well.
const DEFAULT_THERE: &str =
    "PATH=\"$PATH:/usr/local/bin:$HOME/.local/bin:$HOME/.cargo/bin\" exec pm";

/// How ssh is called.
#[derive(Debug)]
pub(crate) struct Ssh {
    program: OsString,
    /// The same for all machines.
    options: Vec<OsString>,
    there: String,
}

/// What a call is connected to.
pub(super) struct Ends {
    pub(super) input: Stdio,
    pub(super) output: fn() -> Stdio,
    /// Whether it finds a terminal there, too.
    pub(super) is_terminal: bool,
}

impl Ssh {
    pub(crate) fn new(home: &Home) -> Self {
        let set = std::env::var(PROGRAM).unwrap_or_default();
        let mut words = set.split_whitespace().map(OsString::from);
        let program = words.next().unwrap_or_else(|| "ssh".into());
        let mut options: Vec<_> = words.collect();
        let mut option = |option: String| options.extend(["-o".into(), OsString::from(option)]);
        option("ConnectTimeout=10".into());
        option("ServerAliveInterval=15".into());
        if let Some(socket) = shared(home).filter(|_| !shares_already()) {
            option("ControlMaster=auto".into());
            option("ControlPersist=60".into());
            option(format!("ControlPath={socket}"));
        }
        let there = std::env::var(THERE).ok().filter(|there| !there.is_empty());
        let there = there.map_or(DEFAULT_THERE.into(), |there| format!("exec {there}"));
        Self { program, options, there }
    }

    /// Begins a call on a machine.
    pub(super) fn begin(&self, host: &str, call: &RemoteCall, ends: Ends) -> io::Result<Child> {
        let mut command = self.command(host, ends.is_terminal);
        command.arg(format!("{} remote {}", self.there, call.written()));
        command.stdin(ends.input).stdout((ends.output)()).stderr((ends.output)()).spawn()
    }

    /// A call with our own terminal, until its end.
    pub(crate) fn alone(&self, host: &str, call: &RemoteCall) -> HostEnd {
        let is_terminal = isatty(io::stdout()) && isatty(io::stdin());
        let ends = Ends { input: Stdio::inherit(), output: Stdio::inherit, is_terminal };
        let ended = self.begin(host, call, ends).and_then(|mut child| child.wait());
        ended.map_or_else(|error| HostEnd::NoSsh(error.to_string()), HostEnd::of)
    }

    /// ssh to a machine, without what is to be run there.
    pub(crate) fn command(&self, host: &str, is_terminal: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.options);
        // Where no terminal is, or many would ask at once, nobody answers.
        let how: &[&str] = if is_terminal { &["-t"] } else { &["-T", "-o", "BatchMode=yes"] };
        command.args(how).args(["--", host]);
        command
    }
}

/// The socket of a connection that is shared, as ssh reads it. ssh puts 40 characters for %C and some more while it binds;
/// a socket's path has room for 107 (unix(7)).
fn shared(home: &Home) -> Option<String> {
    let path = home.root().join("ssh-%C");
    let path = path.to_str().filter(|path| path.len() < 50)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-%".contains(c);
    let is_usable = path.chars().all(is_plain) && path.matches('%').count() == 1;
    (is_usable && launch::prepare(home).is_ok()).then(|| path.into())
}

/// Whether the user has said how connections are shared; options given here would count more.
fn shares_already() -> bool {
    let own = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh/config"));
    let all = own.into_iter().chain(["/etc/ssh/ssh_config".into()]);
    let texts = all.filter_map(|path| std::fs::read_to_string(path).ok());
    let is_said = |line: &str| {
        let line = line.trim_start().to_ascii_lowercase();
        line.starts_with("controlmaster") || line.starts_with("controlpath")
    };
    texts.into_iter().any(|text| text.lines().any(is_said))
}
