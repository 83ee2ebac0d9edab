//! Laws of the core's state, true after every step.
//!
//! Laws about the order of things over time are `oracle`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::core::Core;
use crate::id::{InstanceId, RequestId, Time};
use crate::index::IndexEntry;
use crate::instance::{HISTORY, Instance};
use crate::phase::{Phase, Want};
use crate::request::Awaited;
use crate::settle::{Transition, settle};

/// Whom each request waits for.
type Open = BTreeMap<RequestId, BTreeSet<InstanceId>>;

/// A law that does not hold, in words for whoever debugs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokenLaw(pub String);

impl fmt::Display for BrokenLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken law: {}", self.0)
    }
}

impl std::error::Error for BrokenLaw {}

/// `Ok` if it holds.
pub(crate) fn law(holds: bool, text: impl FnOnce() -> String) -> Result<(), BrokenLaw> {
    if holds { Ok(()) } else { Err(BrokenLaw(text())) }
}

impl Core {
    /// Checks every law that can be seen in the state alone, as it is right after a step at `now`.
    pub(crate) fn check(&self, now: Time) -> Result<(), BrokenLaw> {
        let (open, is_answering) = self.requests.waiting();
        let done = self.dirty.is_empty() && !is_answering && self.triggers_changed.is_empty();
        law(done, || "work is left over".into())?;
        law(self.next_deadline().is_none_or(|due| due > now), || "what is due is done".into())?;
        for instance in self.instances.values() {
            self.check_instance(instance, now)?;
            check_waiters(instance, &open)?;
        }
        self.check_indexes()?;
        self.check_requests(&open)
    }

    fn check_instance(&self, instance: &Instance, now: Time) -> Result<(), BrokenLaw> {
        let broken = |what: &str| format!("instance {}: {what}: {instance:?}", instance.id.0);
        let step = instance.gated(settle(&instance.phase, instance.want, now));
        let waits = step == Transition::Forget && instance.second.is_some();
        law(step == Transition::Wait || waits, || broken("it is at rest"))?;
        if let Some(second) = &instance.second {
            let want = if second.must_stop { Want::Down } else { Want::Up };
            let step = settle(&second.phase, want, now);
            law(step == Transition::Wait, || broken("its second run is at rest"))?;
            law(second.phase.live().is_some(), || broken("its second run has a process"))?;
            law(second.must_stop || instance.want == Want::Up, || {
                broken("nobody falls back to what is not wanted")
            })?;
            law(second.must_stop || instance.phase.run().is_some(), || {
                broken("an old run stays only while a new one may be ready")
            })?;
        }
        let obstacles = self.obstacles(now, instance).0;
        let runs = instance.phase.run().is_some();
        law(runs || instance.gate.obstacles == obstacles, || {
            broken(&format!("it knows what it waits for: {obstacles:?}"))
        })?;
        let is_held = self.is_held(instance);
        let is_going = matches!(instance.phase, Phase::Up { .. }) && instance.want != Want::Up;
        law(!is_going || instance.gate.is_held == is_held, || {
            broken("it knows whether others go first")
        })?;
        law(!instance.unsaved && !instance.changed, || broken("it is written down and told"))?;
        law(instance.release.is_none(), || broken("a run that is over is let go"))?;
        law(instance.answers.is_empty(), || broken("answers are given"))?;
        law(instance.history.len() <= HISTORY, || broken("history is bounded"))?;
        let runs = || instance.history.iter().map(|end| end.run);
        let times = || instance.history.iter().map(|end| end.at);
        law(times().zip(times().skip(1)).all(|(a, b)| a <= b), || broken("history is in order"))?;
        let distinct: BTreeSet<_> = runs().collect();
        law(distinct.len() == instance.history.len(), || broken("a run ends once"))?;
        let unwanted = instance.want == Want::Down;
        law(!instance.resting || unwanted, || broken("who is wanted does not rest"))?;
        law(!self.leaving || !instance.want.is_up(), || broken("nothing is up while leaving"))?;
        if let Phase::Backoff { until, .. } = &instance.phase {
            let longest = now.0.saturating_add(instance.streaks.delay);
            law(until.0 <= longest, || broken("a pause has its length"))?;
        }
        if instance.phase == Phase::Down {
            let is_down = instance.want == Want::Down
                || !instance.obstacles().is_empty()
                || instance.outside.is_some()
                || (instance.want == Want::Gone && instance.second.is_some());
            law(is_down, || broken("it is down because it is wanted so"))?;
        }
        Ok(())
    }

