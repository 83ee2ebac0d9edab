//! `start`, `stop`, `restart`, `signal`, `clear`: what is done to processes.

use std::os::unix::fs::PermissionsExt;

use pm_client::{Client, Deadline};
use pm_config::path_of;
use pm_protocol::{Flush, Outcome, Patience, Raise, SendSignal, Stop};
use pm_spec::{Select, Signal};

use super::processes::{Meant, Supervised, SupervisorState};
use super::{Controller, EarlyEnd, GENERIC, INVALID_ARGS, NOT_RUNNING, say};
use crate::prelude::{Failure, quick};

/// What became of one process.
pub(super) enum ActEnd {
    Done,
    /// Supervisor's words for it, and what they make of the exit code.
    Not(&'static str, u8),
}

/// What is done to several at once.
type ActOnMany = dyn Fn(&mut Client, &[&Supervised]) -> Result<Vec<ActEnd>, Failure>;

/// One of the verbs.
struct VerbOnMany<'a> {
    /// What it is called once it is done.
    done: &'static str,
    /// Which of a group it is for; the others are passed over.
    is_for: fn(SupervisorState) -> bool,
    /// What is said of one that it is not for, which is named alone.
    otherwise: (&'static str, u8),
    /// The exit code if there is no such group.
    no_group: u8,
    act: &'a ActOnMany,
}

impl Controller<'_> {
    pub(super) fn start(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        if names.is_empty() {
            return Err(lacks_a_name("start", INVALID_ARGS));
        }
        self.each(
            names,
            &VerbOnMany {
                done: "started",
                is_for: |state| !state.is_running(),
                // Whoever wants it up has it.
                otherwise: ("already started", 0),
                no_group: INVALID_ARGS,
                act: &|client, all| start(client, all, Patience::Settled),
            },
        )
    }

    pub(super) fn stop(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        if names.is_empty() {
            return Err(lacks_a_name("stop", GENERIC));
        }
        self.each(
            names,
            &VerbOnMany {
                done: "stopped",
                is_for: SupervisorState::is_running,
                otherwise: ("not running", 0),
                no_group: GENERIC,
                act: &stop,
            },
        )
    }

    pub(super) fn restart(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        if names.is_empty() {
            return Err(lacks_a_name("restart", GENERIC));
        }
        self.stop(names)?;
        self.start(names)
    }

    pub(super) fn signal(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        let [signal, names @ ..] = words else { return Err(no_signal()) };
        if names.is_empty() {
            return Err(no_signal());
        }
        let signal = Signal::parse(&signal.to_uppercase()).ok();
        let act = move |client: &mut Client, all: &[&Supervised]| -> Result<Vec<ActEnd>, Failure> {
            let Some(signal) = signal else {
                return Ok(all.iter().map(|_| ActEnd::Not("bad signal name", GENERIC)).collect());
            };
            quick(client, &SendSignal { select: ids(all), signal })?;
            Ok(all.iter().map(|_| ActEnd::Done).collect())
        };
        let otherwise = match signal {
            Some(_) => ("not running", NOT_RUNNING),
            None => ("bad signal name", GENERIC),
        };
        let is_for = SupervisorState::takes_signals;
        let act = &act;
        self.each(
            names,
            &VerbOnMany { done: "signalled", is_for, otherwise, no_group: GENERIC, act },
        )
    }

    pub(super) fn clear(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        if names.is_empty() {
            return Err(lacks_a_name("clear", GENERIC));
        }
        let act = |client: &mut Client, all: &[&Supervised]| -> Result<Vec<ActEnd>, Failure> {
            if !all.is_empty() {
                quick(client, &Flush { select: ids(all) })?;
            }
            Ok(all.iter().map(|_| ActEnd::Done).collect())
        };
        let (is_for, otherwise) = (|_| true, ("failed", GENERIC));
        self.each(
            names,
            &VerbOnMany { done: "cleared", is_for, otherwise, no_group: GENERIC, act: &act },
        )
    }

    /// Does it to each of these names, one after the other.
    fn each(&mut self, names: &[String], deed: &VerbOnMany<'_>) -> Result<(), EarlyEnd> {
        let mut client = self.up(NOT_RUNNING)?;
        if names.iter().any(|name| name == "all") {
            let all = Self::all(&mut client)?;
            return self.several(&mut client, &all, deed);
        }
        for name in names {
            let meant = Meant::read(name);
            let mut all = Self::all(&mut client)?;
            all.retain(|one| one.is_meant(&meant));
            match (all.as_slice(), meant.process) {
                ([], None) => {
                    let line = format!("{}: ERROR (no such group)", meant.group);
                    self.fail(&line, deed.no_group);
                }
                ([], Some(_)) => {
                    let line = format!("{}: ERROR (no such process)", meant.namespec());
                    self.fail(&line, GENERIC);
                }
                (all, None) => self.several(&mut client, all, deed)?,
                ([one, ..], Some(_)) if (deed.is_for)(one.state) => {
                    self.several(&mut client, std::slice::from_ref(one), deed)?;
                }
                ([one, ..], Some(_)) => {
                    self.tell(one, &ActEnd::Not(deed.otherwise.0, deed.otherwise.1), deed);
                }
            }
        }
        Ok(())
    }

