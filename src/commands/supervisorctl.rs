//! What Supervisor's users type, answered as `supervisorctl` answers: its commands, lines and exit codes. Called by that name, a link
//! to this program takes them.

mod acts;
mod configs;
pub(super) mod event_pool;
mod processes;
#[cfg(feature = "panel")]
pub(super) mod rpc;
mod shows;

use std::io::{self, BufRead};
use std::path::PathBuf;

use pm_client::Client;

use crate::commands::support::{described, own_apps};
use crate::console;
use crate::prelude::{Failure, Session};
use crate::supervisord;
use processes::Supervised;

/// Exit codes of LSB's init scripts, as Supervisor uses them.
const GENERIC: u8 = 1;
const INVALID_ARGS: u8 = 2;
const NOT_RUNNING: u8 = 7;
/// The same of a status command.
const STATUS_NOT_RUNNING: u8 = 3;
const STATUS_UNKNOWN: u8 = 4;

/// A call, or a session at the prompt.
pub(crate) struct Controller<'a> {
    session: &'a Session,
    /// The file named by `-c`.
    file: Option<PathBuf>,
    /// What the last failure makes of the exit code.
    exit: u8,
}

/// The text of `help`.
const HELP: &str = "\
default commands (type help <topic>):
=====================================
add    exit      open  reload  restart   start   tail
avail  fg        pid   remove  shutdown  status  update
clear  maintail  quit  reread  signal    stop    version
";

/// Runs one command, or a prompt if there is none; gives the exit code.
pub(crate) fn run(session: &Session, words: &[String]) -> u8 {
    let mut controller = Controller { session, file: None, exit: 0 };
    let mut words = words.iter();
    let mut line = Vec::new();
    let mut is_interactive = false;
    while let Some(word) = words.next() {
        match word.as_str() {
            "-h" | "--help" => {
                say(HELP.trim_end());
                return 0;
            }
            "-i" | "--interactive" => is_interactive = true,
            "-c" | "--configuration" => controller.file = words.next().map(PathBuf::from),
            // They say where a server is and how to be let in; here the home says it.
            "-s" | "--serverurl" | "-u" | "--username" | "-p" | "--password" | "-r"
            | "--history_file" => drop(words.next()),
            long if long.starts_with("--configuration=") => {
                controller.file = long.split_once('=').map(|(_, file)| file.into());
            }
            long if long.starts_with("--") && long.contains('=') => {}
            _ => {
                line.push(word.clone());
                line.extend(words.by_ref().cloned());
            }
        }
    }
    if line.is_empty() || is_interactive {
        if !line.is_empty() {
            controller.line(&line);
        }
        controller.prompt();
        return 0;
    }
    controller.line(&line);
    controller.exit
}

/// Why a command does not go on: what is said then, and the exit code.
struct EarlyEnd {
    line: String,
    exit: u8,
}

impl EarlyEnd {
    fn new(line: impl Into<String>, exit: u8) -> Self {
        Self { line: line.into(), exit }
    }
}

impl From<Failure> for EarlyEnd {
    fn from(failure: Failure) -> Self {
        let line = failure.to_string().replace("error: CANT_REREAD", "ERROR: CANT_REREAD");
        Self::new(line, GENERIC)
    }
}

/// A reader that left wants no more.
fn say(line: &str) {
    console::show(&format!("{line}\n")).ok();
}

impl Controller<'_> {
    fn fail(&mut self, line: &str, exit: u8) {
        say(line);
        self.exit = exit;
    }

    /// Lines until there are no more, beginning with a status.
    fn prompt(&mut self) {
        self.line(&["status".into()]);
        loop {
            console::show("supervisor> ").ok();
            let mut line = String::new();
            // What can't be read is the end of it.
            if io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 {
                say("");
                return;
            }
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            match words.first().map(String::as_str) {
                Some("quit" | "exit" | "EOF") => return,
                Some(_) => self.line(&words),
                None => {}
            }
        }
    }

    fn line(&mut self, words: &[String]) {
        let Some((verb, names)) = words.split_first() else { return };
        let done = match verb.as_str() {
            "status" => self.status(names),
            "start" => self.start(names),
            "stop" => self.stop(names),
            "restart" => self.restart(names),
            "signal" => self.signal(names),
            "clear" => self.clear(names),
            "pid" => self.pid(names),
            "tail" => self.tail(names),
            "maintail" => self.main_tail(names),
            "fg" => self.foreground(names),
            "avail" => self.avail(names),
            "reread" => self.reread(names),
            "update" => self.update(names),
            "add" => self.add(names),
            "remove" => self.remove(names),
            "reload" => self.reload(names),
            "shutdown" => self.shutdown(names),
            "open" => Err(EarlyEnd::new("ERROR: there is one pm in each PM_HOME", GENERIC)),
            "version" | "help" | "?" | "quit" | "exit" => {
                match verb.as_str() {
                    "version" => say(env!("CARGO_PKG_VERSION")),
                    "help" | "?" => say(HELP.trim_end()),
                    _ => {}
                }
                Ok(())
            }
            _ => Err(EarlyEnd::new(format!("*** Unknown syntax: {}", words.join(" ")), GENERIC)),
        };
        if let Err(EarlyEnd { line, exit }) = done {
            self.fail(&line, exit);
        }
    }

    /// The daemon, which must run.
    fn up(&self, exit: u8) -> Result<Client, EarlyEnd> {
        self.session.find()?.ok_or_else(|| {
            let line = format!("unix://{} no such file", self.session.home.socket().display());
            EarlyEnd::new(line, exit)
        })
    }

    /// All processes, in the order in which they were started first.
    fn all(client: &mut Client) -> Result<Vec<Supervised>, Failure> {
        let all = described::known(client)?;
        let all_of = all.descriptions.into_iter();
        let others = all_of.filter(|one| !own_apps::is_one(&one.row.name, &one.row.namespace));
        Ok(others.map(|one| Supervised::of(one, all.now)).collect())
    }

    /// The file that was named, or the one that lies where Supervisor looks for it.
    fn config(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| supervisord::place().map(PathBuf::from))
    }
}
