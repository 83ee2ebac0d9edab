//! The end of a run: it is asked to go, once its command before that (`pre_stop`) is over, and is over itself when nobody of it
//! is left and its command after that (`post_stop`) has ended.
//!
//! The core waits for a command as it waits for a process to be made: whoever runs it bounds it, and always tells its end.

use alloc::vec::Vec;

use pm_spec::HookStage;

use crate::core::Core;
use crate::end::Cause;
use crate::id::{RunId, Time, after};
use crate::instance::Instance;
use crate::order::{Order, RunSignal};
use crate::phase::{AwaitedHook, Haste, LiveRun, Phase, StoppingRun, Want, drain_timeout};

impl Core {
    /// Whether a command goes on being wanted: the run is still where it belongs, and nobody has grown impatient.
    pub fn wants_hook(&self, run: RunId, stage: HookStage) -> bool {
        let instance = self.index.owner(run).and_then(|id| self.instances.get(&id));
        let phase = instance.and_then(|instance| instance.phase_of(run));
        match (stage, phase) {
            (HookStage::PostStart, Some(phase)) => matches!(phase, Phase::Up { .. }),
            (HookStage::PreStop | HookStage::PostStop, Some(phase)) => {
                let hook = phase.stopping().and_then(|stopping| stopping.hook);
                hook.is_some_and(|hook| hook.stage == stage && hook.haste != Haste::Hurried)
            }
            (_, None) => false,
        }
    }
}

/// Its only run, or the newer one in a reload.
impl Instance {
    /// It has to go. What is wanted is written down before it is asked.
    pub(crate) fn stop_run(&mut self, now: Time, orders: &mut Vec<Order>) {
        let Phase::Up { live, .. } = self.phase else { return };
        self.flush(orders);
        let hook = self.hook(HookStage::PreStop);
        let (force_at, cause) = (now, self.stop_cause.clone());
        self.phase = Phase::Stopping(StoppingRun { live, force_at, cause, ended: false, hook });
        if self.want == Want::Renewed {
            self.want = Want::Up;
        }
        self.mark_changed();
        if hook.is_some() {
            self.begin(live.run, HookStage::PreStop, orders);
        } else {
            self.ask_to_go(now, orders);
        }
    }

    /// A daemon that died may have written the wish down and sent no signal, and what it ran before went with it. To ask
    /// twice, with a fresh grace, is better than to force what has never been asked.
    pub(crate) fn stop_again(&mut self, now: Time, orders: &mut Vec<Order>) {
        let Some(stopping) = self.phase.stopping() else { return };
        let run = stopping.live.run;
        match stopping.hook.map(|hook| hook.stage) {
            Some(stage) if self.spec.staged.contains_key(&stage) => self.begin(run, stage, orders),
            Some(stage) => self.hook_over(now, (run, stage), orders),
            None => self.ask_to_go(now, orders),
        }
        self.mark_changed();
    }

    /// It gets its signal, by the rules of now.
    pub(crate) fn ask_to_go(&mut self, now: Time, orders: &mut Vec<Order>) {
        let (signal, reach) = (self.spec.stop.signal, self.reach());
        let force_at = after(now, self.spec.stop.timeout);
        let Phase::Stopping(stopping) = &mut self.phase else { return };
        (stopping.force_at, stopping.hook) = (force_at, None);
        orders.push(Order::Signal(stopping.live.run, RunSignal::Stop(signal, reach)));
        self.stop_unconfirmed = false;
        self.mark_changed();
    }

    /// Nobody of the run is left.
    pub(crate) fn nobody_left(
        &mut self,
        now: Time,
        (live, cause): (LiveRun, Cause),
        orders: &mut Vec<Order>,
    ) {
        let hook = self.hook(HookStage::PostStop);
        if hook.is_none() {
            return self.run_over(now, live.run, &cause);
        }
        let stopping = StoppingRun { live, force_at: now, cause, ended: true, hook };
        self.phase = Phase::Stopping(stopping);
        if self.want == Want::Renewed {
            self.want = Want::Up;
        }
        self.stop_unconfirmed = false;
        self.mark_changed();
        self.begin(live.run, HookStage::PostStop, orders);
    }

    /// A command of its run has ended, or there is none any more.
    pub(crate) fn hook_over(
        &mut self,
        now: Time,
        (run, stage): (RunId, HookStage),
        orders: &mut Vec<Order>,
    ) {
        let Some(stopping) = self.phase.stopping_mut() else { return };
        let awaited = stopping.hook.map(|hook| (stopping.live.run, hook.stage));
        if awaited != Some((run, stage)) {
            return;
        }
        stopping.hook = None;
        let cause = stopping.cause.clone();
        self.mark_changed();
        if stage == HookStage::PostStop {
            return self.run_over(now, run, &cause);
        }
        self.flush(orders);
        self.ask_to_go(now, orders);
    }

