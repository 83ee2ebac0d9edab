//! What people ask for: each wish becomes wants of instances and aims of its request.
//!
//! Everything that can be refused is refused before anything is changed.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pm_spec::{
    AppSpec, Environment, Existing, Patience, Reload, Rename, Restart, RestartRule, Scale, Select,
    Signal, Start,
};

use crate::core::Core;
use crate::end::Cause;
use crate::fact::Ask;
use crate::id::{AppId, Author, InstanceId, RequestId, Time};
use crate::instance::Instance;
use crate::order::{Became, Order, Refused};
use crate::phase::Want;
use crate::request::Requester;
use crate::saved::SavedApp;

impl Core {
    /// A client asks.
    pub(crate) fn asked(
        &mut self,
        now: Time,
        (request, by): (RequestId, Option<Author>),
        ask: Ask,
        orders: &mut Vec<Order>,
    ) {
        if self.leaving {
            return self.requests.refuse(request, Refused::Leaving, orders);
        }
        self.requests.open(request, by.filter(|_| ask.moves()));
        if let Err(why) = self.handle(now, request, ask, orders) {
            self.requests.refuse(request, why, orders);
        }
    }

    fn handle(
        &mut self,
        now: Time,
        request: RequestId,
        ask: Ask,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let settled =
            Requester { now, request, patience: Patience::Settled, from: self.counters.run };
        match ask {
            Ask::Start(Start { apps, existing, wait: patience, no_deps }) => {
                if !no_deps {
                    self.check_dependencies(&apps, existing)?;
                }
                let requester = Requester { patience, ..settled };
                self.start(requester, apps, existing, orders)?;
                self.bring_along(requester, no_deps);
                Ok(())
            }
            Ask::Restart(Restart { select, env, wait: patience, no_deps }) => {
                let ids = self.resolve(&select)?;
                self.update_env(&ids, env.as_ref(), orders);
                let requester = Requester { patience, ..settled };
                self.each(request, &ids, |instance| instance.renew(requester));
                self.bring_along(requester, no_deps);
                Ok(())
            }
            Ask::Run(select, to_its_end) => {
                let ids = self.resolve(&select)?;
                let requester = Requester { patience: Patience::Spawned, ..settled };
                self.run_jobs(requester, &ids, to_its_end)?;
                self.bring_along(requester, false);
                Ok(())
            }
            Ask::Stop(select) => {
                let ids = self.resolve(&select)?;
                self.each(request, &ids, |instance| instance.stop(now, request, Cause::Stopped));
                Ok(())
            }
            Ask::Reload(Reload { select, env, force, again }) => {
                let ids = self.resolve(&select)?;
                let begun = again.map(Time);
                let may_meet = force || begun.is_some();
                if let Some(name) = self.reloading(&ids).filter(|_| !may_meet) {
                    return Err(Refused::Reloading(name));
                }
                self.update_env(&ids, env.as_ref(), orders);
                self.each(request, &ids, |_| {});
                self.reload(now, request, &ids, begun);
                Ok(())
            }
            Ask::Delete(select) => {
                let ids = self.resolve(&select)?;
                self.each(request, &ids, |instance| instance.delete(now, request));
                Ok(())
            }
            Ask::Scale(Scale { select, to }) => self.scale(settled, &select, to, orders),
            Ask::Rename(Rename { select, name, namespace }) => {
                let ids = self.resolve(&select)?;
                self.rename(request, &ids, (name, namespace), orders)
            }
            Ask::Reset(select) => {
                let ids = self.resolve(&select)?;
                self.each(request, &ids, |instance| instance.reset(now, request));
                Ok(())
            }
            Ask::Signal(select, signal) => self.signal(request, &select, signal, orders),
            Ask::Restore(list) => {
                self.restore_saved(settled, list, orders)?;
                self.bring_resting(settled);
                Ok(())
            }
            Ask::Leave => {
                self.shut_down(now, request);
                Ok(())
            }
        }
    }