    fn several(
        &mut self,
        client: &mut Client,
        all: &[Supervised],
        deed: &VerbOnMany<'_>,
    ) -> Result<(), EarlyEnd> {
        let all: Vec<_> = all.iter().filter(|one| (deed.is_for)(one.state)).collect();
        let became = (deed.act)(client, &all)?;
        // What fails does so before others have proved that they stay up.
        let (done, not): (Vec<_>, Vec<_>) =
            all.iter().zip(&became).partition(|(_, became)| matches!(became, ActEnd::Done));
        for (one, became) in not.into_iter().chain(done) {
            self.tell(one, became, deed);
        }
        Ok(())
    }

    fn tell(&mut self, one: &Supervised, became: &ActEnd, deed: &VerbOnMany<'_>) {
        let name = one.namespec();
        match became {
            ActEnd::Done => say(&format!("{name}: {}", deed.done)),
            ActEnd::Not(why, exit) => {
                say(&format!("{name}: ERROR ({why})"));
                if *exit != 0 {
                    self.exit = *exit;
                }
            }
        }
    }
}

fn lacks_a_name(verb: &str, exit: u8) -> EarlyEnd {
    EarlyEnd::new(format!("Error: {verb} requires a process name\n{}", usage(verb)), exit)
}

fn no_signal() -> EarlyEnd {
    let line = "Error: signal requires a signal name and a process name";
    EarlyEnd::new(format!("{line}\n{}", usage("signal")), GENERIC)
}

/// How a verb is written, as Supervisor tells it.
fn usage(verb: &str) -> &'static str {
    match verb {
        "start" => {
            "start <name>\t\tStart a process\nstart <gname>:*\t\tStart all processes in a group\n\
             start <name> <name>\tStart multiple processes or groups\nstart all\t\tStart all processes"
        }
        "stop" => {
            "stop <name>\t\tStop a process\nstop <gname>:*\t\tStop all processes in a group\n\
             stop <name> <name>\tStop multiple processes or groups\nstop all\t\tStop all processes"
        }
        "restart" => {
            "restart <name>\t\tRestart a process\nrestart <gname>:*\tRestart all processes in a group\n\
             restart <name> <name>\tRestart multiple processes or groups\n\
             restart all\t\tRestart all processes\n\
             Note: restart does not reread config files. For that, see reread and update."
        }
        "signal" => {
            "signal <signal name> <name>\t\tSignal a process\n\
             signal <signal name> <gname>:*\t\tSignal all processes in a group\n\
             signal <signal name> <name> <name>\tSignal multiple processes or groups\n\
             signal <signal name> all\t\tSignal all processes"
        }
        _ => {
            "clear <name>\t\tClear a process' log files.\n\
             clear <name> <name>\tClear multiple process' log files\n\
             clear all\t\tClear all process' log files"
        }
    }
}

pub(super) fn ids(all: &[&Supervised]) -> Vec<Select> {
    all.iter().map(|one| Select::Id(one.id)).collect()
}

/// Starts them; what can't be executed is not tried.
pub(super) fn start(
    client: &mut Client,
    all: &[&Supervised],
    wait: Patience,
) -> Result<Vec<ActEnd>, Failure> {
    let able: Vec<_> = all.iter().copied().filter(|one| cannot(one).is_none()).collect();
    let mut outcomes = Vec::new();
    if !able.is_empty() {
        let select = ids(&able);
        let call = Raise { select, env: None, wait, no_deps: false };
        outcomes = client.call(&call, Deadline::NEVER)?.outcomes;
    }
    let became = |one: &&Supervised| match cannot(one) {
        Some(why) => ActEnd::Not(why, GENERIC),
        None if failed(&outcomes, one.id) => ActEnd::Not("spawn error", NOT_RUNNING),
        None => ActEnd::Done,
    };
    Ok(all.iter().map(became).collect())
}

fn failed(outcomes: &[Outcome], id: u32) -> bool {
    outcomes.iter().any(|one| one.id == id && one.what.is_failure())
}

/// Why its program can't be executed at all.
fn cannot(one: &Supervised) -> Option<&'static str> {
    match path_of(&one.program).metadata() {
        Err(_) => Some("no such file"),
        Ok(meta) if meta.is_dir() || meta.permissions().mode() & 0o111 == 0 => {
            Some("file is not executable")
        }
        Ok(_) => None,
    }
}

/// Stops them.
pub(super) fn stop(client: &mut Client, all: &[&Supervised]) -> Result<Vec<ActEnd>, Failure> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let outcomes = client.call(&Stop { select: ids(all) }, Deadline::NEVER)?.outcomes;
    let became = |one: &&Supervised| {
        if failed(&outcomes, one.id) { ActEnd::Not("failed", GENERIC) } else { ActEnd::Done }
    };
    Ok(all.iter().map(became).collect())
}
