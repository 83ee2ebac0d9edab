//! Who runs a Procfile (foreman, honcho, overmind ...): found among the processes, for it takes no questions. It ends with all that it started, and
//! begins with all of it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pm_client::{Deadline, pause};
use pm_config::{Caller, absolute, import};
use pm_os::identity::{self, ProcIdentity};
use pm_os::signal::{self, SignalNumber};
use pm_os::tree::descent;
use pm_protocol::Existing;
use pm_spec::{ByteString, Span};
use rustix::process::geteuid;

use super::former::{
    AGAIN, Candidate, Former, LOOK_THERE, OldCommand, ThereProcess, patience, variables,
};
use super::moving::lasting;
use crate::cli::FormerKind;
use crate::commands::support::settings;
use crate::commands::support::targets::unusable;
use crate::prelude::{Failure, Session};

/// What they are called.
const RUNNERS: [&str; 7] = ["foreman", "honcho", "overmind", "hivemind", "goreman", "forego", "nf"];

/// So long they let their processes end.
const GRACE: Span = Span::from_millis(5000);

/// A Procfile, and who runs it.
pub(super) struct LiveProcfile {
    file: PathBuf,
    /// What it writes once it is started again.
    log: PathBuf,
    runner: Option<Runner>,
    /// What runs it, or ran it.
    command: Option<OldCommand>,
}

/// A process that runs a Procfile.
struct Runner {
    pid: i32,
    name: String,
    command: OldCommand,
}

impl LiveProcfile {
    /// That file, or the one that lies here.
    pub(super) fn find(session: &Session, file: Option<&Path>) -> Result<Self, Failure> {
        let caller = session.caller()?;
        let file = lasting(&absolute(file.unwrap_or(Path::new("Procfile")), &caller.cwd));
        let log = session.home.root().join("takeover-procfile.log");
        let mut found = Self { file, log, runner: None, command: None };
        found.runner = found.look()?;
        Ok(found)
    }

    /// Whoever runs it now.
    fn look(&self) -> Result<Option<Runner>, Failure> {
        let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut all: Vec<Runner> = pids.filter_map(|pid| self.runner(pid)).collect();
        // Honcho's own children are called so as well.
        let below = |one: &Runner| descent(one.pid).into_iter().skip(1).collect::<Vec<_>>();
        let below: Vec<i32> = all.iter().flat_map(below).collect();
        all.retain(|one| !below.contains(&one.pid));
        if all.len() > 1 {
            let shown: Vec<_> =
                all.iter().map(|one| format!("{} (pid {})", one.name, one.pid)).collect();
            let message = format!(
                "could not take over {}: several run it: {}",
                self.file.display(),
                shown.join(", ")
            );
            return Err(Failure::failed(message).hint("end all of them but one"));
        }
        Ok(all.pop())
    }

    /// This process, if it runs this file.
    fn runner(&self, pid: i32) -> Option<Runner> {
        let own = PathBuf::from(format!("/proc/{pid}"));
        let line = fs::read(own.join("cmdline")).ok()?;
        let line = line.strip_suffix(b"\0").unwrap_or(&line);
        let argv: Vec<ByteString> = line.split(|byte| *byte == 0).map(ByteString::from).collect();
        let (name, words) = told(&argv)?;
        let runs =
            matches!(words.first().map(String::as_str), Some("start" | "s")) || name == "hivemind";
        let cwd = fs::read_link(own.join("cwd")).ok().filter(|_| runs)?;
        let folder = option(&words, &["-d", "--app-root", "--root"]);
        let folder = folder.map_or(cwd.clone(), |folder| cwd.join(folder));
        let file = option(&words, &["-f", "--procfile"]).unwrap_or("Procfile");
        if lasting(&folder.join(file)) != self.file {
            return None;
        }
        // What another user runs, with variables of theirs, is never run again by us.
        identity::user_of(pid).filter(|uid| *uid == geteuid().as_raw())?;
        let env = variables(&fs::read(own.join("environ")).ok()?);
        Some(Runner { pid, name, command: OldCommand { argv, cwd, env } })
    }

