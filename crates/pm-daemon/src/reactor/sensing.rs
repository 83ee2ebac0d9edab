//! What the triggers bring: times that have come, and figures.

use pm_core::{Fact, RunId};
use pm_protocol::Change;

use super::Reactor;
use crate::clock;
use crate::tree_job::Sample;

impl Reactor {
    /// Tells whose time has come.
    pub(super) fn keep_times(&mut self) {
        for app in self.executor.triggers.cron.come() {
            self.step(Fact::ScheduleDue(app));
        }
    }

    pub(super) fn sampled(&mut self, sample: Sample) {
        let weights: Vec<(RunId, pm_spec::Bytes)> = sample
            .usage
            .iter()
            .map(|(run, usage)| (*run, pm_spec::Bytes::new(usage.memory)))
            .collect();
        self.executor.figures.take(clock::now(), sample);
        for (run, memory) in weights {
            let limited = self
                .core
                .instance_of_run(run)
                .is_some_and(|instance| instance.app.limits.memory.is_some());
            if limited {
                self.step(Fact::MemoryMeasured(run, memory));
            }
        }
        if self.executor.feed.is_heard() {
            let figures = &self.executor.figures;
            let running =
                self.core.instances().filter_map(|instance| Some((instance.id.0, instance.run?.0)));
            let usage = running.map(|(id, run)| (id, figures.of(run))).collect();
            let host = figures.host().cloned();
            self.executor.feed.tell(Change::Usage(usage));
            if let Some(host) = host {
                self.executor.feed.tell(Change::Host(host));
            }
        }
        self.answer_the_waiting();
    }
}
