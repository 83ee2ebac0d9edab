//! What a run says by itself over its notification socket, and the watchdog: who has to give signs of life (systemd:
//! `WatchdogSec=`) and has not in time is unhealthy.

use alloc::format;
use alloc::string::String;

use pm_spec::Health;

use crate::fact::Notified;
use crate::id::{Time, after};
use crate::instance::Instance;
use crate::phase::{Phase, Want};

/// Who looks later than so many ms after the time has slept itself, or the whole machine has: then it has its time anew.
const LATE: u64 = 1000;

impl Instance {
    /// It said something of itself.
    pub(crate) fn notified(&mut self, now: Time, what: Notified) {
        match what {
            Notified::Alive => {
                self.shown.alive_at = Some(now);
                self.changed |= ::core::mem::take(&mut self.shown.is_silent);
                if self.is_guarded() && self.spec.checks.health.is_none() {
                    self.changed |= self.shown.saw.take().is_some();
                    self.set_health(Health::Healthy);
                }
            }
            Notified::Unwell if self.is_guarded() => {
                self.found_unwell("it says so (WATCHDOG=trigger)".into());
            }
            Notified::Unwell => {}
            Notified::NeedsTime(span) => self.extend(after(now, span)),
            Notified::Leaves => self.shown.leaves = true,
        }
    }

    /// More time for what it is at: to become ready, or to end.
    fn extend(&mut self, until: Time) {
        if self.is_unshown() {
            self.shown.ready_by = self.shown.ready_by.max(Some(until));
        } else if let Phase::Stopping(stopping) = &mut self.phase {
            stopping.force_at = stopping.force_at.max(until);
            self.mark_changed();
        }
    }

    /// Whether it has to give signs of life now. Of two runs in a reload neither is judged.
    fn is_guarded(&self) -> bool {
        self.spec.checks.watchdog.is_some()
            && self.want == Want::Up
            && self.is_judged()
            && !self.shown.leaves
            && matches!(self.phase, Phase::Up { .. })
            && !self.is_unshown()
    }

    /// When it is late with its next sign of life, or is to begin with them.
    pub(crate) fn watchdog_at(&self) -> Option<Time> {
        let interval = self.spec.checks.watchdog.filter(|_| self.is_guarded())?;
        let since = self.shown.alive_at.filter(|_| !self.shown.is_silent)?;
        Some(after(since, interval))
    }

    /// Who is ready has to give signs of life from now on, and who is late with one is unhealthy.
    pub(crate) fn guard(&mut self, now: Time) {
        let interval = self.spec.checks.watchdog.filter(|_| self.is_guarded());
        let Some(interval) = interval else {
            self.shown.alive_at = None;
            return;
        };
        let since = *self.shown.alive_at.get_or_insert(now);
        if self.shown.is_silent {
            return;
        }
        let due = after(since, interval);
        if now < due {
            return;
        }
        if now.0.saturating_sub(due.0) > LATE {
            self.shown.alive_at = Some(now);
            return;
        }
        self.shown.is_silent = true;
        self.found_unwell(format!("no sign of life within {interval} (WATCHDOG=1)"));
    }

    fn found_unwell(&mut self, saw: String) {
        self.shown.saw = Some(saw.clone());
        self.mark_changed();
        self.set_health(Health::Unhealthy);
        self.replace_unhealthy(saw);
    }
}