    fn check_indexes(&self) -> Result<(), BrokenLaw> {
        let (entries, run_owners, set_deadlines, count_measured) = self.index.parts();
        let (mut deadlines, mut runs, mut all_measured) = (0, 0, 0);
        for instance in self.instances.values() {
            let broken = |what: &str| format!("instance {}: {what}", instance.id.0);
            let (run, deadline) = (instance.phase.run(), instance.deadline());
            let second = instance.second.as_ref().and_then(|second| second.phase.run());
            let measured =
                matches!(instance.phase, Phase::Up { .. }) && instance.spec.limits.memory.is_some();
            all_measured += usize::from(measured);
            let triggers = self.triggers(instance);
            let entry = IndexEntry { run, second, deadline, measured, triggers };
            law(entries.get(&instance.id) == Some(&entry), || broken("it is indexed as it is"))?;
            if let Some(due) = deadline {
                deadlines += 1;
                law(set_deadlines.contains(&(due, instance.id)), || broken("its deadline is set"))?;
            }
            for run in [run, second].into_iter().flatten() {
                runs += 1;
                law(run_owners.get(&run) == Some(&instance.id), || broken("its run is found"))?;
                law(run < self.counters.run, || broken("its run's number is taken"))?;
            }
            let app = self.apps.get(&instance.app);
            let slot = app.and_then(|app| app.slots.get(&instance.slot));
            law(slot == Some(&instance.id), || broken("it sits in its slot"))?;
            law(instance.id < self.counters.instance, || broken("its number is taken"))?;
        }
        law(deadlines == set_deadlines.len(), || "no deadline without an instance".into())?;
        law(runs == run_owners.len(), || "no run without an instance".into())?;
        let sitting: usize = self.apps.values().map(|app| app.slots.len()).sum();
        law(sitting == self.instances.len(), || "no slot without an instance".into())?;
        law(self.apps.values().all(|app| !app.slots.is_empty()), || "no empty app".into())?;
        let named: usize = self.names.values().map(BTreeSet::len).sum();
        law(named == self.apps.len(), || "every app is found by its name".into())?;
        for app in self.apps.values() {
            let triggers = app.slots.values().filter_map(|id| Some(entries.get(id)?.triggers));
            let (scheduled, watched) = triggers.fold((0, 0), |(scheduled, watched), triggers| {
                (scheduled + usize::from(triggers.schedule), watched + usize::from(triggers.watch))
            });
            law((scheduled, watched) == (app.scheduled, app.watched), || {
                format!("the needs of app {} are counted", app.id.0)
            })?;
        }
        law(all_measured == count_measured && self.measuring == (all_measured > 0), || {
            "memory is weighed exactly while somebody has a limit".into()
        })
    }

    fn check_requests(&self, open: &Open) -> Result<(), BrokenLaw> {
        for (request, ids) in open {
            let broken = |what: &str| format!("request {}: {what}: {ids:?}", request.0);
            law(!ids.is_empty(), || broken("what has come true is answered"))?;
            for id in ids {
                let waiters = self.instances.get(id).map(|instance| &instance.waiters);
                let count = waiters.map(|w| w.iter().filter(|w| w.request == *request).count());
                law(count == Some(1), || broken("each open instance is waited for once"))?;
            }
        }
        Ok(())
    }
}

fn check_waiters(instance: &Instance, open: &Open) -> Result<(), BrokenLaw> {
    let broken = |what: &str| format!("instance {}: {what}: {instance:?}", instance.id.0);
    for waiter in &instance.waiters {
        let open = open.get(&waiter.request);
        law(open.is_some_and(|o| o.contains(&instance.id)), || broken("waiters have a request"))?;
        let sense = match waiter.awaited {
            Awaited::Up { .. } | Awaited::End { .. } => instance.want.is_up(),
            Awaited::Down => {
                !instance.want.is_up()
                    && (instance.phase.run().is_some() || instance.second.is_some())
            }
            Awaited::Gone => instance.want == Want::Gone,
            Awaited::Turn => true,
            Awaited::Room => instance.second.is_some(),
            Awaited::Workers => instance.reload.is_some() && instance.want.is_up(),
        };
        law(sense, || broken("what is waited for can come"))?;
    }
    Ok(())
}