    fn process(&self, ran: bool) -> ThereProcess {
        ThereProcess {
            name: self
                .runner
                .as_ref()
                .map_or_else(String::new, |one| format!("{} (pid {})", one.name, one.pid)),
            ran,
            watched: false,
            takes: GRACE,
            command: self.command.clone(),
        }
    }
}

impl Former for LiveProcfile {
    fn kind(&self) -> FormerKind {
        FormerKind::Procfile
    }

    fn place(&self) -> PathBuf {
        self.file.clone()
    }

    fn is_one(&self) -> bool {
        true
    }

    fn recall(&mut self, known: &[ThereProcess]) -> Result<(), Failure> {
        let old = known.iter().find_map(|one| one.command.clone());
        self.command = self.runner.as_ref().map(|one| one.command.clone()).or(old);
        if self.command.is_some() {
            return Ok(());
        }
        let file = self.file.display();
        let message =
            format!("could not take over {file}: nobody runs it ({})", RUNNERS.join(", "));
        Err(Failure::failed(message).hint(format!(
            "then there is nothing to be taken over: `pm start {file}`; of another user's: become that user"
        )))
    }

    fn programs(&mut self, session: &Session) -> Result<Vec<Candidate>, Failure> {
        let mut caller = session.caller()?;
        let mut words = Vec::new();
        if let Some(command) = &self.command {
            caller = Caller { cwd: command.cwd.clone(), env: command.env.clone(), ..caller };
            words = told(&command.argv).map(|(_, words)| words).unwrap_or_default();
        }
        let given = |names| option(&words, names);
        if let Some(port) = given(&["-p", "--port"]) {
            caller.env.set("PORT", port);
        }
        let counts = given(&["-m", "-c", "--formation", "--concurrency"]);
        let counts = counts.map(formation).unwrap_or_default();
        let variables = given(&["-e", "--env"]).filter(|file| *file != ".env");
        let named = alone(&words);
        let mut read = import(&self.file, &caller).map_err(|diagnosis| unusable(&diagnosis))?;
        settings::lay_over(session, &mut read.specs);
        let candidate = |mut app: pm_spec::AppSpec| {
            let name = app.name.to_string();
            let count = counts.get(&name).or_else(|| counts.get("all")).copied().unwrap_or(1);
            let is_named = named.is_empty() || named.contains(&name);
            let ran = self.runner.is_some() && is_named && count > 0;
            app.instances = count.max(1);
            let mut notes = Vec::new();
            if let Some(file) = variables {
                notes.push(format!("-e {file}: here the variables are those of .env; write `env_file` into an ecosystem file (`pm import`)"));
            }
            let running = self.runner.as_ref().filter(|_| ran);
            Candidate {
                name,
                namespace: app.namespace.to_string(),
                there: vec![self.process(ran)],
                state: running.map_or_else(
                    || "not run".into(),
                    |one| format!("{} (pid {})", one.name, one.pid),
                ),
                apps: vec![(app, Existing::Refuse)],
                notes,
                stays: None,
                is_here: false,
            }
        };
        Ok(read.specs.into_iter().map(candidate).collect())
    }

    fn stop(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        let Some(runner) = self.look()? else { return Ok(()) };
        let name = format!("{} (pid {})", runner.name, runner.pid);
        let failed = |why: String| Failure::failed(format!("could not end {name}: {why}"));
        let all: Vec<ProcIdentity> =
            descent(runner.pid).into_iter().filter_map(|pid| identity::of(pid).ok()).collect();
        let Some(first) = all.first() else { return Ok(()) };
        match first.open() {
            Ok(pidfd) => signal::send(pidfd, SignalNumber::TERM)
                .map_err(|error| failed(error.to_string()))?,
            // It has ended by itself.
            Err(_) => return Ok(()),
        }
        let deadline = Deadline::after(patience(one.takes));
        let lives = |one: &&ProcIdentity| one.open().is_ok_and(|pidfd| !identity::has_ended(pidfd));
        loop {
            let left: Vec<_> = all.iter().filter(lives).map(|one| one.pid.to_string()).collect();
            if left.is_empty() {
                self.runner = None;
                return Ok(());
            }
            if deadline.is_over() {
                return Err(failed(format!("these still run: {}", left.join(", ")))
                    .hint("end them, then do that again"));
            }
            pause(AGAIN, deadline);
        }
    }

