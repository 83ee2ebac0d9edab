//! What commands return: data, never text.

use std::collections::BTreeMap;

use pm_protocol::{ActionAnswer, Descriptions, Host, Listing, Outcome, Pong, Said, Saved};
use pm_spec::{ByteString, Span};

use crate::failure::Exit;

/// Versions of Node by the program that runs apps.
pub(crate) type Nodes = BTreeMap<ByteString, String>;

/// The result of a command.
#[derive(Debug)]
pub(crate) enum Report {
    /// The list.
    List(Listing),
    /// The list in PM2's shape.
    Jlist(Descriptions, Nodes),
    /// The list in PM2's shape, as Node prints objects.
    Prettylist(Descriptions, Nodes),
    /// The list as blocks of `key : value`.
    Blocks(Descriptions),
    /// Figures of the machine.
    Machine(Host),
    /// Figures of the machine, one a line.
    MachineTree(Host),
    /// Everything about some instances.
    Described(Descriptions, Nodes),
    /// What became of each instance.
    Done(Done),
    /// The daemon is there.
    Pong(Pong),
    /// What apps answered to an action.
    Triggered(Round),
    /// Files that are empty now, and how many rotated parts of theirs are gone.
    Flushed(Vec<ByteString>, u32),
    /// The list was saved.
    Saved(Saved),
    /// Numbers, one a line: pids.
    Pids(Vec<u32>),
    /// Ids of an app's instances.
    Ids(Vec<u32>),
    /// Variables and their values.
    Env(BTreeMap<String, ByteString>),
    /// A sentence on its own; `done` is its name in JSON.
    Said {
        /// For programs.
        done: &'static str,
        /// For people.
        text: String,
    },
    /// A text that is shown as it is.
    Text(String),
    /// A text for people, and the same for programs.
    Page {
        /// As it is shown, with its final newline.
        text: String,
        /// As a document.
        json: serde_json::Value,
    },
    /// How a boot would go.
    Rehearsed(Rehearsal),
    /// A line for root to paste: nothing was done.
    Paste(String),
    /// Config files were checked.
    Checked(Vec<Checked>),
    /// Everything was shown already; an app's exit code becomes ours.
    Ended(u8),
    /// What would be done.
    Plan(Vec<Planned>),
    /// Everything was shown already.
    Nothing,
}

/// What became of each instance, and how things stand now.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// In order of id.
    pub(crate) outcomes: Vec<Outcome>,
    /// The list afterwards, if it was asked for.
    pub(crate) listing: Option<Listing>,
    /// The last lines of standard error of what failed.
    pub(crate) tails: Vec<Tail>,
    /// What to say where there are no outcomes.
    pub(crate) otherwise: &'static str,
    /// Whether new runs came by a reload.
    pub(crate) is_reload: bool,
    /// What a config changed, and who is gone from it.
    pub(crate) changes: Vec<Planned>,
}

/// An action that was asked for, and what came of it.
#[derive(Debug)]
pub(crate) struct Round {
    /// Its name.
    pub(crate) action: String,
    /// So long answers were waited for.
    pub(crate) patience: Span,
    /// One of each that was asked, in order of id.
    pub(crate) answers: Vec<ActionAnswer>,
}

/// One app of a config, or one gone from it.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The app.
    pub(crate) name: String,
    /// What is done with it.
    pub(crate) step: Step,
    /// What differs, each in a few words, secrets masked.
    pub(crate) edits: Vec<String>,
}

/// What is done with an app of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// It is new or down and comes up.
    Start,
    /// It becomes known (`autostart: false`).
    Add,
    /// It gets new runs.
    Restart,
    /// It gets new runs, one after the other.
    Reload,
    /// It runs on by new rules.
    Change,
    /// Nothing.
    Keep,
    /// It is gone from its file, and left alone.
    Gone,
    /// It is gone from its file, and removed.
    Remove,
}

/// The last lines an app wrote to standard error.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The instance.
    pub(crate) id: u32,
    /// Its name.
    pub(crate) name: String,
    /// The file.
    pub(crate) file: ByteString,
    /// The lines, as they were written.
    pub(crate) lines: Vec<Vec<u8>>,
}

