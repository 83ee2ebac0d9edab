//! A command beside an app: what is wanted of the thread that makes processes.

use pm_core::{InstanceId, RunId, SpawnFailure};
use pm_os::tag::Tag;
use pm_spec::{AppSpec, ByteString, HookStage, Serving};
use tokio::sync::oneshot;

use crate::short_command::{Bond, ShortCommand};

/// A command to be begun by the thread that makes processes.
#[derive(Debug)]
pub(crate) struct CommandJob {
    /// The app, with the command in the place of its own.
    pub(crate) app: AppSpec,
    /// Its instance, the slot and how often that was restarted.
    pub(crate) numbers: (InstanceId, u16, u32),
    pub(crate) kin: Kin,
    /// Further variables of it.
    pub(crate) printed: Vec<(String, Vec<u8>)>,
    /// What it reads.
    pub(crate) input: Option<String>,
    pub(crate) reply: oneshot::Sender<Result<ShortCommand, SpawnFailure>>,
}

/// Whose a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kin {
    /// Nobody's. Only what it complains of is heard.
    Nobody,
    /// It asks a run, with this main process: it is of its tree and under its limits, and is heard.
    Run(RunId, Option<u32>),
    /// It comes before a run is made, under a mark of its own, by which whoever comes after us finds it. Both streams are
    /// heard.
    Before(RunId),
    /// It goes with a run, the same, beside this process.
    Beside(RunId, HookStage, Option<u32>),
}

impl Kin {
    /// The process beside which it runs.
    pub(crate) fn pid(self) -> Option<u32> {
        if let Self::Run(_, pid) | Self::Beside(_, _, pid) = self { pid } else { None }
    }

    /// By what is found what it started.
    pub(crate) fn bond(self, home_id: u32) -> Bond {
        match self {
            Self::Nobody => Bond::Group,
            Self::Run(run, _) => Bond::Run(Tag::new(home_id, run.0)),
            Self::Before(run) => Bond::Own(before(run, home_id)),
            Self::Beside(run, stage, _) => Bond::Own(beside((run, stage), home_id)),
        }
    }
}

/// The mark of what comes before a run is made: of no run of this home, so that nobody takes it for the app.
pub(crate) fn before(run: RunId, home_id: u32) -> Tag {
    Tag::new(!home_id, run.0)
}

/// The mark of what goes with a run, for each moment another one.
pub(crate) fn beside((run, stage): (RunId, HookStage), home_id: u32) -> Tag {
    let number = match stage {
        HookStage::PostStart => 1,
        HookStage::PreStop => 2,
        HookStage::PostStop => 3,
    };
    Tag::new(!home_id ^ number, run.0)
}

/// An app with another command in the place of its own, which has neither its channel nor its sockets.
pub(crate) fn in_place_of(app: &AppSpec, program: ByteString, args: Vec<ByteString>) -> AppSpec {
    let (serving, listen) = (Serving::default(), Vec::new());
    AppSpec { interpreter: None, script: program, args, serving, listen, ..app.clone() }
}
