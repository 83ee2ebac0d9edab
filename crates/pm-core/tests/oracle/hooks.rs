//! Commands that go with a run come in their turn: before it is asked to go, after nobody of it is left, and once each.
//!
//! Part of the oracle. The world changes no command of an app, so those hold with which a run was made.

use std::collections::BTreeSet;

use pm_spec::HookStage;

use super::runs::{RunMark, RunTrace};
use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::fact::Fact;
use crate::id::RunId;
use crate::saved::SavedPhase;

/// What was begun, and what is over.
#[derive(Clone, Debug, Default)]
pub(super) struct HookLaws {
    /// By this daemon.
    begun: BTreeSet<(RunId, HookStage)>,
    over: BTreeSet<(RunId, HookStage)>,
    /// The same of any daemon.
    ever_begun: BTreeSet<(RunId, HookStage)>,
    ever_over: BTreeSet<(RunId, HookStage)>,
}

impl HookLaws {
    pub(super) fn fact(&mut self, fact: &Fact) {
        if let Fact::HookOver(run, stage) = fact
            && self.begun.contains(&(*run, *stage))
        {
            self.over.insert((*run, *stage));
            self.ever_over.insert((*run, *stage));
        }
    }

    /// A command is to be run.
    pub(super) fn order(
        &mut self,
        (run, stage): (RunId, HookStage),
        trace: Option<&RunTrace>,
        phase: Option<&SavedPhase>,
    ) -> Result<(), BrokenLaw> {
        let broken = |what: &str| format!("{stage:?} of run {}: {what}", run.0);
        let Some(trace) = trace else { return law(false, || broken("of a known run")) };
        law(trace.made.staged.contains_key(&stage), || broken("where there is a command"))?;
        law(self.begun.insert((run, stage)), || broken("once"))?;
        let is_written = |stage: HookStage| matches!(phase, Some(SavedPhase::Stopping { hook, .. }) if *hook == Some(stage));
        let is_first = self.ever_begun.insert((run, stage));
        match stage {
            HookStage::PostStart => {
                law(is_first, || broken("once, whatever daemon"))?;
                law(!trace.is(RunMark::Ended), || broken("while it lives"))
            }
            HookStage::PreStop => {
                law(!trace.is(RunMark::Asked), || broken("before it is asked to go"))?;
                law(is_written(stage), || broken("it is written down first"))
            }
            HookStage::PostStop => {
                law(trace.is(RunMark::Over), || broken("when nobody is left"))?;
                law(trace.is(RunMark::Written), || broken("when its end is written down"))?;
                law(is_written(stage), || broken("it is written down first"))
            }
        }
    }

    /// Whether it has ended; the daemon before us may have seen that.
    fn is_over(&self, run: RunId, stage: HookStage) -> bool {
        let is_begun = self.begun.contains(&(run, stage));
        let over = if is_begun { &self.over } else { &self.ever_over };
        over.contains(&(run, stage))
    }

    /// A run is asked to go. What has ended waits for nothing.
    pub(super) fn signal(&self, run: RunId, trace: &RunTrace) -> Result<(), BrokenLaw> {
        let stage = HookStage::PreStop;
        let waits = trace.made.staged.contains_key(&stage) && !trace.is(RunMark::Ended);
        law(!waits || self.is_over(run, stage), || {
            format!("run {} is asked to go after its command", run.0)
        })
    }

    /// A run is let go.
    pub(super) fn release(&self, run: RunId, trace: &RunTrace) -> Result<(), BrokenLaw> {
        let stage = HookStage::PostStop;
        let waits = trace.made.staged.contains_key(&stage) && trace.is(RunMark::Ended);
        law(!waits || self.is_over(run, stage), || {
            format!("run {} is over after its command", run.0)
        })
    }

    /// What runs is waited for by somebody, and who waits has it run.
    pub(super) fn rest(&self, core: &Core) -> Result<(), BrokenLaw> {
        for instance in core.instances.values() {
            let second = instance.second.as_ref().map(|second| &second.phase);
            for phase in [Some(&instance.phase), second].into_iter().flatten() {
                let awaited = phase.stopping().and_then(|it| Some((it.live.run, it.hook?.stage)));
                let Some(awaited) = awaited else { continue };
                law(self.begun.contains(&awaited), || format!("{awaited:?} is begun"))?;
                law(!self.over.contains(&awaited), || format!("{awaited:?} is waited for"))?;
            }
        }
        Ok(())
    }

    /// The daemon died, and what it ran goes with it.
    pub(super) fn died(&mut self) {
        self.begun.clear();
        self.over.clear();
    }
}
