//! What readers may see.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use pm_spec::{AppSpec, Health, Status};

use crate::end::{Cause, RunEnd};
use crate::gate::Obstacle;
use crate::id::{AppId, Author, Identity, InstanceId, RunId, Time};
use crate::job_record::JobRecord;
use crate::outside::OutsideThing;

/// Why there is a pause before the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The machine was short of something.
    Shortage,
    /// A run that was to end failed, and is tried again: for the how-manieth time, and how often in all.
    Retry(u32, u32),
    /// The app is always given one.
    Asked,
    /// So many runs in a row were short.
    ShortRuns(u32),
    /// It failed so often in a row, each time after a short life.
    Failures(u32),
    /// It lived less than a second, and no rule counts that.
    Brief,
    /// What it failed for before its counters were set to zero.
    Forgotten,
}

/// One instance as readers see it.
#[derive(Clone, Debug)]
pub struct InstanceView<'a> {
    /// Its number.
    pub id: InstanceId,
    /// Its app's number.
    pub app_id: AppId,
    /// Its app.
    pub app: &'a Arc<AppSpec>,
    /// Its slot.
    pub slot: u16,
    /// The word for its phase.
    pub status: Status,
    /// Whether people want it up.
    pub wanted: bool,
    /// Who asked last for what it is.
    pub by: Option<&'a Author>,
    /// Who asked for its run; `None`: nobody, it was started again by itself.
    pub starter: Option<&'a Author>,
    /// Whether it is down without a person having stopped it.
    pub resting: bool,
    /// Whether it is down as its config has it: it waits for its time, or has run to its good end.
    pub rests: bool,
    /// What is counted of a job.
    pub job: JobRecord,
    /// How the last run of a job failed, while none runs.
    pub last_failure: Option<&'a Cause>,
    /// The living run, if there is one.
    pub run: Option<(RunId, Option<Identity>)>,
    /// A second living run, during a reload.
    pub second: Option<(RunId, Option<Identity>)>,
    /// Since when the run lives.
    pub since: Option<Time>,
    /// How often it was restarted.
    pub restarts: u32,
    /// Short runs in a row.
    pub unstable: u32,
    /// Runs in a row that were short or failed, until one lives long enough.
    pub failures: u32,
    /// When people last started it.
    pub created: Time,
    /// The next run's time while waiting.
    pub next_start: Option<Time>,
    /// Why it waits for its next run, if it does.
    pub pause: Option<Pause>,
    /// The last pause before a restart in ms.
    pub last_delay: u64,
    /// Why it failed, if it did.
    pub failure: Option<&'a Cause>,
    /// What its health checks say; `None`: it has none, or is not up.
    pub health: Option<Health>,
    /// What was seen when it was last asked and did not answer well, until it does.
    pub saw: Option<&'a str>,
    /// What it waits for before it begins.
    pub obstacles: &'a [Obstacle],
    /// The same of what is no app; it begins when all of it is there.
    pub outside: &'a [OutsideThing],
    /// The last ends, oldest first, at most twenty.
    pub history: &'a VecDeque<RunEnd>,
}
