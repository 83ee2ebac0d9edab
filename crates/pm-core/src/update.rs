//! Known apps become as a new spec says: restarted, changed while they run, or reloaded.
//!
//! What it takes is `pm_spec`'s to say; here it is done with no more than that. A reload replaces one instance of an app
//! after the other (of many cluster workers two at once), each only after the one before is up; the first failure ends
//! it, and who is left goes on as it was. It only sets wants, and only for instances nobody has wished anything else for
//! meanwhile. It does not survive the daemon: who is not replaced by then keeps running as it was.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec, Effort, Existing, Mode, Patience};

use crate::app::App;
use crate::core::Core;
use crate::id::{AppId, InstanceId, RequestId, Time, after};
use crate::order::{Became, Order, Outcome, Refused};
use crate::phase::{Phase, SecondRun, drain_timeout};
use crate::request::{Awaited, Requester, Rollout, Waiter};

impl Core {
    /// `Start` of an app that is known.
    pub(crate) fn start_known(
        &mut self,
        requester: Requester,
        app: AppId,
        (spec, existing): (&AppSpec, Existing),
        orders: &mut Vec<Order>,
    ) {
        match existing {
            Existing::Converge => self.converge(requester, app, spec, orders),
            // What runs and is left alone keeps its spec: the next restart must not bring a surprise.
            Existing::Keep | Existing::Refuse | Existing::Duplicate if self.is_up(app) => {
                self.members_up(requester, app, existing);
            }
            Existing::Reload => {
                let spec = self.reloaded_spec(app, spec);
                self.change_spec(requester.now, app, spec, orders);
                self.update(requester, app, existing);
            }
            Existing::Restart | Existing::Keep | Existing::Refuse | Existing::Duplicate => {
                self.change_spec(requester.now, app, spec.clone(), orders);
                self.update(requester, app, existing);
            }
        }
    }

    /// As the new spec says, with no more effort than it takes (pain 65).
    fn converge(
        &mut self,
        requester: Requester,
        app: AppId,
        spec: &AppSpec,
        orders: &mut Vec<Order>,
    ) {
        let Some(known) = self.apps.get(&app).map(|app| Arc::clone(&app.spec)) else { return };
        let effort = known.effort(spec);
        let is_up = self.is_up(app);
        // A job that waits for its time is another one from then on.
        let is_job = spec.is_job();
        let overlaps = spec.may_overlap();
        let existing = match effort {
            Effort::Renewal if is_job && !is_up => Existing::Converge,
            Effort::Renewal if overlaps => Existing::Reload,
            Effort::Renewal => Existing::Restart,
            Effort::Nothing | Effort::Live => Existing::Converge,
        };
        if !is_up || effort == Effort::Renewal {
            self.change_spec(requester.now, app, spec.clone(), orders);
            return self.update(requester, app, existing);
        }
        self.change_spec(requester.now, app, known.carried_on(spec.clone()), orders);
        self.update(requester, app, existing);
        if effort == Effort::Live {
            self.tell_amended(requester.request, app);
        }
    }

    /// The new spec, and for those on their way out the shorter of the old and the new grace, as after a restore.
    fn change_spec(&mut self, now: Time, app: AppId, spec: AppSpec, orders: &mut Vec<Order>) {
        let latest = after(now, spec.stop.timeout);
        let drained = after(now, drain_timeout(&spec.stop));
        self.set_spec(app, spec, orders);
        for id in self.all_members(app) {
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            if let Phase::Stopping(stopping) = &mut instance.phase
                && stopping.force_at > latest
            {
                stopping.force_at = latest;
                instance.mark_changed();
                self.dirty.insert(id);
            }
            if let Some(SecondRun { phase: Phase::Stopping(stopping), .. }) =
                instance.second.as_deref_mut()
                && stopping.force_at > drained
            {
                stopping.force_at = drained;
                instance.mark_changed();
                self.dirty.insert(id);
            }
        }
    }

    /// The spec of an app after its reload: where a signal is enough, the run goes on in the shell it was started from.
    fn reloaded_spec(&self, app: AppId, spec: &AppSpec) -> AppSpec {
        let known = self.apps.get(&app).map(|app| &app.spec);
        let goes_on = |known: &&Arc<AppSpec>| {
            spec.reload_signal.is_some() && known.effort(spec) != Effort::Renewal
        };
        known.filter(goes_on).map_or_else(|| spec.clone(), |known| known.carried_on(spec.clone()))
    }

