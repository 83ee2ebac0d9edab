//! Where an instance stands, each phase with exactly its own data, and what people want of it.
//!
//! Plain data and its reading; what follows from it is `settle`'s affair.

use alloc::string::String;

use pm_spec::{Health, HookStage, Signal, Span, Status, StopPolicy};
use serde::{Deserialize, Serialize};

use crate::end::{Cause, Ending, RunEnd};
use crate::id::{Identity, RunId, Time};

/// What people want of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// Up.
    Up,
    /// Up, but not with the run it has: that one is to be replaced.
    Renewed,
    /// Down.
    Down,
    /// Down and forgotten.
    Gone,
}

impl Want {
    /// Whether it should be up in the end.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Renewed)
    }
}

/// A run that has a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LiveRun {
    pub(crate) run: RunId,
    pub(crate) identity: Identity,
    pub(crate) since: Time,
}

impl LiveRun {
    /// Its end.
    pub(crate) const fn end(&self, at: Time, ending: Ending, cause: Cause) -> RunEnd {
        let Self { run, identity: Identity { pid, .. }, since } = *self;
        RunEnd { run, pid, since, at, ending, cause, by: None }
    }
}

/// A run on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoppingRun {
    pub(crate) live: LiveRun,
    pub(crate) force_at: Time,
    pub(crate) cause: Cause,
    /// The main process has ended already, others of its tree have not.
    pub(crate) ended: bool,
    /// The command that it waits for.
    pub(crate) hook: Option<AwaitedHook>,
}

/// A command that a run on its way out waits for: before it is asked to go, or when nobody of it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AwaitedHook {
    pub(crate) stage: HookStage,
    pub(crate) haste: Haste,
}

/// Whether somebody grows impatient with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Nobody does.
    Nobody,
    /// It was begun by a daemon before us: whoever asks again may have asked that one, and got no answer.
    Inherited,
    /// A person asked again: it is to be ended.
    Hurried,
}

/// What a run that leaves in a reload has for the requests it is at, where the app says nothing else (PM2:
/// `GRACEFUL_TIMEOUT`, 8 s): the 1.6 s of a stop would cut off slow ones.
const DRAIN_TIMEOUT: Span = Span::from_secs(8);

/// The second run; its phase is one of those with a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecondRun {
    pub(crate) phase: Phase,
    /// It has to go; else it stays until the other one is ready.
    pub(crate) must_stop: bool,
    /// It is on its way out, but whether the daemon before us got to ask it is unknown.
    pub(crate) stop_unconfirmed: bool,
    /// So long it stands by, for the new one serves and is watched.
    pub(crate) until: Option<Time>,
}

impl SecondRun {
    /// One that is there now.
    pub(crate) const fn beside(phase: Phase, must_stop: bool) -> Self {
        Self { phase, must_stop, stop_unconfirmed: false, until: None }
    }
}

/// Nobody waits longer than this for an app to prove that it stays up, unless it is judged by that.
pub(crate) const SETTLED: Span = Span::from_secs(1);

/// What a run has shown so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// What the checks say, once there was an answer that counts.
    pub(crate) health: Option<Health>,
    /// Bad answers in a row that count.
    pub(crate) failures: u32,
    /// What was seen at the last bad answer, until there is a good one.
    pub(crate) saw: Option<String>,
    /// When it last gave a sign of life, or its next one was due first.
    pub(crate) alive_at: Option<Time>,
    /// It is late with the next one.
    pub(crate) is_silent: bool,
    /// It has asked for time until then to become ready.
    pub(crate) ready_by: Option<Time>,
    /// It has said that it ends by itself.
    pub(crate) leaves: bool,
    /// It is still to be announced that it is ready.
    pub(crate) unannounced: bool,
}

/// A reload by a signal under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalReload {
    pub(crate) run: RunId,
    pub(crate) signal: Signal,
    /// Until when its workers have to be new; `None`: it is still to be told.
    pub(crate) until: Option<Time>,
}

/// Where an instance stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No run.
    Down,
    /// A run is being made.
    Starting { run: RunId },
    /// It runs; `ready`: and has said so.
    Up { live: LiveRun, ready: bool },
    /// It was asked to go.
    Stopping(StoppingRun),
    /// It is being forced to go, again at `again_at`, given up at `lost_at`.
    Killing { stopping: StoppingRun, again_at: Time, lost_at: Time },
    /// Force did not help. Never a second run beside it.
    Lost(StoppingRun),
    /// A pause before the next run; `retry`: the last one had no process, so the next is no restart.
    Backoff { until: Time, retry: bool },
    /// Not tried again until a person asks.
    Failed { cause: Cause },
}

