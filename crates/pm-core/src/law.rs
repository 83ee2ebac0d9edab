//! Laws of the core's state, true after every step.
//!
//! For tests and debug builds; laws about the order of things over time are `witness`'s.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::core::{Core, Filed};
use crate::id::Time;
use crate::instance::{HISTORY, Seat};
use crate::phase::{Phase, Want};
use crate::request::Aim;
use crate::settle::{Step, settle};

/// A law that does not hold, in words for whoever debugs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken law: {}", self.0)
    }
}

impl ::core::error::Error for Broken {}

/// `Ok` if it holds.
pub(crate) fn law(holds: bool, text: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(text())) }
}

impl Core {
    /// Checks every law that can be seen in the state alone, as it is right after a step at `now`.
    pub fn check(&self, now: Time) -> Result<(), Broken> {
        let done = self.dirty.is_empty() && self.finished.is_empty() && self.attended.is_empty();
        law(done, || "work is left over".into())?;
        law(self.next_deadline().is_none_or(|due| due > now), || "what is due is done".into())?;
        for seat in self.seats.values() {
            self.check_seat(seat, now)?;
        }
        self.check_indexes()?;
        self.check_goals()
    }

    fn check_seat(&self, seat: &Seat, now: Time) -> Result<(), Broken> {
        let broken = |what: &str| format!("instance {}: {what}: {seat:?}", seat.id.0);
        let step = settle(&seat.phase, seat.want, now);
        let waits = step == Step::Forget && seat.beside.is_some();
        law(step == Step::Rest || waits, || broken("it is at rest"))?;
        if let Some(beside) = &seat.beside {
            let want = if beside.leaves { Want::Down } else { Want::Up };
            let step = settle(&beside.phase, want, now);
            law(step == Step::Rest, || broken("its second run is at rest"))?;
            law(beside.phase.life().is_some(), || broken("its second run has a process"))?;
            law(beside.leaves || seat.want == Want::Up, || {
                broken("nobody falls back to what is not wanted")
            })?;
            law(beside.leaves || seat.phase.run().is_some(), || {
                broken("an old run stays only while a new one may be ready")
            })?;
        }
        law(!seat.unsaved && !seat.changed, || broken("it is written down and told"))?;
        law(seat.release.is_none(), || broken("a run that is over is let go"))?;
        law(seat.answers.is_empty(), || broken("answers are given"))?;
        law(seat.history.len() <= HISTORY, || broken("history is bounded"))?;
        let runs = || seat.history.iter().map(|end| end.run);
        let times = || seat.history.iter().map(|end| end.at);
        law(times().zip(times().skip(1)).all(|(a, b)| a <= b), || broken("history is in order"))?;
        let distinct: BTreeSet<_> = runs().collect();
        law(distinct.len() == seat.history.len(), || broken("a run ends once"))?;
        let unwanted = seat.want == Want::Down;
        law(!seat.resting || unwanted, || broken("who is wanted does not rest"))?;
        law(!self.leaving || !seat.want.is_up(), || broken("nothing is up while leaving"))?;
        if let Phase::Backoff { until, .. } = &seat.phase {
            let longest = now.0.saturating_add(seat.streaks.delay);
            law(until.0 <= longest, || broken("a pause has its length"))?;
        }
        if seat.phase == Phase::Down {
            let is_down =
                seat.want == Want::Down || (seat.want == Want::Gone && seat.beside.is_some());
            law(is_down, || broken("it is down because it is wanted so"))?;
        }
        for waiter in &seat.waiters {
            let open = self.goals.get(&waiter.request).map(|goal| &goal.open);
            law(open.is_some_and(|o| o.contains(&seat.id)), || broken("waiters have a request"))?;
            let sense = match waiter.aim {
                Aim::Up { .. } => seat.want.is_up(),
                Aim::Down => {
                    !seat.want.is_up() && (seat.phase.run().is_some() || seat.beside.is_some())
                }
                Aim::Gone => seat.want == Want::Gone,
                Aim::Turn => true,
            };
            law(sense, || broken("what is waited for can come"))?;
        }
        Ok(())
    }

    fn check_indexes(&self) -> Result<(), Broken> {
        let mut deadlines = 0;
        let mut runs = 0;
        for seat in self.seats.values() {
            let broken = |what: &str| format!("instance {}: {what}", seat.id.0);
            let (run, deadline) = (seat.phase.run(), seat.deadline());
            let beside = seat.beside.as_ref().and_then(|beside| beside.phase.run());
            let (weighed, needs) = (seat.is_weighed(), self.needs(seat));
            let filed = Filed { run, beside, deadline, weighed, needs };
            law(self.filed.get(&seat.id) == Some(&filed), || broken("it is filed as it is"))?;
            if let Some(due) = deadline {
                deadlines += 1;
                law(self.deadlines.contains(&(due, seat.id)), || broken("its deadline is set"))?;
            }
            for run in [run, beside].into_iter().flatten() {
                runs += 1;
                law(self.runs.get(&run) == Some(&seat.id), || broken("its run is found"))?;
                law(run < self.counters.run, || broken("its run's number is taken"))?;
            }
            let app = self.apps.get(&seat.app);
            let slot = app.and_then(|app| app.seats.get(&seat.slot));
            law(slot == Some(&seat.id), || broken("it sits in its slot"))?;
            law(seat.id < self.counters.instance, || broken("its number is taken"))?;
        }
        law(deadlines == self.deadlines.len(), || "no deadline without an instance".into())?;
        law(runs == self.runs.len(), || "no run without an instance".into())?;
        let sitting: usize = self.apps.values().map(|app| app.seats.len()).sum();
        law(sitting == self.seats.len(), || "no slot without an instance".into())?;
        law(self.apps.values().all(|app| !app.seats.is_empty()), || "no empty app".into())?;
        let named: usize = self.names.values().map(BTreeSet::len).sum();
        law(named == self.apps.len(), || "every app is found by its name".into())?;
        for app in self.apps.values() {
            let needs = app.seats.values().filter_map(|id| Some(self.filed.get(id)?.needs));
            let (clocked, watched) = needs.fold((0, 0), |(clocked, watched), needs| {
                (clocked + usize::from(needs.clock), watched + usize::from(needs.eyes))
            });
            law((clocked, watched) == (app.clocked, app.watched), || {
                format!("the needs of app {} are counted", app.id.0)
            })?;
        }
        let weighed = self.seats.values().filter(|seat| seat.is_weighed()).count();
        law(weighed == self.weighed && self.weighing == (weighed > 0), || {
            "memory is weighed exactly while somebody has a limit".into()
        })
    }

    fn check_goals(&self) -> Result<(), Broken> {
        for (request, goal) in &self.goals {
            let broken = |what: &str| format!("request {}: {what}: {goal:?}", request.0);
            law(!goal.open.is_empty(), || broken("what has come true is answered"))?;
            for id in &goal.open {
                let waiters = self.seats.get(id).map(|seat| &seat.waiters);
                let count = waiters.map(|w| w.iter().filter(|w| w.request == *request).count());
                law(count == Some(1), || broken("each open instance is waited for once"))?;
            }
        }
        Ok(())
    }
}
