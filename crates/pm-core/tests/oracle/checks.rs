//! Health, counted from facts alone: who is unhealthy when, and that nobody is replaced for less.
//!
//! Part of the oracle; the core itself keeps this with what a run has shown.

use std::collections::BTreeMap;

use pm_spec::{AppSpec, Health, OnUnhealthy, Span, Status};

use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::end::Cause;
use crate::fact::{Fact, Notified};
use crate::id::{InstanceId, RunId, Time};
use crate::phase::Want;
use crate::saved::{InstanceRecord, SavedPhase};

/// What has been answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct CheckLaws {
    /// Bad answers in a row, since this daemon lives.
    bad: BTreeMap<RunId, u32>,
    /// The run that has just answered, whether well, and whether it is known by now how it is.
    answered: Option<(RunId, bool, bool)>,
    /// When each gave its last sign of life.
    alive: BTreeMap<RunId, Time>,
    /// What has just been said of itself.
    notified: Option<(RunId, Notified)>,
}

impl CheckLaws {
    /// A fact is about to be told.
    pub(crate) fn fact(&mut self, core: &Core, fact: &Fact) {
        (self.answered, self.notified) = (None, None);
        if let Fact::Notified(run, what) = fact {
            self.notified = Some((*run, *what));
        }
        let Fact::Checked(run, answer) = fact else { return };
        let Some(instance) = core.instance_of_run(*run) else { return };
        let is_main = instance.run.is_some_and(|(main, _)| main == *run);
        // Who is held by those that go before it is replaced for what it answered before.
        let stays = core.instances.get(&instance.id).is_some_and(|it| it.want == Want::Up);
        if is_main && stays && instance.second.is_some() && is_judged(core, instance.id) {
            // Bad answers count on when the old run has left.
            let bad = self.bad.entry(*run).or_default();
            *bad = if answer.is_ok() { 0 } else { bad.saturating_add(1) };
        }
        if !is_main || !stays || instance.second.is_some() || instance.status != Status::Online {
            return;
        }
        let Some(health) = instance.health else { return };
        let bad = self.bad.entry(*run).or_default();
        *bad = if answer.is_ok() { 0 } else { bad.saturating_add(1) };
        self.answered = Some((*run, answer.is_ok(), health != Health::Starting));
    }

    /// An instance is written down: is somebody replaced for bad answers, there have been enough.
    pub(crate) fn record(
        &self,
        old: Option<&InstanceRecord>,
        (now, new): (Time, &InstanceRecord),
        app: Option<&AppSpec>,
    ) -> Result<(), BrokenLaw> {
        let SavedPhase::Stopping {
            run, since, cause: Cause::Unhealthy { saw }, ended: false, ..
        } = &new.phase
        else {
            return Ok(());
        };
        let run = *run;
        let before = old.map(|old| &old.phase);
        if matches!(before, Some(SavedPhase::Stopping { run: known, .. }) if *known == run) {
            return Ok(());
        }
        let broken = |what: &str| format!("run {} is replaced as unhealthy: {what}", run.0);
        let checks = app.map(|app| &app.checks);
        let asked = checks.is_some_and(|checks| checks.on_unhealthy == OnUnhealthy::Restart);
        law(asked, || broken("where that is what follows"))?;
        law(app.is_some_and(|app| app.restart.autorestart), || broken("by its policy"))?;
        if saw != "it is not well" {
            let heard = *self.alive.get(&run).unwrap_or(since);
            let silent = Span::from_millis(now.0.saturating_sub(heard.0));
            let limit = checks.and_then(|checks| checks.watchdog);
            let says_so = self.notified == Some((run, Notified::Unwell));
            // What is held by those that go before it was found so earlier, whatever it has said since.
            let was_found = old.is_some_and(|old| {
                old.want == Want::Renewed && old.health == Some(Health::Unhealthy)
            });
            let is_late = limit.is_some_and(|limit| silent >= limit);
            return law(limit.is_some() && (says_so || was_found || is_late), || {
                broken("after it was silent for long enough")
            });
        }
        let retries = checks.and_then(|checks| Some(checks.health.as_ref()?.retries.max(1)));
        let bad = self.bad.get(&run).copied().unwrap_or(0);
        law(retries.is_some_and(|retries| bad >= retries), || broken("after enough bad answers"))
    }

    /// The step is done.
    pub(crate) fn rest(&mut self, now: Time, core: &Core) -> Result<(), BrokenLaw> {
        if let Some((run, Notified::Alive)) = self.notified {
            self.alive.insert(run, now);
        }
        // What was counted before a reload is forgotten, also where it fails: the old run is the second one then.
        let stays = |run: &RunId| {
            let main = core.instance_of_run(*run).and_then(|instance| instance.run);
            main.is_some_and(|(main, _)| main == *run)
        };
        self.bad.retain(|run, _| stays(run));
        let Some((run, is_good, was_known)) = self.answered.take() else { return Ok(()) };
        let Some(instance) = core.instance_of_run(run) else { return Ok(()) };
        let Some(check) = instance.app.checks.health.as_deref() else { return Ok(()) };
        if instance.app.checks.watchdog.is_some() {
            // It may have been silent for too long in the same step.
            return Ok(());
        }
        let broken = |what: &str| format!("health of run {}: {what}: {instance:?}", run.0);
        if is_good {
            // In the same step its time may have been over, which is no judgement of its health.
            let goes = instance.status == Status::Stopping;
            return law(goes || instance.health == Some(Health::Healthy), || {
                broken("one good answer is enough")
            });
        }
        let lived = instance.since.map_or(0, |since| now.0.saturating_sub(since.0));
        // Answers in the time it has to begin may not count.
        let counts = was_known || check.start_period.as_millis() == 0;
        let is_excused = !was_known && lived < check.start_period.as_millis();
        let bad = self.bad.get(&run).copied().unwrap_or(0);
        let is_unhealthy = instance.health == Some(Health::Unhealthy);
        law(!is_excused || !is_unhealthy, || broken("it has its time to begin"))?;
        law(bad >= check.retries.max(1) || !is_unhealthy || was_known, || {
            broken("too few answers were bad")
        })?;
        if counts && bad >= check.retries.max(1) {
            let stays = instance.app.checks.on_unhealthy == OnUnhealthy::Nothing
                || !instance.app.restart.autorestart
                || !instance.wanted;
            let own = core.instances.get(&instance.id);
            // Those that depend on it may have to go first.
            let goes = instance.status == Status::Stopping
                || own.is_some_and(|own| own.want != Want::Up && own.is_held_up());
            law(if stays { is_unhealthy || goes } else { goes }, || {
                broken("too many bad answers have their consequence")
            })?;
        }
        Ok(())
    }

    /// The daemon died: what was counted is forgotten.
    pub(crate) fn died(&mut self) {
        self.bad.clear();
        self.alive.clear();
        self.answered = None;
    }
}

/// Whether the run of an instance is judged although there is another beside it.
fn is_judged(core: &Core, id: InstanceId) -> bool {
    core.instances.get(&id).is_some_and(|instance| instance.is_judged())
}