impl Phase {
    /// The run that lives or may live.
    pub(crate) const fn run(&self) -> Option<RunId> {
        match self {
            Self::Starting { run } => Some(*run),
            Self::Up { live, .. } => Some(live.run),
            Self::Stopping(stopping) | Self::Killing { stopping, .. } | Self::Lost(stopping) => {
                Some(stopping.live.run)
            }
            Self::Down | Self::Backoff { .. } | Self::Failed { .. } => None,
        }
    }

    /// The run's process, once it is known.
    pub(crate) const fn live(&self) -> Option<&LiveRun> {
        match self {
            Self::Up { live, .. } => Some(live),
            Self::Stopping(stopping) | Self::Killing { stopping, .. } | Self::Lost(stopping) => {
                Some(&stopping.live)
            }
            Self::Down | Self::Starting { .. } | Self::Backoff { .. } | Self::Failed { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(crate) const fn live_mut(&mut self) -> Option<&mut LiveRun> {
        match self {
            Self::Up { live, .. } => Some(live),
            Self::Stopping(stopping) | Self::Killing { stopping, .. } | Self::Lost(stopping) => {
                Some(&mut stopping.live)
            }
            Self::Down | Self::Starting { .. } | Self::Backoff { .. } | Self::Failed { .. } => None,
        }
    }

    /// Whether it is up and ready.
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self, Self::Up { ready: true, .. })
    }

    /// The run's way out, if it is on it.
    pub(crate) const fn stopping(&self) -> Option<&StoppingRun> {
        let (Self::Stopping(stopping) | Self::Killing { stopping, .. } | Self::Lost(stopping)) =
            self
        else {
            return None;
        };
        Some(stopping)
    }

    /// The same, to be changed.
    pub(crate) const fn stopping_mut(&mut self) -> Option<&mut StoppingRun> {
        let (Self::Stopping(stopping) | Self::Killing { stopping, .. } | Self::Lost(stopping)) =
            self
        else {
            return None;
        };
        Some(stopping)
    }

    /// When the next run begins.
    pub(crate) const fn next_start(&self) -> Option<Time> {
        let Self::Backoff { until, .. } = self else { return None };
        Some(*until)
    }

    /// Whether it is up, over, or won't go.
    pub(crate) fn is_settled(&self) -> bool {
        let gone = self.run().is_none() && !matches!(self, Self::Backoff { .. });
        gone || matches!(self, Self::Up { .. } | Self::Lost(_))
    }

    /// When the phase has to be looked at even if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Time> {
        match self {
            Self::Stopping(stopping) => stopping.hook.is_none().then_some(stopping.force_at),
            Self::Killing { again_at, lost_at, .. } => Some(*again_at.min(lost_at)),
            Self::Backoff { until, .. } => Some(*until),
            Self::Down
            | Self::Starting { .. }
            | Self::Up { .. }
            | Self::Lost(_)
            | Self::Failed { .. } => None,
        }
    }

    /// The word for people.
    pub(crate) const fn status(&self) -> Status {
        match self {
            Self::Down => Status::Stopped,
            Self::Starting { .. } => Status::Launching,
            Self::Up { .. } => Status::Online,
            Self::Stopping(_) | Self::Killing { .. } => Status::Stopping,
            Self::Lost(_) | Self::Failed { .. } => Status::Errored,
            Self::Backoff { .. } => Status::WaitingRestart,
        }
    }

    /// Why it is `errored`.
    pub(crate) const fn failure(&self) -> Option<&Cause> {
        match self {
            Self::Failed { cause } => Some(cause),
            Self::Lost(_) => Some(&Cause::Unkillable),
            Self::Down
            | Self::Starting { .. }
            | Self::Up { .. }
            | Self::Stopping(_)
            | Self::Killing { .. }
            | Self::Backoff { .. } => None,
        }
    }
}

/// How long a run that leaves gently has.
pub(crate) fn drain_timeout(stop: &StopPolicy) -> Span {
    if stop.timeout == StopPolicy::default().timeout { DRAIN_TIMEOUT } else { stop.timeout }
}