    /// Opens the request for these instances and does the same with each.
    pub(crate) fn each(
        &mut self,
        request: RequestId,
        ids: &[InstanceId],
        act: impl Fn(&mut Instance),
    ) {
        let by = self.requests.author(request);
        for id in ids {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.on_behalf(by.as_ref(), &act);
                self.dirty.insert(*id);
                self.requests.wait_for(request, *id);
            }
        }
    }

    /// The apps of these instances see this shell now.
    fn update_env(
        &mut self,
        ids: &[InstanceId],
        env: Option<&Environment>,
        orders: &mut Vec<Order>,
    ) {
        let Some(env) = env else { return };
        for app in self.apps_of(ids) {
            if let Some(mut spec) = self.apps.get(&app).map(|app| AppSpec::clone(&app.spec)) {
                spec.env = spec.seen_from(env);
                self.set_spec(app, spec, orders);
            }
        }
    }

    pub(crate) fn apps_of(&self, ids: &[InstanceId]) -> BTreeSet<AppId> {
        ids.iter().filter_map(|id| self.instances.get(id)).map(|instance| instance.app).collect()
    }

    /// The apps of that name in that namespace.
    fn known_apps(&self, spec: &AppSpec) -> Vec<AppId> {
        let key = (spec.name.clone(), spec.namespace.clone());
        self.names.get(&key).map_or_else(Vec::new, |ids| ids.iter().copied().collect())
    }

    fn start(
        &mut self,
        requester: Requester,
        apps: Vec<AppSpec>,
        existing: Existing,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let mut wanted: u64 = 0;
        for spec in &apps {
            let known = self.known_apps(spec);
            if existing == Existing::Refuse && known.iter().any(|app| self.is_up(*app)) {
                return Err(Refused::AlreadyUp(spec.name.clone()));
            }
            let times = u64::try_from(known.len()).unwrap_or(u64::MAX).max(1);
            wanted = wanted.saturating_add(times.saturating_mul(u64::from(spec.instances)));
        }
        self.check_room(wanted)?;
        for spec in apps {
            let known =
                if existing == Existing::Duplicate { Vec::new() } else { self.known_apps(&spec) };
            if known.is_empty() {
                let (up, to) = (spec.autostart, spec.instances);
                let app = self.add_app(spec, orders);
                self.grow(requester, app, to, up);
            } else {
                for app in known {
                    self.start_known(requester, app, (&spec, existing), orders);
                }
            }
        }
        Ok(())
    }

    /// Whether so many more instances (and as many apps) have numbers.
    fn check_room(&self, more: u64) -> Result<(), Refused> {
        let top = u64::from(self.counters.instance.0.max(self.counters.app.0));
        if top.saturating_add(more) < u64::from(u32::MAX) { Ok(()) } else { Err(Refused::TooMany) }
    }

    /// Whether anything of it is up or coming up.
    pub(crate) fn is_up(&self, app: AppId) -> bool {
        let ids = self.apps.get(&app).into_iter().flat_map(|app| app.slots.values());
        ids.filter_map(|id| self.instances.get(id))
            .any(|instance| instance.want.is_up() && !instance.is_hopeless())
    }

    /// `Start` of an app that is known and has its new spec.
    pub(crate) fn update(&mut self, requester: Requester, app: AppId, existing: Existing) {
        let Some(known) = self.apps.get(&app) else { return };
        let (to, autostart) = (known.spec.instances, known.spec.autostart);
        // A job that runs is what the new spec says from its next time on.
        let existing = if known.spec.waits_for_its_time() { Existing::Keep } else { existing };
        self.shrink(requester, app, to);
        if existing == Existing::Reload {
            self.members_reloaded(requester, app);
        } else {
            self.members_up(requester, app, existing);
        }
        self.grow(requester, app, to, autostart);
    }

    /// The instances that stay: restarted or raised, or left down if the app is not to start by itself.
    pub(crate) fn members_up(&mut self, requester: Requester, app: AppId, existing: Existing) {
        let ids = self.members(app);
        self.each(requester.request, &ids, |instance| {
            let rests = existing == Existing::Converge && instance.rests();
            if rests || (!instance.want.is_up() && !instance.spec.autostart) {
                instance.answer(requester.request, Became::Unchanged);
            } else if existing == Existing::Restart {
                instance.renew(requester);
            } else {
                instance.raise(requester);
            }
        });
    }

    /// The instances of an app that are not on their way to be forgotten, by slot.
    pub(crate) fn members(&self, app: AppId) -> Vec<InstanceId> {
        let ids = self.apps.get(&app).into_iter().flat_map(|app| app.slots.values().copied());
        let stays = |id: &InstanceId| self.instances.get(id).is_some_and(|s| s.want != Want::Gone);
        ids.filter(stays).collect()
    }

    /// Fills free slots from the lowest until there are so many instances. Those about to be forgotten are kept instead.
    pub(crate) fn grow(&mut self, requester: Requester, app: AppId, to: u16, up: bool) {
        let missing = usize::from(to).saturating_sub(self.members(app).len());
        let Some(known) = self.apps.get(&app) else { return };
        let is_free = |slot: &u16| match known.slots.get(slot) {
            Some(id) => self.instances.get(id).is_some_and(|instance| instance.want == Want::Gone),
            None => true,
        };
        let slots: Vec<u16> = (0..=u16::MAX).filter(is_free).take(missing).collect();
        for slot in slots {
            let present = self.apps.get(&app).and_then(|app| app.slots.get(&slot)).copied();
            let id = present.or_else(|| self.add_instance(app, slot, None));
            let Some(id) = id else { return };
            self.each(requester.request, &[id], |instance| {
                if up { instance.raise(requester) } else { instance.add(requester) }
            });
        }
    }

    /// Takes the highest slots away until there are so many instances.
    pub(crate) fn shrink(&mut self, requester: Requester, app: AppId, to: u16) {
        let ids = self.members(app);
        let Requester { now, request, .. } = requester;
        let surplus = ids.get(usize::from(to)..).unwrap_or_default();
        self.each(request, surplus, |instance| instance.delete(now, request));
    }

    fn scale(
        &mut self,
        requester: Requester,
        select: &[Select],
        to: u16,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let to = to.max(1);
        let ids = self.resolve(select)?;
        let apps = self.apps_of(&ids);
        let count = u64::try_from(apps.len()).unwrap_or(u64::MAX);
        self.check_room(count.saturating_mul(u64::from(to)))?;
        for app in apps {
            if let Some(known) = self.apps.get(&app) {
                let spec = AppSpec { instances: to, ..AppSpec::clone(&known.spec) };
                self.set_spec(app, spec, orders);
            }
            let staying = self.members(app);
            let staying = staying.get(..usize::from(to)).unwrap_or(&staying);
            self.each(requester.request, staying, |instance| {
                instance.answers.push((requester.request, Became::Unchanged));
            });
            self.shrink(requester, app, to);
            self.grow(requester, app, to, true);
        }
        Ok(())
    }

    fn signal(
        &mut self,
        request: RequestId,
        select: &[Select],
        signal: Signal,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        for id in self.resolve(select)? {
            if let Some(instance) = self.instances.get_mut(&id) {
                let became = instance.forward(signal, orders);
                instance.answers.push((request, became));
            }
            self.each(request, &[id], |_| {});
        }
        Ok(())
    }

    fn restore_saved(
        &mut self,
        requester: Requester,
        list: Vec<SavedApp>,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let count: usize = list.iter().map(|saved| saved.instances.len()).sum();
        let top =
            list.iter().flat_map(|saved| &saved.instances).map(|instance| instance.id.0).max();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.check_room(count.saturating_add(top.unwrap_or(0).into()))?;
        let known: BTreeMap<_, _> = self.names.clone();
        // Numbers that are asked for come first, or a substitute could take one of them away.
        if let Some(top) = top {
            self.counters.instance.0 = self.counters.instance.0.max(top.saturating_add(1));
        }
        for SavedApp { spec, instances } in list {
            let key = (spec.name.clone(), spec.namespace.clone());
            if let Some(apps) = known.get(&key) {
                let ids: Vec<_> = apps.iter().flat_map(|app| self.members(*app)).collect();
                let request = requester.request;
                self.each(request, &ids, |s| s.answers.push((request, Became::Unchanged)));
            } else if !instances.is_empty() {
                let app = self.add_app(spec, orders);
                for saved in instances {
                    let taken =
                        self.apps.get(&app).is_some_and(|a| a.slots.contains_key(&saved.slot));
                    if taken {
                        continue;
                    }
                    let free = !self.instances.contains_key(&saved.id);
                    let id = self.add_instance(app, saved.slot, free.then_some(saved.id));
                    let Some(id) = id else { continue };
                    self.each(requester.request, &[id], |instance| {
                        // Compose: `always` also means those that a person had stopped.
                        let comes =
                            saved.wanted || instance.spec.restart.rule == RestartRule::Always;
                        if comes && !instance.spec.is_job() {
                            instance.raise(requester);
                        } else {
                            instance.add(requester);
                            instance.resting = saved.resting || saved.wanted;
                            instance.job.done = saved.done;
                        }
                    });
                }
            }
        }
        Ok(())
    }

    fn shut_down(&mut self, now: Time, request: RequestId) {
        self.leaving = true;
        self.requests.leave_after(request);
        let ids: Vec<_> = self.instances.keys().copied().collect();
        self.each(request, &ids, |instance| instance.stop(now, request, Cause::Shutdown));
    }
}
