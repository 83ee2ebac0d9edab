//! What happened: everything the core ever learns.

use alloc::string::String;
use alloc::vec::Vec;

use pm_spec::{
    ByteString, Bytes, HookStage, Probe, Reload, Rename, Restart, Scale, Select, Signal, Span,
    Start,
};
use serde::{Deserialize, Serialize};

use crate::end::Ending;
use crate::id::{AppId, Author, Identity, InstanceId, RequestId, RunId};
use crate::saved::SavedApp;

/// One thing that happened. A fact about a run nobody remembers changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A client asks for something and is owed exactly one reply; who that is, if somebody knows.
    Asked(RequestId, Ask, Option<Author>),
    /// The client is gone; its wish stands, nobody waits for the reply.
    Withdrawn(RequestId),
    /// The process exists and has executed its program.
    Spawned(RunId, Identity),
    /// Another process of the run is its main process from now on.
    MainProcess(RunId, Identity),
    /// There is no process and never was one.
    NotSpawned(RunId, SpawnFailure),
    /// The app said that it is ready, or has shown it.
    Ready(RunId),
    /// It was asked whether it is ready and has not shown it yet; what was seen.
    Unready(RunId, String),
    /// Its health check was answered well, or badly: what was seen.
    Checked(RunId, Result<(), String>),
    /// What an instance waits for outside was asked for: it is there, or what was seen in its place.
    Outside(InstanceId, Probe, Result<(), String>),
    /// It said something of itself.
    Notified(RunId, Notified),
    /// Since its main process was told to, it has replaced all its workers.
    WorkersReplaced(RunId),
    /// The main process ended; whether others of its tree still live. Told once per run.
    Ended(RunId, Ending, Remaining),
    /// The rest of the tree is gone as well. Follows an `Ended` with `Remaining::Stragglers`.
    TreeGone(RunId),
    /// A command that goes with this run has ended, however; nothing is left of it.
    HookOver(RunId, HookStage),
    /// Resident memory of the whole tree.
    MemoryMeasured(RunId, Bytes),
    /// A time of this app's schedule has come.
    ScheduleDue(AppId),
    /// A file this app is watched for has changed, as seen from the app's folder.
    FileChanged(AppId, ByteString),
    /// Nothing but time has passed.
    TimePassed,
}

/// A client's wish. Selectors are resolved together before anything is done; one that matches nothing refuses all.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Bring these apps up as specified: create what is missing, and treat what exists as `existing` says.
    Start(Start),
    /// Run jobs now; `true`: answered at the end of each, else when it has begun.
    Run(Vec<Select>, bool),
    /// Take down, keep the entry.
    Stop(Vec<Select>),
    /// Take down what is up, and up with all of it (PM2: `restart`, and `start NAME` of what is known).
    Restart(Restart),
    /// Restart one instance after the other, each only after the one before is up; stops at the first failure. Cluster
    /// workers are replaced by ones that run beside them until they serve.
    Reload(Reload),
    /// Take down and forget.
    Delete(Vec<Select>),
    /// Have this many instances of the selected apps; the highest slots go first.
    Scale(Scale),
    /// The selected app is called something else from now on; its instances run on and keep their numbers.
    Rename(Rename),
    /// Restart counters back to zero (PM2: `reset`).
    Reset(Vec<Select>),
    /// Send a signal to the main processes, changing nothing else (PM2: `sendSignal`).
    Signal(Vec<Select>, Signal),
    /// Bring back saved apps: those whose name is not known yet, with their ids where free (PM2: `resurrect`).
    Restore(Vec<SavedApp>),
    /// Take everything down, then leave (PM2: `kill`).
    Leave,
}

impl Ask {
    /// Whether it may begin or end runs of what it is about.
    pub(crate) const fn moves(&self) -> bool {
        !matches!(self, Self::Rename(_) | Self::Reset(_) | Self::Signal(..))
    }
}

/// What is left of a tree whose main process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// Nothing.
    Nothing,
    /// Other processes, to be asked and then forced to go.
    Stragglers,
}

/// What a run says of itself (`sd_notify(3)`), besides that it is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    /// It is alive (`WATCHDOG=1`).
    Alive,
    /// It is not well (`WATCHDOG=trigger`).
    Unwell,
    /// What it is at, becoming ready or ending, takes so long from now (`EXTEND_TIMEOUT_USEC=`).
    NeedsTime(Span),
    /// It ends by itself (`STOPPING=1`).
    Leaves,
}

/// Why there is no process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpawnFailure {
    /// It was refused: missing program, folder, user ...; in words for people.
    Refused(String),
    /// The machine is short of something (memory, processes, descriptors); worth trying again.
    Short(String),
    /// The daemon died before it got that far; not the app's fault.
    Interrupted,
}

impl SpawnFailure {
    /// In words for people.
    pub fn words(self) -> String {
        match self {
            Self::Refused(why) | Self::Short(why) => why,
            Self::Interrupted => "interrupted".into(),
        }
    }

    /// The same failure, told in other words.
    #[must_use]
    pub fn told(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Refused(why) => Self::Refused(words(why)),
            Self::Short(why) => Self::Short(words(why)),
            Self::Interrupted => Self::Interrupted,
        }
    }
}
