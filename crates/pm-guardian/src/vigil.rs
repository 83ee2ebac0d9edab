//! Whether the daemon still does its work. Nobody asks while nothing waits for it; once something has waited long, it is
//! asked, and if it doesn't answer it is to be replaced. Pure: no clock, no process.

/// How long something may wait for the daemon before it is asked, and then the answer, in milliseconds each.
const PATIENCE_MS: i64 = 30_000;

/// Names another patience, in milliseconds; 0: hanging daemons are left alone (for whoever debugs one).
pub(crate) const PATIENCE_VARIABLE: &str = "PM_GUARDIAN_PATIENCE";

/// The time for an answer is counted in so many parts. A part that took much longer than it should doesn't count: then
/// we weren't running either (a frozen container, a paused machine).
const PARTS: u32 = 6;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Wait,
    /// Nothing waits for the daemon any more: tell when something does again.
    Rest,
    /// Ask it whether it is there.
    Ask,
    /// It doesn't answer: replace it.
    Replace,
}

/// What the daemon has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing.
    None,
    /// Something waits for it.
    Waits,
    /// The same, but it could do nothing if it wanted: a debugger holds it, or the kernel does for a slow disk.
    Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Resting,
    /// Something waits; look again at this time.
    Waiting(i64),
    /// It was asked: so many parts are left, the next one ends then.
    Asked(u32, i64),
}

/// The watch over one daemon after the other. Times are milliseconds of a clock that stands still while the machine
/// sleeps.
#[derive(Debug)]
pub(crate) struct Vigil {
    patience: i64,
    stage: Stage,
}

impl Vigil {
    /// With the patience that the environment names, or the usual one.
    pub(crate) fn new(named: Option<&str>) -> Self {
        let patience = named.and_then(|text| text.parse().ok()).unwrap_or(PATIENCE_MS);
        Self { patience, stage: Stage::Resting }
    }

    /// Something has begun to wait for the daemon.
    pub(crate) fn begin(&mut self, now: i64) {
        if self.stage == Stage::Resting && self.patience > 0 {
            self.stage = Stage::Waiting(now + self.patience);
        }
    }

    /// The daemon has answered, or there is another one.
    pub(crate) fn answered(&mut self) {
        if let Stage::Asked(_, at) = self.stage {
            self.stage = Stage::Waiting(at + self.patience);
        }
    }

    /// There is no daemon.
    pub(crate) fn end(&mut self) {
        self.stage = Stage::Resting;
    }

    /// When to look.
    pub(crate) fn deadline(&self) -> Option<i64> {
        match self.stage {
            Stage::Resting => None,
            Stage::Waiting(at) | Stage::Asked(_, at) => Some(at),
        }
    }

    /// A look.
    pub(crate) fn look(&mut self, now: i64, work: Work) -> Step {
        let part = (self.patience / i64::from(PARTS)).max(1);
        match self.stage {
            Stage::Waiting(at) if at <= now && work != Work::None => {
                self.stage = Stage::Asked(PARTS, now + part);
                Step::Ask
            }
            Stage::Waiting(at) if at <= now => {
                self.stage = Stage::Resting;
                Step::Rest
            }
            Stage::Asked(left, at) if at <= now => {
                let counts = work != Work::Held && now - at <= part;
                let left = left - u32::from(counts);
                if left == 0 {
                    self.stage = Stage::Resting;
                    return Step::Replace;
                }
                self.stage = Stage::Asked(left, now + part);
                Step::Wait
            }
            Stage::Resting | Stage::Waiting(_) | Stage::Asked(..) => Step::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PATIENCE_MS, Step, Vigil, Work};

    /// Looks whenever it is due, up to this time; what was to be done when, `Wait` left out.
    fn until(vigil: &mut Vigil, end: i64, work: Work) -> Vec<(i64, Step)> {
        let mut steps = Vec::new();
        while let Some(at) = vigil.deadline().filter(|at| *at <= end) {
            let step = vigil.look(at, work);
            if step != Step::Wait {
                steps.push((at, step));
            }
        }
        steps
    }

    #[test]
    fn nothing_is_asked_without_cause() {
        let mut vigil = Vigil::new(None);
        assert_eq!(vigil.deadline(), None);
        vigil.begin(5);
        vigil.begin(90);
        let rest = until(&mut vigil, i64::MAX, Work::None);
        assert_eq!(rest, [(5 + PATIENCE_MS, Step::Rest)]);
        assert_eq!(vigil.deadline(), None);
    }

    #[test]
    fn who_answers_is_asked_again_as_long_as_something_waits() {
        let mut vigil = Vigil::new(Some("600"));
        vigil.begin(0);
        assert_eq!(until(&mut vigil, 600, Work::Waits), [(600, Step::Ask)]);
        vigil.answered();
        assert_eq!(until(&mut vigil, 1_300, Work::Waits), [(1_300, Step::Ask)]);
        vigil.answered();
        assert_eq!(until(&mut vigil, i64::MAX, Work::None), [(2_000, Step::Rest)]);
        vigil.answered();
        assert_eq!(vigil.deadline(), None, "a late answer begins nothing");
    }

    #[test]
    fn who_does_not_answer_is_replaced_once() {
        let mut vigil = Vigil::new(Some("600"));
        vigil.begin(0);
        let steps = until(&mut vigil, i64::MAX, Work::Waits);
        assert_eq!(steps, [(600, Step::Ask), (1_200, Step::Replace)]);
    }

    #[test]
    fn time_in_which_we_did_not_run_does_not_count() {
        let mut vigil = Vigil::new(Some("600"));
        vigil.begin(0);
        until(&mut vigil, 600, Work::Waits);
        assert_eq!(vigil.look(90_000, Work::Waits), Step::Wait);
        let steps = until(&mut vigil, i64::MAX, Work::Waits);
        assert_eq!(steps, [(90_600, Step::Replace)], "all six parts are still to come");
    }

    #[test]
    fn the_excused_are_left_alone() {
        let mut vigil = Vigil::new(Some("600"));
        vigil.begin(0);
        assert_eq!(until(&mut vigil, 60_000, Work::Held), [(600, Step::Ask)]);
        assert_eq!(until(&mut vigil, i64::MAX, Work::Waits), [(60_600, Step::Replace)]);
    }

    #[test]
    fn a_patience_of_nothing_is_endless() {
        let mut vigil = Vigil::new(Some("0"));
        vigil.begin(7);
        assert_eq!(vigil.deadline(), None);
    }
}
