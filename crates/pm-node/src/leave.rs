//! How a worker leaves without cutting anybody off: no new connections, its answers awaited, a moment more, then our
//! preload or Node's own disconnect. What does not run out is the signal's business, and the core's timer's.

use serde_json::json;

use crate::cluster_worker::WorkerStage;
use crate::ids::{Millis, Worker};
use crate::primary::{Act, Primary, With};

/// So long we wait for a worker's answers, in ms: it may be busy, or hang.
const ANSWERS: Millis = 1000;
/// Node 26 cuts off connections it has just accepted; after this it doesn't.
const SETTLE: Millis = 100;
/// So long after its channel closed a process may take to end by itself.
const BY_ITSELF: Millis = 300;

impl Primary {
    /// A signal asks it to go, or it goes by itself: it gets nothing new.
    pub(crate) fn hold(&mut self, worker: Worker) {
        if let Some(member) = self.members.get_mut(&worker)
            && member.stage == WorkerStage::Serving
        {
            self.stage(worker, WorkerStage::Held);
        }
    }

    fn stage(&mut self, worker: Worker, stage: WorkerStage) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        member.stage = stage;
        let listens = member.listens.clone();
        for id in listens {
            self.refresh(id);
        }
    }

    /// It is to leave gently; `Drained` follows.
    pub(crate) fn drain(&mut self, now: Millis, worker: Worker) {
        match self.members.get(&worker).map(|member| member.stage) {
            Some(WorkerStage::Serving | WorkerStage::Held) => {
                self.stage(worker, WorkerStage::Answers { until: now + ANSWERS });
                self.progress(now, worker);
            }
            Some(WorkerStage::Left) | None => self.acts.push(Act::Drained(worker)),
            Some(
                WorkerStage::Answers { .. }
                | WorkerStage::Settling { .. }
                | WorkerStage::Asked { .. }
                | WorkerStage::Disconnecting
                | WorkerStage::Ending { .. },
            ) => {}
        }
    }

    /// Goes on with what has become due or true.
    pub(crate) fn progress(&mut self, now: Millis, worker: Worker) {
        let Some(member) = self.members.get(&worker) else { return };
        match member.stage {
            WorkerStage::Answers { until } if member.load() == 0 || now >= until => {
                self.stage(worker, WorkerStage::Settling { at: now + SETTLE });
            }
            WorkerStage::Settling { at } if now >= at && member.has_preload => {
                let line = br#"{"cmd":"NODE_PM","act":"drain"}"#.to_vec();
                self.acts.push(Act::Send { worker, line, with: With::Nothing });
                self.stage(worker, WorkerStage::Asked { until: now + ANSWERS });
            }
            WorkerStage::Settling { at } if now >= at => self.disconnect(worker),
            WorkerStage::Asked { until } if now >= until => self.disconnect(worker),
            WorkerStage::Ending { at } if now >= at => self.left(worker),
            WorkerStage::Serving
            | WorkerStage::Held
            | WorkerStage::Answers { .. }
            | WorkerStage::Settling { .. }
            | WorkerStage::Asked { .. }
            | WorkerStage::Disconnecting
            | WorkerStage::Ending { .. }
            | WorkerStage::Left => {}
        }
    }

    /// Our preload lets connections run out. An app that listens for SIGINT closes its servers itself, which is
    /// gentle now, and its clean-up is what people rely on; any other is told to disconnect.
    pub(crate) fn is_draining(&mut self, worker: Worker, by_itself: bool) {
        let stage = self.members.get(&worker).map(|member| member.stage);
        if !matches!(stage, Some(WorkerStage::Asked { .. })) {
            return;
        }
        if by_itself { self.left(worker) } else { self.disconnect(worker) }
    }

    fn disconnect(&mut self, worker: Worker) {
        self.stage(worker, WorkerStage::Disconnecting);
        self.send(worker, &json!({"act": "disconnect"}), With::Nothing);
    }

    fn left(&mut self, worker: Worker) {
        self.stage(worker, WorkerStage::Left);
        self.acts.push(Act::Drained(worker));
    }

    /// Its channel closed: as told, or it is dying.
    pub(crate) fn hung_up(&mut self, now: Millis, worker: Worker) {
        match self.members.get(&worker).map(|member| member.stage) {
            Some(WorkerStage::Disconnecting) => {
                self.stage(worker, WorkerStage::Ending { at: now + BY_ITSELF });
            }
            Some(
                WorkerStage::Answers { .. }
                | WorkerStage::Settling { .. }
                | WorkerStage::Asked { .. },
            ) => {
                self.left(worker);
            }
            Some(WorkerStage::Serving) => self.stage(worker, WorkerStage::Held),
            Some(WorkerStage::Held | WorkerStage::Ending { .. } | WorkerStage::Left) | None => {}
        }
        self.take_back(worker);
    }

    /// Its process has ended.
    pub(crate) fn gone(&mut self, worker: Worker) {
        self.stage(worker, WorkerStage::Left);
        let listens = self.members.get(&worker).map(|member| member.listens.clone());
        for id in listens.into_iter().flatten() {
            self.part(worker, id);
        }
        self.take_back(worker);
        self.members.remove(&worker);
    }

    /// When something is due although nothing happens.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        let of_members = self.members.values().filter_map(|member| match member.stage {
            WorkerStage::Answers { until } | WorkerStage::Asked { until } => Some(until),
            WorkerStage::Settling { at } | WorkerStage::Ending { at } => Some(at),
            WorkerStage::Serving
            | WorkerStage::Held
            | WorkerStage::Disconnecting
            | WorkerStage::Left => None,
        });
        of_members.chain(self.retry_at).min()
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Millis) {
        self.retry(now);
        let workers: Vec<Worker> = self.members.keys().copied().collect();
        for worker in workers {
            self.progress(now, worker);
        }
    }
}