    fn start(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        let Some(command) = one.command.as_ref().filter(|_| self.runner.is_none()) else {
            return Ok(());
        };
        if self.look()?.is_some() {
            return Ok(());
        }
        let shown: Vec<_> = command.argv.iter().map(|word| word.display()).collect();
        let shown = shown.join(" ");
        let failed =
            |why: String| Failure::failed(format!("could not start `{shown}` again: {why}"));
        let word = |word: &ByteString| std::ffi::OsString::from_vec(word.as_bytes().to_vec());
        let (first, rest) =
            command.argv.split_first().ok_or_else(|| failed("nothing is known of it".into()))?;
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| failed(format!("{}: {error}", self.log.display())))?;
        let error = log.try_clone().map_err(|error| failed(error.to_string()))?;
        let mut started = Command::new(word(first));
        started.args(rest.iter().map(word)).current_dir(&command.cwd).env_clear();
        started.envs(command.env.iter().map(|(name, value)| (name.to_owned(), word(value))));
        started.stdin(Stdio::null()).stdout(log).stderr(error).process_group(0);
        let mut child = started.spawn().map_err(|error| failed(error.to_string()))?;
        let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
        let deadline = Deadline::after(LOOK_THERE);
        // It runs when it has started something.
        while descent(pid).len() < 2 {
            if let Ok(Some(end)) = child.try_wait() {
                return Err(failed(format!("it ended at once ({end})"))
                    .hint(format!("{} has what it said", self.log.display())));
            }
            if deadline.is_over() {
                break;
            }
            pause(AGAIN, deadline);
        }
        self.runner = self.look()?;
        Ok(())
    }

    fn farewell(&self) -> Vec<String> {
        vec!["systemctl disable UNIT      # if a unit, or whatever it is, starts it at boot".into()]
    }
}

/// What it is called, and the words behind that.
fn told(argv: &[ByteString]) -> Option<(String, Vec<String>)> {
    let plain: Vec<_> = argv.iter().map(|word| word.display().into_owned()).collect();
    let base = |word: &String| {
        let name = Path::new(word).file_name()?.to_str()?;
        RUNNERS.contains(&name).then(|| name.to_owned())
    };
    // By itself, or behind an interpreter and its flags.
    let mut named = plain.iter().take(4).enumerate();
    let (at, name) = named.find_map(|(at, word)| Some((at, base(word)?)))?;
    Some((name, plain.into_iter().skip(at + 1).collect()))
}

/// The value of an option, in the word behind it or in its own.
fn option<'a>(words: &'a [String], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        if names.contains(&word.as_str()) {
            return words.get(at + 1).map(String::as_str);
        }
        names
            .iter()
            .filter(|name| name.starts_with("--"))
            .find_map(|name| word.strip_prefix(name)?.strip_prefix('='))
    })
}

/// Those that alone are to run (`honcho start web worker`).
fn alone(words: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        let is_switch = word.contains('=') || word.starts_with("--no-");
        match word.strip_prefix('-') {
            Some(_) if !is_switch => drop(words.next()),
            Some(_) => {}
            None => all.push(word.clone()),
        }
    }
    all
}

/// `web=2,worker=0`.
fn formation(text: &str) -> BTreeMap<String, u16> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .filter_map(|(name, count)| Some((name.trim().to_owned(), count.trim().parse().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_was_told_is_read() {
        let line = "start --no-colour -f P.dev -p 6000 -c web=2,clock=0 web clock --env=x.env";
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(option(&words, &["-f", "--procfile"]), Some("P.dev"));
        assert_eq!(option(&words, &["-e", "--env"]), Some("x.env"));
        assert_eq!(option(&words, &["-d"]), None);
        assert_eq!(alone(&words), ["web", "clock"]);
        assert_eq!(formation("web=2, clock=0,x"), [("web".into(), 2), ("clock".into(), 0)].into());
    }
}
