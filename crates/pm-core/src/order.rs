//! What is to be done: everything the core ever wants.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec, HookEvent, HookStage, Schedule, Select, Signal, Span};
use serde::{Deserialize, Serialize};

use crate::end::Cause;
use crate::id::{AppId, InstanceId, RequestId, RunId};
use crate::saved::Record;

/// One thing to be done. Orders of a step are performed in their order; `Persist` is durable before the next one.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Write down; read back by `Core::restore` after the daemon's death.
    Persist(Record),
    /// Make a process; answered by `Spawned` or `NotSpawned`.
    Spawn(RunId, SpawnPlan),
    /// Send a signal; answered, if at all, by an end.
    Signal(RunId, RunSignal),
    /// Run the command that goes with this run; answered by `HookOver`.
    Hook(RunId, HookStage),
    /// The run goes on under this spec: whoever looks after its logs takes over their limits.
    UpdateLogRules(RunId, Arc<AppSpec>),
    /// The run is over and remembered: acknowledge its exit, let go of its descriptors.
    Release(RunId),
    /// Whether memory is to be weighed because some running app has a limit.
    MeasureMemory(bool),
    /// When to say `ScheduleDue` for an app from now on; `None`: never.
    Schedule(AppId, Option<Schedule>),
    /// As what to watch an app's files from now on, and say `FileChanged`; `None`: not at all.
    Watch(AppId, Option<Arc<AppSpec>>),
    /// Something happened that the app has a command for.
    Announce(Occasion),
    /// Tell subscribers.
    Publish(Change),
    /// Answer a request; exactly once each.
    Reply(RequestId, Reply),
    /// Nothing is left to do: end the daemon for good.
    Leave,
}

impl Order {
    /// What it writes down.
    pub const fn record(&self) -> Option<&Record> {
        if let Self::Persist(record) = self { Some(record) } else { None }
    }
}

/// What a spawn needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct SpawnPlan {
    /// The app's number; unlike those of instances it is never used again.
    pub app_id: AppId,
    /// Whose run it is.
    pub instance: InstanceId,
    /// Its slot within the app, from 0 (PM2: `NODE_APP_INSTANCE`).
    pub slot: u16,
    /// How often it has been restarted, for the environment.
    pub restarts: u32,
    /// The app.
    pub app: Arc<AppSpec>,
}

/// A signal to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunSignal {
    /// The app's stop signal.
    Stop(Signal, Reach),
    /// Let go of what it serves without cutting anybody off, then the app's stop signal.
    Drain(Signal, Reach),
    /// Take no new callers, for a newer run does; but stay.
    StandBy,
    /// SIGKILL, again and again until nobody is left.
    Kill(Reach),
    /// Have the main process replace its workers; `WorkersReplaced` is told if it does within so long.
    Replace(Signal, Span),
    /// Some signal a person wanted the main process to get.
    Forward(Signal),
}

/// Who gets a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The whole tree, children that ran away included. Asked are parents first: who does not look after its children
    /// itself (a shell), or is gone, has them asked as well.
    Tree,
    /// The main process only (PM2: `treekill: false`).
    Leader,
}

/// Something that an app has a command for (`on_exit` and its like).
#[derive(Clone, Debug, PartialEq)]
pub struct Occasion {
    /// Whose.
    pub instance: InstanceId,
    /// What happened.
    pub event: HookEvent,
    /// The run with which it did.
    pub run: RunId,
    /// Why, where the end of that run does not say it, or there was none.
    pub cause: Option<Cause>,
}

/// What subscribers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something about this instance is different now, or it is new.
    Changed(InstanceId),
    /// This instance is gone.
    Removed(InstanceId),
}

/// The one answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// What became of each instance, in order of id.
    Done(Vec<Outcome>),
    /// Nothing was done.
    Refused(Refused),
}

/// What became of one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which.
    pub instance: InstanceId,
    /// Its app.
    pub app: AppId,
    /// The app's name.
    pub name: AppName,
    /// What it became.
    pub became: Became,
}

/// What an instance became through a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It was down and is up.
    Started,
    /// It was up, and is up with a new run.
    Restarted,
    /// It runs on with new workers, which its main process made at this signal.
    Reloaded(Signal),
    /// It was as wished already.
    Unchanged,
    /// It goes on as it was, by new rules.
    Amended,
    /// It ran to its good end within the wait (a job).
    Finished,
    /// It is down, the whole tree gone.
    Stopped,
    /// It is down and forgotten.
    Deleted,
    /// Its counters are zero.
    Reset,
    /// The signal was sent.
    Signaled,
    /// It is known but not wanted up (`autostart: false`).
    Added,
    /// It did not come up, or would not go.
    Failed(Cause),
    /// A later request wished something else before this one came true.
    Superseded,
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// A selector matches nothing.
    NoMatch(Select),
    /// A word could mean different things.
    Ambiguous {
        /// The word.
        select: Select,
        /// What it could mean, each as a selector that is not ambiguous, with the ids it stands for.
        candidates: Vec<(String, Vec<InstanceId>)>,
    },
    /// `Existing::Refuse` and it is up.
    AlreadyUp(AppName),
    /// It is to be run, and is restarted when it ends.
    NoJob(AppName),
    /// It is to be run, and runs.
    Running(AppName),
    /// The name a rename is to give has an app, or several would get it.
    NameTaken(AppName),
    /// An app depends on one that nobody knows.
    UnknownDependency {
        /// The app.
        app: AppName,
        /// What it depends on.
        on: AppName,
    },
    /// An app waits for the end of one that begins again whenever it ends.
    NeverCompletes {
        /// The app.
        app: AppName,
        /// What it depends on.
        on: AppName,
    },
    /// An app waits until one is healthy that nobody asks how it is.
    NoHealthCheck {
        /// The app.
        app: AppName,
        /// What it depends on.
        on: AppName,
    },
    /// These apps depend on each other, each on the next and the last on the first.
    Circle(Vec<AppName>),
    /// The daemon is on its way out.
    Leaving,
    /// It is being reloaded already.
    Reloading(AppName),
    /// There can't be more (instances, ids).
    TooMany,
}
