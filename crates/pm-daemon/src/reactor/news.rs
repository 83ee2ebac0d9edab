//! What births and Node apps tell, as facts for the core.

use std::os::fd::OwnedFd;

use pm_core::{Ask, Fact, RunId};
use pm_node::{News, Worker};
use pm_os::identity::Identity;
use pm_os::tag::Tag;
use pm_spec::Select;

use super::Reactor;
use crate::app_events;
use crate::daemon_log;
use crate::slots::ChannelEnd;

impl Reactor {
    pub(super) fn node_says(&mut self, news: News) {
        match news {
            News::Ready(worker) => self.said_ready(worker),
            // An app that says itself when it is ready may listen before that.
            News::Listening(worker) => {
                if self.spec_of(worker).is_some_and(|waits| !waits) {
                    self.said_ready(worker);
                }
            }
            News::Drained(worker) => {
                if let Some(run) = self.run_of(worker) {
                    self.executor.drained(run);
                }
            }
            News::Spoilt(worker) => self.replace(worker),
        }
    }

    /// A process was made; exits that were told before its birth come after it.
    pub(super) fn born(&mut self, run: RunId, born: (Identity, OwnedFd, Option<ChannelEnd>)) {
        let (identity, pidfd, channel) = born;
        let (fact, early) = self.executor.born(run, identity, pidfd, channel);
        if let Some(fact) = fact {
            self.step(fact);
        }
        for exit in early {
            if let Some(fact) = self.executor.exited(exit) {
                self.step(fact);
            }
        }
    }

    fn run_of(&self, worker: Worker) -> Option<RunId> {
        let tag = Tag::from_raw(worker)?;
        let run = RunId(tag.run());
        self.executor.runs.get(run).filter(|known| known.tag == tag).map(|_| run)
    }

    /// Whether the run's app says itself when it is ready; `None`: there is no such run.
    fn spec_of(&self, worker: Worker) -> Option<bool> {
        let run = self.run_of(worker)?;
        self.executor.runs.get(run).map(|run| run.app.serving.wait_ready)
    }

    fn said_ready(&mut self, worker: Worker) {
        if let Some(run) = self.run_of(worker) {
            if let Some(run) = self.executor.runs.get_mut(run) {
                app_events::online(run);
            }
            self.step(Fact::Ready(run));
        }
    }

    /// Nothing may be written to it any more, so it could neither serve nor be asked anything.
    fn replace(&mut self, worker: Worker) {
        let Some(run) = self.run_of(worker) else { return };
        let Some(instance) = self.core.instance_of_run(run) else { return };
        let id = instance.id;
        daemon_log::note(format_args!(
            "a message to instance {} was cut in two; it is replaced",
            id.0
        ));
        let request = self.number();
        let (select, env) = (vec![Select::Id(id.0)], None);
        self.step(Fact::Asked(request, Ask::Reload { select, env, force: true }));
        self.step(Fact::Withdrawn(request));
    }
}
