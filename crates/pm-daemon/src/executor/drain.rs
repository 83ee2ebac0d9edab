//! How Node apps are asked to go: by a message, or after they have let go of what they serve.

use pm_core::{Reach, RunId};
use pm_os::knock::Signal;

use super::Executor;
use crate::runs::Life;

impl Executor {
    /// A Node app may be asked by a message first; the signal then waits for `drained`. One that gets the signal at
    /// once gets no new connections any more.
    pub(super) fn ask_by_message(&mut self, id: RunId, signal: Signal, reach: Reach) -> bool {
        let Some(run) = self.runs.get_mut(id) else { return false };
        let alive = matches!(run.life, Life::Alive) && run.app.serving.channel;
        let Some(exchange) = self.node.begun().filter(|_| alive) else { return false };
        if run.app.stop.by_message {
            run.waiting = Some((signal, reach));
            exchange.shutdown(run.tag.raw());
            return true;
        }
        exchange.hold(run.tag.raw());
        false
    }

    /// A Node app has done what it does by itself.
    pub(crate) fn drained(&mut self, id: RunId) {
        if let Some(waiting) = self.runs.get_mut(id).and_then(|run| run.waiting.take()) {
            self.signal(id, waiting, false);
        }
    }

    /// A worker that is replaced lets its connections run out first; the signal waits for `drained`.
    pub(super) fn ask_to_drain(&mut self, id: RunId, signal: Signal, reach: Reach) -> bool {
        let Some(run) = self.runs.get_mut(id) else { return false };
        let alive = matches!(run.life, Life::Alive) && run.app.serving.channel;
        let Some(exchange) = self.node.begun().filter(|_| alive) else { return false };
        run.waiting = Some((signal, reach));
        exchange.drain(run.tag.raw());
        true
    }
}