    /// An app is about to get this spec: do its runs lack something of it that only new ones have? Written down before
    /// the spec is, for a daemon that dies in between must not take a run for one of the new spec.
    pub(crate) fn outdate_runs(&mut self, app: AppId, new: &AppSpec, orders: &mut Vec<Order>) {
        let Some(app) = self.apps.get(&app) else { return };
        if app.spec.env == new.env && app.spec.effort(new) != Effort::Renewal {
            return;
        }
        for id in app.slots.values() {
            if let Some(instance) = self.instances.get_mut(id)
                && instance.phase.run().is_some()
                && !instance.outdated
            {
                (instance.outdated, instance.unsaved) = (true, true);
                instance.flush(orders);
            }
        }
    }

    fn all_members(&self, app: AppId) -> Vec<InstanceId> {
        self.apps.get(&app).map_or_else(Vec::new, |app| app.slots.values().copied().collect())
    }

    /// Those that this request left as they were are governed by new rules.
    fn tell_amended(&mut self, request: RequestId, app: AppId) {
        for id in self.members(app) {
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            let answers = instance.answers.iter_mut().filter(|(asked, _)| *asked == request);
            let waiters = instance.waiters.iter_mut().filter(|waiter| waiter.request == request);
            let promised = waiters.filter_map(|waiter| {
                let Awaited::Up { became, .. } = &mut waiter.awaited else { return None };
                Some(became)
            });
            let all = answers.map(|(_, became)| became).chain(promised);
            for became in all.filter(|became| **became == Became::Unchanged) {
                *became = Became::Amended;
            }
        }
    }

    /// Another name for the app of these instances.
    pub(crate) fn rename(
        &mut self,
        request: RequestId,
        ids: &[InstanceId],
        to: (AppName, AppName),
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let apps = self.apps_of(ids);
        let others =
            self.names.get(&to).is_some_and(|known| known.iter().any(|id| !apps.contains(id)));
        if others || apps.len() > 1 {
            return Err(Refused::NameTaken(to.0));
        }
        for app in apps {
            let Some(mut spec) = self.apps.get(&app).map(|app| AppSpec::clone(&app.spec)) else {
                continue;
            };
            (spec.name, spec.namespace) = to.clone();
            self.remove_name(app);
            self.set_spec(app, spec, orders);
            self.names.entry(to.clone()).or_default().insert(app);
            let members = self.members(app);
            self.each(request, &members, |instance| {
                instance.answers.push((request, Became::Amended));
            });
        }
        Ok(())
    }

    /// It is not found by its name any more.
    pub(crate) fn remove_name(&mut self, id: AppId) {
        let Some(key) = self.apps.get(&id).map(App::key) else { return };
        if let Some(ids) = self.names.get_mut(&key) {
            ids.remove(&id);
            if ids.is_empty() {
                self.names.remove(&key);
            }
        }
    }

    /// The instances that stay: one after the other with a new run, or left down as they are.
    pub(crate) fn members_reloaded(&mut self, requester: Requester, app: AppId) {
        let is_up = |id: &InstanceId| {
            self.instances
                .get(id)
                .is_some_and(|instance| instance.want.is_up() || instance.spec.autostart)
        };
        let (up, down): (Vec<_>, Vec<_>) = self.members(app).into_iter().partition(is_up);
        self.each(requester.request, &down, |instance| {
            instance.answer(requester.request, Became::Unchanged);
        });
        self.each(requester.request, &up, |_| {});
        self.reload(requester.now, requester.request, &up, None);
    }
}