/// One config file and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The file as it was given.
    pub(crate) file: String,
    /// The names of its apps, if it can be used.
    pub(crate) apps: Option<Vec<String>>,
    /// Every problem, as shown.
    pub(crate) problems: Vec<String>,
}

/// How a boot would go: problems keep something from starting, warnings might, notes say what will be different.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Rehearsal {
    pub(crate) problems: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) apps: Vec<Rehearsed>,
}

/// One app of it.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Rehearsed {
    pub(crate) name: String,
    /// Whether it is to be up after the boot.
    pub(crate) is_wanted: bool,
    pub(crate) problems: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
}

impl Rehearsal {
    /// Whether everything that is wanted would start.
    pub(crate) fn is_well(&self) -> bool {
        self.problems.is_empty() && self.apps.iter().all(|app| app.problems.is_empty())
    }
}

impl Round {
    /// Those who did not answer in time weigh less than those who never will.
    fn failure(&self) -> Option<Exit> {
        let any = |said: &Said| self.answers.iter().any(|one| one.said == *said);
        let late = any(&Said::Late).then_some(Exit::Late);
        any(&Said::Gone).then_some(Exit::Failed).or(late)
    }
}

impl Report {
    /// What has a new run got it by a reload.
    pub(crate) fn of_reload(mut self) -> Self {
        if let Self::Done(done) = &mut self {
            done.is_reload = true;
        }
        self
    }

    /// With what a config changed.
    pub(crate) fn with_changes(mut self, changes: Vec<Planned>) -> Self {
        if let Self::Done(done) = &mut self {
            done.changes = changes;
        }
        self
    }

    /// What did not come true, if anything did not.
    pub(crate) fn failure(&self) -> Option<Exit> {
        match self {
            Self::Done(done) => done
                .outcomes
                .iter()
                .any(|outcome| outcome.what.is_failure())
                .then_some(Exit::Failed),
            Self::Checked(files) => {
                files.iter().any(|file| file.apps.is_none()).then_some(Exit::Input)
            }
            Self::Triggered(round) => round.failure(),
            Self::Paste(_) => Some(Exit::Failed),
            Self::Rehearsed(rehearsal) => (!rehearsal.is_well()).then_some(Exit::Failed),
            Self::List(_)
            | Self::Jlist(..)
            | Self::Prettylist(..)
            | Self::Blocks(_)
            | Self::Machine(_)
            | Self::MachineTree(_)
            | Self::Described(..)
            | Self::Pong(_)
            | Self::Flushed(..)
            | Self::Saved(_)
            | Self::Pids(_)
            | Self::Ids(_)
            | Self::Env(_)
            | Self::Said { .. }
            | Self::Text(_)
            | Self::Ended(_)
            | Self::Page { .. }
            | Self::Plan(_)
            | Self::Nothing => None,
        }
    }

    /// Whether it only says that something was done, which `--silent` leaves out.
    pub(crate) fn is_talk(&self) -> bool {
        match self {
            Self::Done(_)
            | Self::Pong(_)
            | Self::Flushed(..)
            | Self::Saved(_)
            | Self::Said { .. } => true,
            Self::List(_)
            | Self::Jlist(..)
            | Self::Prettylist(..)
            | Self::Blocks(_)
            | Self::Machine(_)
            | Self::MachineTree(_)
            | Self::Described(..)
            | Self::Triggered(_)
            | Self::Pids(_)
            | Self::Ids(_)
            | Self::Env(_)
            | Self::Text(_)
            | Self::Page { .. }
            | Self::Paste(_)
            | Self::Rehearsed(_)
            | Self::Checked(_)
            | Self::Ended(_)
            | Self::Plan(_)
            | Self::Nothing => false,
        }
    }

    /// Whether it is a table for people, which PM2's `--silent` hides as well.
    pub(crate) fn is_for_people(&self) -> bool {
        matches!(self, Self::List(_) | Self::Described(..))
    }
}
