//! Actions that people asked for (`pm trigger`), until each receiver has answered or time is over.

use std::collections::BTreeSet;

use crate::exchange::{Answer, Answers, NotOffered, Trigger};
use crate::hall::Hall;
use crate::primary::{Millis, Worker};
use crate::pulse;

/// One question on its way.
struct Round {
    action: String,
    open: BTreeSet<Worker>,
    answers: Answers,
    until: Millis,
    reply: Box<dyn FnOnce(Result<Answers, NotOffered>) + Send>,
}

/// All questions on their way.
#[derive(Default)]
pub(crate) struct Rounds(Vec<Round>);

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|round| &round.action)).finish()
    }
}

impl Rounds {
    /// These were asked, at least one.
    fn begin(&mut self, now: Millis, trigger: Trigger, open: BTreeSet<Worker>) {
        let Trigger { action, patience, reply, .. } = trigger;
        let answers = open.iter().map(|worker| (*worker, Answer::Late)).collect();
        self.0.push(Round { action, open, answers, until: now.saturating_add(patience), reply });
    }

    /// A process answered: the oldest question of that name it has not answered yet.
    pub(crate) fn replied(&mut self, worker: Worker, action: &str, returned: Option<String>) {
        let mut waiting = self.0.iter_mut();
        let round = waiting.find(|round| round.action == action && round.open.contains(&worker));
        if let Some(round) = round {
            round.open.remove(&worker);
            round.answers.insert(worker, Answer::Returned(returned));
            self.finish(0);
        }
    }

    /// A process won't answer any more.
    pub(crate) fn lost(&mut self, worker: Worker) {
        for round in &mut self.0 {
            if round.open.remove(&worker) {
                round.answers.insert(worker, Answer::Gone);
            }
        }
        self.finish(0);
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.0.iter().map(|round| round.until).min()
    }

    pub(crate) fn tick(&mut self, now: Millis) {
        self.finish(now);
    }

    fn finish(&mut self, now: Millis) {
        let (done, open) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|round| round.open.is_empty() || round.until <= now);
        self.0 = open;
        for round in done {
            (round.reply)(Ok(round.answers));
        }
    }
}

impl Hall {
    /// Asks everybody who offers the action.
    pub(crate) fn trigger(&mut self, now: Millis, trigger: Trigger) {
        let (mut open, mut known) = (BTreeSet::new(), BTreeSet::new());
        for (worker, called) in &trigger.workers {
            let Some(guest) = self.guests.get(worker) else { continue };
            if !guest.pulse.offers(&trigger.action) {
                known.extend(guest.pulse.names());
                continue;
            }
            let line = pulse::request(&trigger.action, trigger.param.as_deref(), called);
            if self.write(*worker, &line, None) {
                open.insert(*worker);
            }
        }
        if open.is_empty() {
            return (trigger.reply)(Err(NotOffered { known }));
        }
        self.rounds.begin(now, trigger, open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn ask(rounds: &mut Rounds, action: &str, workers: &[Worker]) -> Receiver<Answers> {
        let (tell, told) = channel();
        let reply =
            move |answers: Result<Answers, NotOffered>| tell.send(answers.unwrap()).unwrap();
        let trigger = Trigger {
            workers: Vec::new(),
            action: action.into(),
            param: None,
            patience: 100,
            reply: Box::new(reply),
        };
        rounds.begin(1000, trigger, workers.iter().copied().collect());
        told
    }

    #[test]
    fn a_round_ends_when_everybody_answered_went_or_was_too_slow() {
        let mut rounds = Rounds::default();
        assert_eq!(rounds.deadline(), None);
        let first = ask(&mut rounds, "a", &[1, 2, 3]);
        let second = ask(&mut rounds, "a", &[1]);
        let other = ask(&mut rounds, "b", &[1]);
        rounds.replied(1, "a", Some("1".into()));
        rounds.replied(2, "nobody asked", None);
        rounds.lost(2);
        rounds.tick(1099);
        assert!(first.try_recv().is_err(), "3 has time");
        assert_eq!(rounds.deadline(), Some(1100));
        rounds.replied(1, "a", None);
        let answers = second.try_recv().unwrap();
        assert_eq!(
            answers[&1],
            Answer::Returned(None),
            "the second answer is to the second question"
        );
        rounds.tick(1100);
        let answers: Vec<Answer> = first.try_recv().unwrap().into_values().collect();
        assert_eq!(answers, [Answer::Returned(Some("1".into())), Answer::Gone, Answer::Late]);
        assert_eq!(other.try_recv().unwrap()[&1], Answer::Late);
        assert_eq!(rounds.deadline(), None);
    }
}