    /// Has a command begun, once it is written down that it is waited for.
    fn begin(&mut self, run: RunId, stage: HookStage, orders: &mut Vec<Order>) {
        self.flush(orders);
        orders.push(Order::Hook(run, stage));
    }

    /// A person asks for it to be down. Who asks again is impatient: the command that is waited for is ended.
    pub(crate) fn hurry(&mut self) {
        if self.want.is_up() {
            return;
        }
        let second = self.second.as_mut().map(|second| &mut second.phase);
        let phases = [Some(&mut self.phase), second].into_iter().flatten();
        for stopping in phases.filter_map(Phase::stopping_mut) {
            if let Some(hook) = &mut stopping.hook {
                let is_inherited = hook.haste == Haste::Inherited;
                hook.haste = if is_inherited { Haste::Nobody } else { Haste::Hurried };
                self.changed = true;
            }
        }
    }

    fn hook(&self, stage: HookStage) -> Option<AwaitedHook> {
        let is_said = self.spec.staged.contains_key(&stage);
        is_said.then_some(AwaitedHook { stage, haste: Haste::Nobody })
    }

    /// Where one of its runs stands.
    fn phase_of(&self, run: RunId) -> Option<&Phase> {
        let second = self.second.as_ref().map(|second| &second.phase);
        let phases = [Some(&self.phase), second].into_iter().flatten();
        phases.into_iter().find(|phase| phase.run() == Some(run))
    }
}

/// The older one in a reload.
impl Instance {
    /// The same as of the other: its command first, and then it is drained.
    pub(crate) fn drain_second(&mut self, now: Time, orders: &mut Vec<Order>) {
        let hook = self.hook(HookStage::PreStop);
        let Some(second) = &mut self.second else { return };
        let is_begun = second.phase.stopping().cloned();
        let Some(live) = second.phase.live().copied() else { return };
        match is_begun.and_then(|stopping| stopping.hook) {
            Some(AwaitedHook { stage, .. }) if self.spec.staged.contains_key(&stage) => {
                self.begin(live.run, stage, orders);
            }
            Some(AwaitedHook { stage, .. }) => self.second_hook_over(now, stage, orders),
            None if hook.is_some() && matches!(second.phase, Phase::Up { .. }) => {
                let (force_at, cause) = (now, Cause::Restarted);
                let stopping = StoppingRun { live, force_at, cause, ended: false, hook };
                (second.phase, second.must_stop) = (Phase::Stopping(stopping), true);
                self.mark_changed();
                self.begin(live.run, HookStage::PreStop, orders);
            }
            None => self.ask_second_to_go(now, live, orders),
        }
    }

    pub(crate) fn ask_second_to_go(&mut self, now: Time, live: LiveRun, orders: &mut Vec<Order>) {
        self.flush(orders);
        let (signal, reach) = (self.spec.stop.signal, self.reach());
        let force_at = after(now, drain_timeout(&self.spec.stop));
        let Some(second) = &mut self.second else { return };
        orders.push(Order::Signal(live.run, RunSignal::Drain(signal, reach)));
        let ended = second.phase.stopping().is_some_and(|stopping| stopping.ended);
        let cause = Cause::Restarted;
        second.phase = Phase::Stopping(StoppingRun { live, force_at, cause, ended, hook: None });
        (second.must_stop, second.stop_unconfirmed) = (true, false);
        self.mark_changed();
    }

    /// Nobody of it is left.
    pub(crate) fn nobody_left_of_second(&mut self, now: Time, orders: &mut Vec<Order>) {
        let hook = self.hook(HookStage::PostStop);
        let Some(second) = &mut self.second else { return };
        let Some(live) = second.phase.live().copied().filter(|_| hook.is_some()) else {
            return self.second_over();
        };
        let (force_at, cause) = (now, Cause::Restarted);
        second.phase = Phase::Stopping(StoppingRun { live, force_at, cause, ended: true, hook });
        (second.must_stop, second.stop_unconfirmed) = (true, false);
        self.mark_changed();
        self.begin(live.run, HookStage::PostStop, orders);
    }

    /// A command of it has ended, or there is none any more.
    pub(crate) fn second_hook_over(
        &mut self,
        now: Time,
        stage: HookStage,
        orders: &mut Vec<Order>,
    ) {
        let stopping = self.second.as_mut().and_then(|second| second.phase.stopping_mut());
        let Some(stopping) = stopping else { return };
        if stopping.hook.map(|hook| hook.stage) != Some(stage) {
            return;
        }
        stopping.hook = None;
        let live = stopping.live;
        self.mark_changed();
        if stage == HookStage::PostStop {
            self.second_over();
        } else {
            self.ask_second_to_go(now, live, orders);
        }
    }
}
