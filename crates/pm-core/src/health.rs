//! What a run shows when it is asked: that it is ready, and that it goes on being well.
//!
//! Who asks, and how, is the daemon's business; here it is counted.

use alloc::string::String;

use pm_spec::{Health, OnUnhealthy, Span};

use crate::end::Cause;
use crate::id::{Time, after};
use crate::instance::Instance;
use crate::phase::{LiveRun, Phase, SETTLED, Want};

impl Instance {
    /// Whether it is up but has not shown yet that it is, and has to.
    pub(crate) fn is_unshown(&self) -> bool {
        matches!(self.phase, Phase::Up { ready: false, .. }) && self.spec.shows_ready()
    }

    /// From when on its run counts as ready: once it has shown it, or, where it need not, has lived long enough.
    /// `None`: it is not up, or has still to show it.
    pub(crate) fn ready_from(&self) -> Option<Time> {
        match &self.phase {
            Phase::Up { live, ready: true } => Some(live.since),
            Phase::Up { live, ready: false } if !self.spec.shows_ready() => {
                Some(after(live.since, self.settles_after()))
            }
            Phase::Up { .. }
            | Phase::Down
            | Phase::Starting { .. }
            | Phase::Stopping(_)
            | Phase::Killing { .. }
            | Phase::Lost(_)
            | Phase::Backoff { .. }
            | Phase::Failed { .. } => None,
        }
    }

    /// So long it has to live to count as up. Where that decides whether it is tried again, it is all of `min_uptime`.
    fn settles_after(&self) -> Span {
        let restart = &self.spec.restart;
        if restart.start_retries.is_some() {
            restart.min_uptime
        } else {
            restart.min_uptime.min(SETTLED)
        }
    }

    /// What its checks say while it is up; `None`: it has none.
    pub(crate) fn health(&self) -> Option<Health> {
        let checks = &self.spec.checks;
        let is_asked = checks.health.is_some() || checks.watchdog.is_some();
        let is_up = matches!(self.phase, Phase::Up { .. }) && is_asked;
        let known = self.shown.health.unwrap_or(Health::Starting);
        is_up.then_some(if self.shown.is_silent { Health::Unhealthy } else { known })
    }

    /// That it had its time to show that it is ready.
    pub(crate) fn not_ready(&self, within: Span) -> Cause {
        Cause::NotReady { within, saw: self.shown.saw.clone() }
    }

    /// It was asked and is not ready yet.
    pub(crate) fn not_shown(&mut self, saw: String) {
        if self.is_unshown() && self.shown.saw.as_ref() != Some(&saw) {
            self.shown.saw = Some(saw);
            self.changed = true;
        }
    }

    /// Its health check was answered. What is not ready yet is not judged, nor what is being replaced.
    pub(crate) fn checked(&mut self, now: Time, answer: Result<(), String>) {
        let Phase::Up { live, .. } = &self.phase else { return };
        if self.want != Want::Up
            || self.is_unshown()
            || !self.is_judged()
            || self.spec.checks.health.is_none()
        {
            return;
        }
        let is_excused = self.is_excused(live, now);
        let Err(saw) = answer else {
            self.shown.failures = 0;
            self.changed |= self.shown.saw.take().is_some();
            return self.set_health(Health::Healthy);
        };
        self.changed |= self.shown.saw.as_ref() != Some(&saw);
        self.shown.saw = Some(saw.clone());
        if is_excused {
            return;
        }
        self.shown.failures = self.shown.failures.saturating_add(1);
        let enough = self.spec.checks.health.as_ref().map_or(1, |check| check.retries.max(1));
        if self.shown.failures >= enough {
            self.set_health(Health::Unhealthy);
            self.replace_unhealthy(saw);
        }
    }

    /// Whether bad answers do not count yet: until the first good one it has its time to begin.
    fn is_excused(&self, live: &LiveRun, now: Time) -> bool {
        let check = self.spec.checks.health.as_ref();
        let until = check.map(|check| after(live.since, check.start_period));
        self.shown.health.is_none() && until.is_some_and(|until| now < until)
    }

    pub(crate) fn set_health(&mut self, health: Health) {
        if self.shown.health != Some(health) {
            self.shown.health = Some(health);
            self.mark_changed();
        }
    }

    /// A new run takes its place, as the restart policy has it; without one it is no cure to end this one.
    pub(crate) fn replace_unhealthy(&mut self, saw: String) {
        if self.want == Want::Up && self.takes_back(&Cause::Unhealthy { saw: saw.clone() }) {
            return;
        }
        let restarts = self.spec.checks.on_unhealthy == OnUnhealthy::Restart
            && self.spec.restart.autorestart
            && self.want == Want::Up;
        if restarts {
            self.want = Want::Renewed;
            self.stop_cause = Cause::Unhealthy { saw };
            self.mark_changed();
        }
    }
}
