//! What a reply has to mean (law 6): it is about whom was asked, and true the moment it is sent.
//!
//! Part of the oracle; the core itself has no use for it.

use super::runs::RunMark;
use super::state::{BrokenLaw, law};
use super::streaks::settles;
use crate::core::Core;
use crate::end::{Cause, Ending};
use crate::fact::Ask;
use crate::id::{InstanceId, RunId, Time};
use crate::order::{Became, Outcome};
use crate::phase::Phase;
use crate::view::InstanceView;
use pm_spec::{Overlap, Patience, Reload, Rename, Restart, Scale, Start, Status};

/// A request that is owed a reply.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedReply {
    /// About whom, where the ask says so.
    expected: Option<Vec<InstanceId>>,
    patience: Patience,
    /// Whether it comes with the end of runs, which may never end.
    waits_for_ends: bool,
    /// Whoever is up has to be so with a later run than this.
    later_than: Option<RunId>,
}

impl ExpectedReply {
    /// What this ask is owed, asked when `last` was the last run.
    pub(crate) fn new(core: &Core, ask: &Ask, last: Option<RunId>) -> Self {
        let all = |select| core.resolve(select).ok();
        let (expected, patience, fresh) = match ask {
            Ask::Restart(Restart { select, wait: patience, .. }) => {
                (all(select).filter(|_| !has_dependencies(core)), *patience, true)
            }
            Ask::Run(select, _) => {
                (all(select).filter(|_| !has_dependencies(core)), Patience::Spawned, false)
            }
            Ask::Stop(select)
            | Ask::Delete(select)
            | Ask::Reset(select)
            | Ask::Signal(select, _) => (all(select), Patience::Spawned, false),
            Ask::Reload(Reload { select, again, .. }) => {
                (all(select), Patience::Settled, again.is_none())
            }
            Ask::Start(Start { wait: patience, .. }) => (None, *patience, false),
            Ask::Scale(Scale { .. }) | Ask::Restore(_) => (None, Patience::Settled, false),
            Ask::Rename(Rename { .. }) => (None, Patience::Spawned, false),
            Ask::Leave => (all(&[pm_spec::Select::All]), Patience::Spawned, false),
        };
        let waits_for_ends = matches!(ask, Ask::Run(_, true));
        Self { expected, patience, waits_for_ends, later_than: last.filter(|_| fresh) }
    }

    /// Whether it must have come once nothing happens any more by itself.
    pub(crate) fn is_due(&self) -> bool {
        !self.waits_for_ends
    }

    /// Whether these outcomes, sent now, are what it is owed. Only a single instance's outcome can be seen to be
    /// true now; of several, the others' may be old.
    pub(crate) fn kept(
        &self,
        now: Time,
        core: &Core,
        outcomes: &[Outcome],
        is: impl Fn(RunId, RunMark) -> bool,
    ) -> Result<(), BrokenLaw> {
        let ids: Vec<InstanceId> = outcomes.iter().map(|outcome| outcome.instance).collect();
        law(ids.is_sorted(), || "in order of number".into())?;
        law(self.expected.as_ref().is_none_or(|all| *all == ids), || "about all asked".into())?;
        let [outcome] = outcomes else { return Ok(()) };
        let instance = core.instance(outcome.instance);
        let holds = match (&outcome.became, &instance) {
            (Became::Started | Became::Restarted, Some(instance)) => {
                self.is_up(now, core, instance, is)
            }
            (Became::Reloaded(_), Some(instance)) => {
                instance.run.is_some_and(|(run, _)| is(run, RunMark::Replaced))
            }
            (Became::Stopped, Some(instance)) => {
                instance.run.is_none() && instance.second.is_none()
            }
            (Became::Finished, Some(instance)) => is_finished(instance),
            (Became::Added, Some(instance)) => !instance.wanted,
            (Became::Failed(Cause::Unkillable), Some(instance)) => {
                (instance.run.is_some() && instance.status == Status::Errored)
                    || instance.second.is_some()
            }
            (Became::Failed(Cause::Ended(ending)), Some(instance)) => {
                last_end(instance) == Some(*ending)
            }
            (Became::Deleted, instance) => instance.is_none(),
            (Became::Stopped | Became::Superseded, None) => true,
            (became, Some(_)) => is_timeless(became),
            (_, None) => false,
        };
        law(holds, || format!("true when sent: {instance:?}"))
    }

