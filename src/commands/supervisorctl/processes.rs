//! Instances of apps as Supervisor sees its processes: in groups, with its words for where they stand.

use chrono::{DateTime, Local};
use pm_protocol::{Description, Status};
use pm_spec::ByteString;
use serde::{Deserialize, Serialize};

use pm_config::EVENT_VERB;

use crate::render::safe_text;

/// Where a process stands, in Supervisor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SupervisorState {
    Stopped,
    Starting,
    Running,
    Backoff,
    Stopping,
    Exited,
    Fatal,
}

impl SupervisorState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
        }
    }

    /// Its number for clients.
    #[cfg(feature = "panel")]
    pub(super) const fn code(self) -> i32 {
        match self {
            Self::Stopped => 0,
            Self::Starting => 10,
            Self::Running => 20,
            Self::Backoff => 30,
            Self::Stopping => 40,
            Self::Exited => 100,
            Self::Fatal => 200,
        }
    }

    /// What can be stopped, and is started already.
    pub(super) const fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Backoff)
    }

    /// What makes `status` end with 3.
    pub(super) const fn is_stopped(self) -> bool {
        matches!(self, Self::Stopped | Self::Exited | Self::Fatal)
    }

    pub(super) const fn takes_signals(self) -> bool {
        matches!(self, Self::Running | Self::Starting | Self::Stopping)
    }
}

/// A process of Supervisor.
#[derive(Clone, Debug)]
pub(super) struct Supervised {
    pub(super) id: u32,
    pub(super) group: String,
    pub(super) process: String,
    pub(super) state: SupervisorState,
    pub(super) pid: u32,
    /// What `status` says last.
    pub(super) about: String,
    /// The pid of its last run, 0 if there was none.
    pub(super) run: u32,
    /// When its last run began, and when the last one ended, in ms since 1970; 0: never.
    #[cfg_attr(
        not(feature = "panel"),
        expect(dead_code, reason = "clients of Supervisor ask for it")
    )]
    pub(super) began: u64,
    #[cfg_attr(
        not(feature = "panel"),
        expect(dead_code, reason = "clients of Supervisor ask for it")
    )]
    pub(super) ended: u64,
    /// The exit code of the last run if nothing runs; -1: a signal ended it.
    #[cfg_attr(
        not(feature = "panel"),
        expect(dead_code, reason = "clients of Supervisor ask for it")
    )]
    pub(super) exit: i32,
    /// Whether the code of its last end is one that is expected.
    pub(super) is_expected: bool,
    /// Failures in a row.
    pub(super) tries: u32,
    /// When it will have proved itself, in ms since 1970, if it has to.
    pub(super) settles: Option<u64>,
    /// Whether it is a pool of event listeners.
    #[cfg_attr(
        not(feature = "panel"),
        expect(dead_code, reason = "clients of Supervisor ask for it")
    )]
    pub(super) is_pool: bool,
    /// Where its output goes.
    pub(super) out: Option<ByteString>,
    /// Where its standard error goes, if to a file of its own.
    pub(super) error: Option<ByteString>,
    /// What is executed.
    pub(super) program: ByteString,
}

impl Supervised {
    pub(super) fn of(one: Description, now: u64) -> Self {
        let row = &one.row;
        let (group, process) = match row.name.split_once(':') {
            Some((group, process)) if one.spec.instances > 1 => {
                (group.to_owned(), format!("{process}_{:02}", row.slot))
            }
            Some((group, process)) => (group.to_owned(), process.to_owned()),
            None if one.spec.instances > 1 => {
                (row.name.clone(), format!("{}_{:02}", row.name, row.slot))
            }
            None => (row.name.clone(), row.name.clone()),
        };
        let lived = now.saturating_sub(row.started_at);
        let state = match row.status {
            Status::Online if lived < one.spec.restart.min_uptime.as_millis() => {
                SupervisorState::Starting
            }
            Status::Online => SupervisorState::Running,
            Status::Launching => SupervisorState::Starting,
            Status::Stopping => SupervisorState::Stopping,
            Status::WaitingRestart => SupervisorState::Backoff,
            Status::Errored => SupervisorState::Fatal,
            Status::Stopped if one.ends.is_empty() || one.stopped_by.is_some() => {
                SupervisorState::Stopped
            }
            Status::Stopped => SupervisorState::Exited,
        };
        let about = about(&one, state, lived);
        let error = one.error.filter(|error| one.out.as_ref() != Some(error));
        let program = one.spec.interpreter.unwrap_or(one.spec.script);
        let (id, pid) = (row.id, row.pid);
        let last = one.ends.last();
        let code = last.and_then(|end| end.code);
        let run = if pid == 0 { last.map_or(0, |end| end.pid) } else { pid };
        let is_expected = code.is_some_and(|it| one.spec.restart.stop_exit_codes.contains(&it));
        let proof = row.started_at + one.spec.restart.min_uptime.as_millis();
        let settles = (pid != 0 && state == SupervisorState::Starting).then_some(proof);
        let is_pool = one.spec.args.first().is_some_and(|it| *it == ByteString::from(EVENT_VERB));
        let tries = row.unstable;
        let began = last.map_or(0, |end| end.at.saturating_sub(end.lived)).max(row.started_at);
        let ended = last.map_or(0, |end| end.at);
        // What never was up has no exit status there.
        let failed = matches!(state, SupervisorState::Backoff | SupervisorState::Fatal);
        let exit =
            last.filter(|_| pid == 0 && !failed).map_or(0, |end| end.code.map_or(-1, i32::from));
        Self {
            began,
            is_expected,
            run,
            tries,
            settles,
            is_pool,
            ended,
            exit,
            id,
            group,
            process,
            state,
            pid,
            about,
            out: one.out,
            error,
            program,
        }
    }

