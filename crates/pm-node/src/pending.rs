//! Actions that people asked for (`pm trigger`), until each receiver has answered or time is over.

use std::collections::BTreeSet;

use crate::ids::{Millis, Worker};
use crate::interface::{ActionRequest, ActionResult, ActionResults, NotOffered};

/// One question on its way.
struct PendingAction {
    action: String,
    open: BTreeSet<Worker>,
    answers: ActionResults,
    until: Millis,
    reply: Box<dyn FnOnce(Result<ActionResults, NotOffered>) + Send>,
}

/// All questions on their way.
#[derive(Default)]
pub(crate) struct PendingActions(Vec<PendingAction>);

impl PendingActions {
    /// These were asked, at least one.
    pub(crate) fn begin(&mut self, now: Millis, trigger: ActionRequest, open: BTreeSet<Worker>) {
        let ActionRequest { action, patience, reply, .. } = trigger;
        let answers = open.iter().map(|worker| (*worker, ActionResult::Late)).collect();
        self.0.push(PendingAction {
            action,
            open,
            answers,
            until: now.saturating_add(patience),
            reply,
        });
    }

    /// A process answered: the oldest question of that name it has not answered yet.
    pub(crate) fn replied(&mut self, worker: Worker, action: &str, returned: Option<String>) {
        let mut waiting = self.0.iter_mut();
        let question =
            waiting.find(|question| question.action == action && question.open.contains(&worker));
        if let Some(question) = question {
            question.open.remove(&worker);
            question.answers.insert(worker, ActionResult::Returned(returned));
            self.finish(0);
        }
    }

    /// A process won't answer any more.
    pub(crate) fn lost(&mut self, worker: Worker) {
        for question in &mut self.0 {
            if question.open.remove(&worker) {
                question.answers.insert(worker, ActionResult::Gone);
            }
        }
        self.finish(0);
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.0.iter().map(|question| question.until).min()
    }

    pub(crate) fn tick(&mut self, now: Millis) {
        self.finish(now);
    }

    fn finish(&mut self, now: Millis) {
        let (done, open) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|question| question.open.is_empty() || question.until <= now);
        self.0 = open;
        for question in done {
            (question.reply)(Ok(question.answers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    fn ask(
        pending: &mut PendingActions,
        action: &str,
        workers: &[Worker],
    ) -> Receiver<ActionResults> {
        let (tell, told) = channel();
        let reply =
            move |answers: Result<ActionResults, NotOffered>| tell.send(answers.unwrap()).unwrap();
        let trigger = ActionRequest {
            workers: Vec::new(),
            action: action.into(),
            param: None,
            patience: 100,
            reply: Box::new(reply),
        };
        pending.begin(1000, trigger, workers.iter().copied().collect());
        told
    }

    #[test]
    fn a_round_ends_when_everybody_answered_went_or_was_too_slow() {
        let mut pending = PendingActions::default();
        assert_eq!(pending.deadline(), None);
        let first = ask(&mut pending, "a", &[1, 2, 3]);
        let second = ask(&mut pending, "a", &[1]);
        let other = ask(&mut pending, "b", &[1]);
        pending.replied(1, "a", Some("1".into()));
        pending.replied(2, "nobody asked", None);
        pending.lost(2);
        pending.tick(1099);
        assert!(first.try_recv().is_err(), "3 has time");
        assert_eq!(pending.deadline(), Some(1100));
        pending.replied(1, "a", None);
        let answers = second.try_recv().unwrap();
        assert_eq!(
            answers[&1],
            ActionResult::Returned(None),
            "the second answer is to the second question"
        );
        pending.tick(1100);
        let answers: Vec<ActionResult> = first.try_recv().unwrap().into_values().collect();
        assert_eq!(
            answers,
            [ActionResult::Returned(Some("1".into())), ActionResult::Gone, ActionResult::Late]
        );
        assert_eq!(other.try_recv().unwrap()[&1], ActionResult::Late);
        assert_eq!(pending.deadline(), None);
    }
}
