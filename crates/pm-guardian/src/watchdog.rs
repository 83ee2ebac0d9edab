//! Whether the daemon still does its work. Nobody asks while nothing waits for it; once something has waited long, it is
//! pinged, and if it doesn't answer it is to be replaced. Pure: no clock, no process.

/// How long something may wait for the daemon before it is asked, and then the answer, in milliseconds each.
const TIMEOUT_MS: i64 = 30_000;

/// Names another timeout, in milliseconds; 0: hanging daemons are left alone (for whoever debugs one).
pub(crate) const TIMEOUT_VARIABLE: &str = "PM_GUARDIAN_PATIENCE";

/// The time for an answer is counted in so many parts. A part that took much longer than it should doesn't count: then
/// we weren't running either (a frozen container, a paused machine).
const PARTS: u32 = 6;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WatchdogAction {
    /// Nothing.
    Wait,
    /// Nothing waits for the daemon any more: tell when something does again.
    Disarmed,
    /// Ask it whether it is there.
    Ping,
    /// It doesn't answer: end it, so that another one takes its place.
    Kill,
}

/// What the daemon has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingWork {
    /// Nothing.
    None,
    /// Something waits for it.
    Waiting,
    /// The same, but it could do nothing if it wanted: a debugger holds it, or the kernel does for a slow disk.
    Blocked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WatchdogState {
    Idle,
    /// Something waits; look again at this time.
    Waiting(i64),
    /// It was asked: so many parts are left, the next one ends then.
    Pinged(u32, i64),
}

/// The watch over one daemon after the other. Times are milliseconds of a clock that stands still while the machine
/// sleeps.
#[derive(Debug)]
pub(crate) struct Watchdog {
    timeout: i64,
    state: WatchdogState,
}

impl Watchdog {
    /// With the timeout that the environment names, or the usual one.
    pub(crate) fn new(named: Option<&str>) -> Self {
        let timeout = named.and_then(|text| text.parse().ok()).unwrap_or(TIMEOUT_MS);
        Self { timeout, state: WatchdogState::Idle }
    }

    /// Something has begun to wait for the daemon.
    pub(crate) fn arm(&mut self, now: i64) {
        if self.state == WatchdogState::Idle && self.timeout > 0 {
            self.state = WatchdogState::Waiting(now + self.timeout);
        }
    }

    /// The daemon has answered, or there is another one.
    pub(crate) fn answered(&mut self) {
        if let WatchdogState::Pinged(_, at) = self.state {
            self.state = WatchdogState::Waiting(at + self.timeout);
        }
    }

    /// There is no daemon.
    pub(crate) fn disarm(&mut self) {
        self.state = WatchdogState::Idle;
    }

    /// When to check.
    pub(crate) fn deadline(&self) -> Option<i64> {
        match self.state {
            WatchdogState::Idle => None,
            WatchdogState::Waiting(at) | WatchdogState::Pinged(_, at) => Some(at),
        }
    }

    /// Looks what is to be done by now.
    pub(crate) fn check(&mut self, now: i64, work: PendingWork) -> WatchdogAction {
        let part = (self.timeout / i64::from(PARTS)).max(1);
        match self.state {
            WatchdogState::Waiting(at) if at <= now && work != PendingWork::None => {
                self.state = WatchdogState::Pinged(PARTS, now + part);
                WatchdogAction::Ping
            }
            WatchdogState::Waiting(at) if at <= now => {
                self.state = WatchdogState::Idle;
                WatchdogAction::Disarmed
            }
            WatchdogState::Pinged(left, at) if at <= now => {
                let counts = work != PendingWork::Blocked && now - at <= part;
                let left = left - u32::from(counts);
                if left == 0 {
                    self.state = WatchdogState::Idle;
                    return WatchdogAction::Kill;
                }
                self.state = WatchdogState::Pinged(left, now + part);
                WatchdogAction::Wait
            }
            WatchdogState::Idle | WatchdogState::Waiting(_) | WatchdogState::Pinged(..) => {
                WatchdogAction::Wait
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PendingWork, TIMEOUT_MS, Watchdog, WatchdogAction};

    /// Looks whenever it is due, up to this time; what was to be done when, `Wait` left out.
    fn until(watchdog: &mut Watchdog, end: i64, work: PendingWork) -> Vec<(i64, WatchdogAction)> {
        let mut steps = Vec::new();
        while let Some(at) = watchdog.deadline().filter(|at| *at <= end) {
            let step = watchdog.check(at, work);
            if step != WatchdogAction::Wait {
                steps.push((at, step));
            }
        }
        steps
    }

    #[test]
    fn nothing_is_asked_without_cause() {
        let mut watchdog = Watchdog::new(None);
        assert_eq!(watchdog.deadline(), None);
        watchdog.arm(5);
        watchdog.arm(90);
        let rest = until(&mut watchdog, i64::MAX, PendingWork::None);
        assert_eq!(rest, [(5 + TIMEOUT_MS, WatchdogAction::Disarmed)]);
        assert_eq!(watchdog.deadline(), None);
    }

    #[test]
    fn who_answers_is_asked_again_as_long_as_something_waits() {
        let mut watchdog = Watchdog::new(Some("600"));
        watchdog.arm(0);
        assert_eq!(until(&mut watchdog, 600, PendingWork::Waiting), [(600, WatchdogAction::Ping)]);
        watchdog.answered();
        assert_eq!(
            until(&mut watchdog, 1_300, PendingWork::Waiting),
            [(1_300, WatchdogAction::Ping)]
        );
        watchdog.answered();
        assert_eq!(
            until(&mut watchdog, i64::MAX, PendingWork::None),
            [(2_000, WatchdogAction::Disarmed)]
        );
        watchdog.answered();
        assert_eq!(watchdog.deadline(), None, "a late answer begins nothing");
    }

    #[test]
    fn who_does_not_answer_is_replaced_once() {
        let mut watchdog = Watchdog::new(Some("600"));
        watchdog.arm(0);
        let steps = until(&mut watchdog, i64::MAX, PendingWork::Waiting);
        assert_eq!(steps, [(600, WatchdogAction::Ping), (1_200, WatchdogAction::Kill)]);
    }

    #[test]
    fn time_in_which_we_did_not_run_does_not_count() {
        let mut watchdog = Watchdog::new(Some("600"));
        watchdog.arm(0);
        until(&mut watchdog, 600, PendingWork::Waiting);
        assert_eq!(watchdog.check(90_000, PendingWork::Waiting), WatchdogAction::Wait);
        let steps = until(&mut watchdog, i64::MAX, PendingWork::Waiting);
        assert_eq!(steps, [(90_600, WatchdogAction::Kill)], "all six parts are still to come");
    }

    #[test]
    fn the_excused_are_left_alone() {
        let mut watchdog = Watchdog::new(Some("600"));
        watchdog.arm(0);
        assert_eq!(
            until(&mut watchdog, 60_000, PendingWork::Blocked),
            [(600, WatchdogAction::Ping)]
        );
        assert_eq!(
            until(&mut watchdog, i64::MAX, PendingWork::Waiting),
            [(60_600, WatchdogAction::Kill)]
        );
    }

    #[test]
    fn a_timeout_of_nothing_is_endless() {
        let mut watchdog = Watchdog::new(Some("0"));
        watchdog.arm(7);
        assert_eq!(watchdog.deadline(), None);
    }
}
