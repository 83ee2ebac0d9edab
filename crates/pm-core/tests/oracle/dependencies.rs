//! What dependencies mean, judged by what is written down: nobody begins before what it needs, and nobody is asked to go
//! before those that need it.
//!
//! Part of the oracle; the core itself has a graph.

use std::collections::BTreeSet;

use pm_spec::{AppName, AppSpec, Condition, Dependency, Health};

use super::state::{BrokenLaw, law};
use super::{Oracle, RunMark};
use crate::core::Core;
use crate::end::{Cause, Ending};
use crate::id::{AppId, InstanceId, RunId, Time};
use crate::instance::Instance;
use crate::phase::Want;
use crate::saved::{InstanceRecord, Record, SavedPhase};

impl Oracle {
    /// A run of this instance is to be made now.
    pub(super) fn may_begin(
        &self,
        now: Time,
        id: InstanceId,
        app: &AppSpec,
    ) -> Result<(), BrokenLaw> {
        let own = self.instances.get(&id);
        let is_free = own.is_none_or(|own| own.no_deps || own.second.is_some());
        if !is_free {
            self.outside.may_begin(now, id, app)?;
        }
        for need in app.depends_on.iter().filter(|need| need.required && !is_free) {
            let others: Vec<&InstanceRecord> = self.instances_of(&need.app).collect();
            let is_met = |one: &&InstanceRecord| self.is_met(now, one, need);
            let holds = match need.condition {
                Condition::Completed => !others.is_empty() && others.iter().all(is_met),
                Condition::Started | Condition::Ready | Condition::Healthy => {
                    others.iter().any(is_met)
                }
            };
            law(holds || self.is_circular(&app.name), || {
                format!("instance {} begins only after {need}: {others:?}", id.0)
            })?;
        }
        Ok(())
    }

    /// The main process of a run is asked to go, for the first time.
    pub(super) fn asked_to_go(&mut self, run: RunId) {
        let trace = self.runs.get(&run).filter(|trace| !trace.is(RunMark::Ended));
        let own = trace.and_then(|trace| self.instances.get(&trace.instance));
        if own.is_some_and(
            |own| matches!(own.phase, SavedPhase::Alive { run: main, .. } if main == run),
        ) {
            self.going.push(run);
        }
    }

    /// The step is done: whoever was asked to go had nobody left who needs it and goes as well.
    pub(super) fn went_last(&mut self, core: &Core) -> Result<(), BrokenLaw> {
        let takes_too_long = |one: &&Instance| matches!(one.stop_cause, Cause::TooLong { .. });
        let going = std::mem::take(&mut self.going);
        for run in going.iter().copied() {
            let own = core.instances.values().find(|one| one.phase.run() == Some(run));
            let Some(own) = own.map(|one| &**one).filter(|one| !takes_too_long(one)) else {
                continue;
            };
            let name = &own.spec.name;
            // Nobody told two that are found silent in the same moment, nor one of which that is found as the other goes.
            let is_silent = |one: &Instance| matches!(one.stop_cause, Cause::Unhealthy { .. });
            let goes_now = |one: &Instance| one.phase.run().is_some_and(|run| going.contains(&run));
            let needs = |other: &&Instance| {
                other.spec.depends_on.iter().any(|need| need.app == *name)
                    && !takes_too_long(other)
                    && !(is_silent(other) && (is_silent(own) || goes_now(other)))
            };
            let mut others = core.instances.values().map(|one| &**one).filter(needs);
            let earlier = others.find(|other| other.is_leaving());
            law(earlier.is_none() || self.is_circular(name), || {
                format!("run {} goes only after those that need it: {earlier:?}", run.0)
            })?;
        }
        Ok(())
    }

    fn instances_of(&self, name: &AppName) -> impl Iterator<Item = &InstanceRecord> {
        let is_its = |app: &AppId| self.apps.get(app).is_some_and(|app| app.name == *name);
        self.instances.values().filter(move |one| is_its(&one.app))
    }

    fn is_met(&self, now: Time, one: &InstanceRecord, need: &Dependency) -> bool {
        let last = self.journal.iter().rev().find_map(|record| {
            let Record::End(of, end) = record else { return None };
            (*of == one.id).then_some(&end.cause)
        });
        let ended_well = last == Some(&Cause::Ended(Ending::Exited(0)));
        let Some(app) = self.apps.get(&one.app) else { return false };
        let stop_code = |cause: &Cause| matches!(cause, Cause::Ended(Ending::Exited(code) | Ending::OutOfMemory { code: Some(code), .. }) if app.restart.stop_exit_codes.contains(code));
        let is_down = one.phase == SavedPhase::Down && one.want == Want::Down;
        let is_done = is_down && (ended_well || last.is_some_and(stop_code));
        // In a reload there is one that serves.
        let serves = one.second.is_some();
        let SavedPhase::Alive { run, since, .. } = one.phase else {
            let is_over = is_down && ended_well;
            return if need.condition == Condition::Completed {
                is_over
            } else {
                is_done || serves
            };
        };
        let lived = now.0.saturating_sub(since.0) >= super::streaks::settles(&app.restart);
        let said = self.runs.get(&run).is_some_and(|trace| trace.is(RunMark::Ready));
        match need.condition {
            Condition::Started => one.want == Want::Up,
            Condition::Ready => serves || said || (lived && !app.shows_ready()),
            Condition::Healthy => one.health == Some(Health::Healthy),
            Condition::Completed => false,
        }
    }

    fn is_circular(&self, name: &AppName) -> bool {
        let needs = |name: &AppName| {
            let apps = self.apps.values().filter(|app| app.name == *name).collect::<Vec<_>>();
            apps.into_iter().flat_map(|app| &app.depends_on).map(|need| &need.app)
        };
        let (mut seen, mut open) = (BTreeSet::new(), needs(name).collect::<Vec<_>>());
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(needs(next));
            }
        }
        seen.contains(name)
    }
}

/// Everything these apps depend on: a person who starts them starts that as well.
pub(super) fn needed(core: &Core, apps: impl IntoIterator<Item = AppSpec>) -> BTreeSet<AppName> {
    let mut open: Vec<AppSpec> = apps.into_iter().collect();
    let mut names = BTreeSet::new();
    let mut followed = BTreeSet::new();
    while let Some(app) = open.pop() {
        // Those that are restarted with it may need something as well.
        if followed.insert(app.name.clone()) {
            let follows = |other: &AppSpec| {
                other.depends_on.iter().any(|need| need.restart && need.app == app.name)
            };
            let others = core.apps.values().filter(|other| follows(&other.spec));
            open.extend(others.map(|other| AppSpec::clone(&other.spec)));
        }
        for need in &app.depends_on {
            if names.insert(need.app.clone()) {
                let known = core.apps.values().filter(|app| app.spec.name == need.app);
                open.extend(known.map(|app| AppSpec::clone(&app.spec)));
            }
        }
    }
    names
}
