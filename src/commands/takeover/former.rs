//! Another manager that runs, as a takeover sees it.

use std::path::PathBuf;
use std::time::Duration;

use pm_protocol::Existing;
use pm_spec::{AppSpec, ByteString, Environment, Span};
use serde::{Deserialize, Serialize};

use crate::cli::FormerKind;
use crate::prelude::{Failure, Session};

/// One that only has to look answers within this, or hangs.
pub(super) const LOOK_THERE: Duration = Duration::from_secs(5);

/// Between two looks whether a process has ended there.
pub(super) const AGAIN: Duration = Duration::from_millis(50);

/// What it may need for a start or a stop, besides what the program itself may take.
const SLACK: Duration = Duration::from_secs(30);

/// The longest a start or a stop there may take, if the program itself may take so long.
pub(super) fn patience(own: Span) -> Duration {
    Duration::from_millis(own.as_millis()).saturating_add(SLACK)
}

/// A manager whose programs can be taken over.
pub(super) trait Former {
    fn kind(&self) -> FormerKind;

    /// How it is found again: its file, or its home.
    fn place(&self) -> PathBuf;

    /// Its programs, in the order in which they are to move.
    fn programs(&mut self, session: &Session) -> Result<Vec<Candidate>, Failure>;

    /// Stops a process there, and comes back when it has ended. One that is down is no failure.
    fn stop(&mut self, one: &ThereProcess) -> Result<(), Failure>;

    /// Starts a process there, and comes back when it is up. One that is up is no failure.
    fn start(&mut self, one: &ThereProcess) -> Result<(), Failure>;

    /// What people have to do so that it starts nothing more, when nothing is left there.
    fn farewell(&self) -> Vec<String>;

    /// Whether all its programs begin and end together.
    fn is_one(&self) -> bool {
        false
    }

    /// What was taken over of it before; one that is gone may have nothing else to go by.
    fn recall(&mut self, _: &[ThereProcess]) -> Result<(), Failure> {
        Ok(())
    }
}

/// A process of the other manager, for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ThereProcess {
    /// As it is called there.
    pub(super) name: String,
    /// Whether it was up when it was taken over.
    pub(super) ran: bool,
    /// Whether it was restarted there when files change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) watched: bool,
    /// It may take so long to stop, and to be up.
    pub(super) takes: Span,
    /// What starts it there, if nobody is left who could be asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<OldCommand>,
}

/// A command as it was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OldCommand {
    pub(super) argv: Vec<ByteString>,
    pub(super) cwd: PathBuf,
    pub(super) env: Environment,
}

/// Variables as the kernel shows those of a process.
pub(super) fn variables(block: &[u8]) -> Environment {
    let mut env = Environment::new();
    for word in block.split(|byte| *byte == 0) {
        let Some(at) = word.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = word.split_at(at);
        if let (Ok(name), Some(value)) = (std::str::from_utf8(name), value.get(1..)) {
            env.set(name, value.to_vec());
        }
    }
    env
}

/// A program there, and what it becomes here.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The app's name here.
    pub(super) name: String,
    /// The app's namespace here.
    pub(super) namespace: String,
    /// What it is there.
    pub(super) there: Vec<ThereProcess>,
    /// Where it stands there, in the other's words.
    pub(super) state: String,
    /// The apps it becomes; several only where PM2 has several by one name.
    pub(super) apps: Vec<(AppSpec, Existing)>,
    /// What is different here.
    pub(super) notes: Vec<String>,
    /// Why it stays there, if it does.
    pub(super) stays: Option<String>,
    /// Whether it was taken over before.
    pub(super) is_here: bool,
}

impl Candidate {
    /// Whether it is to be up here.
    pub(super) fn ran(&self) -> bool {
        self.there.iter().any(|one| one.ran)
    }
}
