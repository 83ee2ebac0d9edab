//! Actions that people asked for (`pm trigger`), until each receiver has answered or time is over.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::exchange::{Answers, Trigger};
use crate::primary::{Millis, Worker};

/// One question on its way.
struct Round {
    action: String,
    open: BTreeSet<Worker>,
    answers: Answers,
    until: Millis,
    reply: Box<dyn FnOnce(Option<Answers>) + Send>,
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
    /// These were asked.
    pub(crate) fn begin(&mut self, now: Millis, trigger: Trigger, open: BTreeSet<Worker>) {
        let Trigger { action, patience, reply, .. } = trigger;
        if open.is_empty() {
            return reply(None);
        }
        let answers = open.iter().map(|worker| (*worker, None)).collect();
        self.0.push(Round { action, open, answers, until: now.saturating_add(patience), reply });
    }

    /// A process answered: the oldest question of that name it has not answered yet.
    pub(crate) fn replied(&mut self, worker: Worker, action: &str, value: Value) {
        let mut waiting = self.0.iter_mut();
        let round = waiting.find(|round| round.action == action && round.open.contains(&worker));
        if let Some(round) = round {
            round.open.remove(&worker);
            round.answers.insert(worker, Some(value));
            self.finish(0);
        }
    }

    /// A process won't answer any more.
    pub(crate) fn lost(&mut self, worker: Worker) {
        for round in &mut self.0 {
            round.open.remove(&worker);
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
            (round.reply)(Some(round.answers));
        }
    }
}
