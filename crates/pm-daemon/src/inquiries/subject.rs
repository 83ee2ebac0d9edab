//! A run that is asked, as whoever asks knows it.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use pm_core::{Fact, RunId, SpawnPlan};
use pm_spec::Environment;
use tokio::sync::mpsc;

use crate::inlet::Inlet;
use crate::spawner::SpawnerJob;

/// Who is asked.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// `None`: none yet, what it waits for before is asked for.
    pub(super) run: Option<RunId>,
    /// Its main process.
    pub(super) pid: Option<u32>,
    /// As it was made, for commands that ask in its name.
    pub(super) plan: SpawnPlan,
    pub(super) outlet: mpsc::Sender<Inlet>,
    pub(super) spawner: Sender<SpawnerJob>,
}

impl Subject {
    /// The loop may have ended: then nobody wants to know.
    pub(super) async fn tell(&self, fact: Fact) {
        self.outlet.send(Inlet::Answered(fact)).await.ok();
    }

    /// The same of where it listens, which is all that it has to show.
    pub(super) async fn tell_listens(&self, run: RunId, addresses: Vec<SocketAddr>) {
        self.outlet.send(Inlet::Listens(run, addresses)).await.ok();
    }

    /// The variables of this very instance.
    pub(super) fn env(&self) -> Environment {
        let app = &self.plan.app;
        let mut env = app.env.clone();
        env.set(&app.instance_var.display(), self.plan.slot.to_string());
        if let Some((name, value)) = app.counted(self.plan.slot) {
            env.set(&name, value.to_string());
        }
        env
    }
}