    fn is_up(
        &self,
        now: Time,
        core: &Core,
        instance: &InstanceView<'_>,
        is: impl Fn(RunId, RunMark) -> bool,
    ) -> bool {
        let Some(own) = core.instances.get(&instance.id) else { return false };
        let second = own.second.as_ref().and_then(|second| second.phase.live());
        let runs = || [own.phase.live(), second].into_iter().flatten();
        // A reload that has waited for this one may have begun: then who serves is the second of two runs.
        let Some(live) = runs().next() else {
            // Who does not wait does not wait for what comes before a run.
            let begins = |run: RunId| self.later_than.is_none_or(|last| run > last);
            return self.patience == Patience::Spawned
                && instance.app.pre_start.is_some()
                && matches!(own.phase, Phase::Starting { run } if begins(run));
        };
        // Who hears that it is begun anew meets nobody from before.
        let is_fresh = self.later_than.is_none_or(|last| runs().all(|live| live.run > last));
        let lived = now.0.saturating_sub(live.since.0);
        let wait = settles(&instance.app.restart);
        let lived = lived >= wait && !instance.app.shows_ready();
        let settled = self.patience == Patience::Spawned || lived || is(live.run, RunMark::Ready);
        settled && is_fresh
    }
}

/// How its newest run ended: in a reload the old one may end after it.
fn last_end(instance: &InstanceView<'_>) -> Option<Ending> {
    instance.history.iter().max_by_key(|end| end.run).map(|end| end.ending)
}

fn has_dependencies(core: &Core) -> bool {
    core.apps.values().any(|app| !app.spec.depends_on.is_empty())
}

fn is_finished(instance: &InstanceView<'_>) -> bool {
    let good = match last_end(instance) {
        Some(Ending::Exited(number) | Ending::OutOfMemory { code: Some(number), .. }) => {
            number == 0 || instance.app.restart.stop_exit_codes.contains(&number)
        }
        Some(Ending::Signaled { .. } | Ending::OutOfMemory { .. } | Ending::Unknown) | None => {
            false
        }
    };
    // Its next time may have come already.
    let goes_on = instance.app.job.overlap == Overlap::Queue;
    good && (goes_on || (instance.run.is_none() && instance.status == Status::Stopped))
}

/// Outcomes that can't be seen in what an instance is now.
fn is_timeless(became: &Became) -> bool {
    match became {
        Became::Unchanged
        | Became::Amended
        | Became::Reset
        | Became::Signaled
        | Became::Superseded => true,
        Became::Failed(cause) => match cause {
            Cause::NotSpawned(_)
            | Cause::CrashLoop { .. }
            | Cause::Memory { .. }
            | Cause::TooLong { .. }
            | Cause::Scheduled
            | Cause::FileChanged(_)
            | Cause::NotReady { .. }
            | Cause::Unhealthy { .. }
            | Cause::NotReplaced { .. }
            | Cause::Dependency { .. }
            | Cause::Outside { .. }
            | Cause::Missing
            | Cause::Reload
            | Cause::Stopped
            | Cause::Restarted
            | Cause::Shutdown => true,
            Cause::Ended(_) | Cause::Unkillable => false,
        },
        Became::Started
        | Became::Restarted
        | Became::Reloaded(_)
        | Became::Finished
        | Became::Stopped
        | Became::Deleted
        | Became::Added => false,
    }
}
