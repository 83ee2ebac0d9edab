//! How a command beside an app ended, and what it said: its last line goes wherever its failure is told, what it said before
//! into the log of the daemon.

use pm_os::wait::Termination;
use pm_spec::Signal;

use crate::daemon_log;

/// So much of its last line is told.
const SHOWN: usize = 200;

/// So many lines before it stand in the log of the daemon.
const LINES: usize = 20;

/// How one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// By itself.
    Ended(Termination),
    /// It was ended: its time was over.
    Late,
    /// It was ended: it said too much.
    Flooded,
}

/// How one ended, and the last it said.
#[derive(Debug)]
pub(crate) struct CommandEnd {
    pub(crate) finish: Finish,
    pub(crate) out: Vec<u8>,
    pub(crate) error: Vec<u8>,
}

impl CommandEnd {
    /// What was wrong with it, and the last line it said; `None`: nothing.
    pub(crate) fn trouble(&self) -> Option<String> {
        let how = match self.finish {
            Finish::Ended(Termination::Exited(0)) => return None,
            Finish::Ended(Termination::Exited(code)) => format!("exited with code {code}"),
            Finish::Ended(Termination::Signaled { signal, .. }) => {
                let number = u8::try_from(signal).unwrap_or(0);
                let name = Signal::try_from(number).map(|name| name.to_string());
                format!("was ended by {}", name.unwrap_or_else(|_| signal.to_string()))
            }
            Finish::Ended(Termination::Unknown) => "ended, nobody saw how".into(),
            Finish::Late => return Some("did not end in time: killed".into()),
            Finish::Flooded => return Some("printed too much: killed".into()),
        };
        let line = last_line(&self.error).or_else(|| last_line(&self.out));
        Some(line.map_or_else(|| how.clone(), |line| format!("{how}: {line}")))
    }

    /// One that failed has said more than its last line: that stands in the log of the daemon.
    pub(crate) fn tell(&self, whose: &str) {
        let said = if last_lines(&self.error).next().is_some() { &self.error } else { &self.out };
        let mut lines: Vec<_> = last_lines(said).take(LINES).collect();
        let is_told = matches!(self.finish, Finish::Ended(_));
        lines.drain(..usize::from(is_told).min(lines.len()));
        for line in lines.iter().rev() {
            daemon_log::note(format_args!("{whose} said: {line}"));
        }
    }
}

/// What was wrong with one, which may have said more.
#[derive(Debug)]
pub(crate) struct CommandTrouble {
    why: String,
    end: Option<CommandEnd>,
}

impl CommandTrouble {
    /// Of one that was never seen to end.
    pub(crate) const fn unseen(why: String) -> Self {
        Self { why, end: None }
    }

    /// Of one that has ended; `None`: there is none.
    pub(crate) fn of(end: CommandEnd) -> Option<Self> {
        end.trouble().map(|why| Self { why, end: Some(end) })
    }

    /// In a line; the rest of what it said stands in the log of the daemon then.
    pub(crate) fn told(self, whose: &str) -> String {
        if let Some(end) = self.end {
            end.tell(whose);
        }
        self.why
    }
}

fn last_line(said: &[u8]) -> Option<String> {
    last_lines(said).next()
}

/// The last one first.
fn last_lines(said: &[u8]) -> impl Iterator<Item = String> {
    let is_plain = |c: &char| !c.is_control();
    let lines = said.rsplit(|byte| *byte == b'\n').map(String::from_utf8_lossy);
    let plain = lines.map(move |line| line.trim().chars().filter(is_plain).take(SHOWN).collect());
    plain.filter(|line: &String| !line.is_empty())
}