    /// Its name among all.
    pub(super) fn namespec(&self) -> String {
        namespec(&self.group, &self.process)
    }

    /// Whether a word means it: its name, or its group by `group:*` or `group:`.
    pub(super) fn is_meant(&self, meant: &Meant<'_>) -> bool {
        self.group == meant.group && meant.process.is_none_or(|process| process == self.process)
    }
}

/// `x`, or `group:x`.
pub(super) fn namespec(group: &str, process: &str) -> String {
    if group == process { group.to_owned() } else { format!("{group}:{process}") }
}

/// What a word means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meant<'a> {
    pub(super) group: &'a str,
    /// `None`: all of the group.
    pub(super) process: Option<&'a str>,
}

impl<'a> Meant<'a> {
    pub(super) fn read(word: &'a str) -> Self {
        match word.split_once(':') {
            Some((group, "" | "*")) => Self { group, process: None },
            Some((group, process)) => Self { group, process: Some(process) },
            None => Self { group: word, process: Some(word) },
        }
    }

    pub(super) fn namespec(&self) -> String {
        namespec(self.group, self.process.unwrap_or("*"))
    }
}

/// The lines of `status`.
pub(super) fn table(all: &[&Supervised]) -> String {
    let names: Vec<_> = all.iter().map(|one| safe_text(&one.namespec())).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(30) + 3;
    let line = |(one, name): (&&Supervised, &String)| {
        format!("{name:width$}{:10}{}\n", one.state.word(), one.about)
    };
    all.iter().zip(&names).map(line).collect()
}

fn about(one: &Description, state: SupervisorState, lived: u64) -> String {
    match state {
        SupervisorState::Running => format!("pid {}, uptime {}", one.row.pid, span(lived / 1000)),
        SupervisorState::Fatal | SupervisorState::Backoff => match &one.row.note {
            Some(note) if one.ends.is_empty() => safe_text(note),
            _ => "Exited too quickly (process log may have details)".into(),
        },
        SupervisorState::Stopped | SupervisorState::Exited => {
            one.ends.last().map_or_else(|| "Not started".into(), |end| moment(end.at))
        }
        SupervisorState::Starting | SupervisorState::Stopping => String::new(),
    }
}

/// As Python writes a span of time.
fn span(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let time = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => time,
        1 => format!("1 day, {time}"),
        _ => format!("{days} days, {time}"),
    }
}

fn moment(at: u64) -> String {
    let at = i64::try_from(at).ok().and_then(DateTime::from_timestamp_millis);
    at.map_or_else(String::new, |at| at.with_timezone(&Local).format("%b %d %I:%M %p").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_python_does() {
        for (seconds, text) in [
            (0, "0:00:00"),
            (3661, "1:01:01"),
            (86_399, "23:59:59"),
            (86_400, "1 day, 0:00:00"),
            (200_000, "2 days, 7:33:20"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn words_mean_a_process_or_its_group() {
        let meant = |word| {
            let meant = Meant::read(word);
            (meant.group, meant.process)
        };
        assert_eq!(meant("web"), ("web", Some("web")));
        assert_eq!(meant("g:web"), ("g", Some("web")));
        assert_eq!(meant("g:*"), ("g", None));
        assert_eq!(meant("g:"), ("g", None));
        assert_eq!((namespec("a", "a"), namespec("a", "b")), ("a".into(), "a:b".into()));
    }
}