/// Reload.
impl Core {
    /// Begins a reload of these instances; those `begun` anew since then are only waited for.
    pub(crate) fn reload(
        &mut self,
        now: Time,
        request: RequestId,
        ids: &[InstanceId],
        begun: Option<Time>,
    ) {
        let mut queues: BTreeMap<AppId, VecDeque<InstanceId>> = BTreeMap::new();
        for id in ids {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.answer_if(|awaited| *awaited == Awaited::Turn, &Became::Superseded);
                instance.waiters.push(Waiter { request, awaited: Awaited::Turn });
                queues.entry(instance.app).or_default().push_back(*id);
                self.dirty.insert(*id);
            }
        }
        for (app, queue) in queues {
            let max_parallel = self.max_parallel(app, queue.len());
            let (canaries, in_progress) = (self.canaries(app), BTreeSet::new());
            let rollout = Rollout { max_parallel, canaries, begun, in_progress, queue };
            self.requests.roll_out(request, app, rollout);
            self.start_next(now, request, app);
        }
    }

    /// How many may be replaced at once, where nobody says: of cluster workers two, if there are more (PM2), of others one.
    fn max_parallel(&self, app: AppId, count: usize) -> usize {
        let spec = self.apps.get(&app).map(|app| &app.spec);
        if let Some(said) = spec.map(|spec| spec.reload.parallelism).filter(|said| *said > 0) {
            return usize::try_from(said).unwrap_or(usize::MAX);
        }
        let is_cluster = spec.is_some_and(|spec| spec.serving.mode == Mode::Cluster);
        if is_cluster && count > 2 { 2 } else { 1 }
    }

    /// This one became that: on to the next, or an end of it.
    pub(crate) fn advance(
        &mut self,
        now: Time,
        request: RequestId,
        (app, id): (AppId, InstanceId),
        became: &Became,
    ) {
        let went_well = matches!(
            became,
            Became::Started | Became::Restarted | Became::Reloaded(_) | Became::Finished
        );
        let Some(rollout) = self.requests.rollout(request, app) else { return };
        rollout.in_progress.remove(&id);
        if went_well {
            return self.start_next(now, request, app);
        }
        let queue = ::core::mem::take(&mut rollout.queue);
        for next in queue {
            if self.waits(request, next) {
                self.skip_turn(request, next);
            }
        }
        self.start_next(now, request, app);
    }

    fn waits(&self, request: RequestId, id: InstanceId) -> bool {
        let waits = |w: &Waiter| w.request == request && w.awaited == Awaited::Turn;
        self.instances.get(&id).is_some_and(|instance| instance.waiters.iter().any(waits))
    }

    /// As many as may be are being replaced; with none left, the rollout is over.
    fn start_next(&mut self, now: Time, request: RequestId, app: AppId) {
        while let Some(rollout) = self.requests.rollout(request, app) {
            if !rollout.has_room() {
                return;
            }
            let Some(next) = rollout.queue.pop_front() else {
                if rollout.in_progress.is_empty() {
                    self.requests.end_rollout(request, app);
                }
                return;
            };
            if self.waits(request, next) {
                let rollout = self.requests.rollout(request, app);
                let begun = rollout.and_then(|rollout| {
                    rollout.begin(next);
                    rollout.begun
                });
                self.replace(now, request, next, begun);
            }
        }
    }

    /// An app among these that is being reloaded already.
    pub(crate) fn reloading(&self, ids: &[InstanceId]) -> Option<AppName> {
        let mut apps =
            ids.iter().filter_map(|id| self.instances.get(id)).map(|instance| instance.app);
        let found = apps.find(|app| self.requests.is_reloading(*app));
        found.and_then(|app| self.apps.get(&app)).map(|app| app.spec.name.clone())
    }

    fn replace(&mut self, now: Time, request: RequestId, id: InstanceId, begun: Option<Time>) {
        let requester =
            Requester { now, request, patience: Patience::Settled, from: self.counters.run };
        let by = self.requests.author(request);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.on_behalf(by.as_ref(), |instance| {
                let is_begun = begun.is_some_and(|since| instance.resume(requester, since));
                if !is_begun && !instance.reload_by_signal(requester) {
                    instance.replace_overlapping(requester);
                }
            });
            self.dirty.insert(id);
        }
    }

    /// Its turn won't come: it goes on as it was.
    fn skip_turn(&mut self, request: RequestId, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        instance.ignore(request);
        let (app, name) = (instance.app, instance.spec.name.clone());
        let outcome = Outcome { instance: id, app, name, became: Became::Unchanged };
        self.requests.note(request, outcome);
    }
}
