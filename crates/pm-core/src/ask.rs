//! What people ask for: each wish becomes wants of instances and aims of its request.
//!
//! Everything that can be refused is refused before anything is changed.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pm_spec::{AppSpec, Environment, Select, Signal};

use crate::core::Core;
use crate::fact::{Ask, Existing, Patience};
use crate::id::{AppId, InstanceId, RequestId, Time};
use crate::instance::Seat;
use crate::order::{Became, Order, Refused};
use crate::phase::{Phase, Want};
use crate::request::{Goal, Then, Wish};
use crate::saved::SavedApp;
use crate::view::Cause;

/// Who asks, when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) now: Time,
    pub(crate) request: RequestId,
    patience: Patience,
}

impl Core {
    /// A client asks.
    pub(crate) fn asked(
        &mut self,
        now: Time,
        request: RequestId,
        ask: Ask,
        orders: &mut Vec<Order>,
    ) {
        if self.leaving {
            return self.refuse(request, Refused::Leaving, orders);
        }
        self.goals.insert(request, Goal::new());
        match self.wish(now, request, ask, orders) {
            Ok(()) => {
                self.finished.insert(request);
            }
            Err(why) => self.refuse(request, why, orders),
        }
    }

    fn wish(
        &mut self,
        now: Time,
        request: RequestId,
        ask: Ask,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let settled = Asker { now, request, patience: Patience::Settled };
        match ask {
            Ask::Start { apps, existing, patience } => {
                self.start(Asker { patience, ..settled }, apps, existing, orders)
            }
            Ask::Raise { select, env, patience } | Ask::Restart { select, env, patience } => {
                let ids = self.resolve(&select)?;
                self.lay_over(&ids, env.as_ref(), orders);
                self.renew_all(Asker { patience, ..settled }, &ids);
                Ok(())
            }
            Ask::Stop(select) => {
                let ids = self.resolve(&select)?;
                self.each(request, &ids, |seat| seat.stop(now, request, Cause::Stopped));
                Ok(())
            }
            Ask::Reload { select, env, force } => {
                let ids = self.resolve(&select)?;
                if let Some(name) = self.reloading(&ids).filter(|_| !force) {
                    return Err(Refused::Reloading(name));
                }
                self.lay_over(&ids, env.as_ref(), orders);
                self.each(request, &ids, |_| {});
                self.reload(now, request, &ids);
                Ok(())
            }
            Ask::Delete(select) => {
                let ids = self.resolve(&select)?;
                self.each(request, &ids, |seat| seat.delete(now, request));
                Ok(())
            }
            Ask::Scale { select, to } => self.scale(settled, &select, to, orders),
            Ask::Rename { select, to } => {
                let ids = self.resolve(&select)?;
                self.rename(request, &ids, to, orders)
            }
            Ask::Reset(select) => {
                let ids = self.resolve(&select)?;
                self.each(request, &ids, |seat| seat.reset(now, request));
                Ok(())
            }
            Ask::Signal(select, signal) => self.signal(request, &select, signal, orders),
            Ask::Restore(list) => self.bring_back(settled, list, orders),
            Ask::Leave => {
                self.leave(now, request);
                Ok(())
            }
        }
    }

    /// Opens the request for these instances and does the same with each.
    pub(crate) fn each(&mut self, request: RequestId, ids: &[InstanceId], act: impl Fn(&mut Seat)) {
        for id in ids {
            if let Some(seat) = self.seats.get_mut(id) {
                act(seat);
                self.dirty.insert(*id);
                if let Some(goal) = self.goals.get_mut(&request) {
                    goal.open.insert(*id);
                }
            }
        }
    }

    fn renew_all(&mut self, asker: Asker, ids: &[InstanceId]) {
        let wish = self.wish_of(asker);
        self.each(asker.request, ids, |seat| seat.renew(wish));
    }

    pub(crate) const fn wish_of(&self, asker: Asker) -> Wish {
        let Asker { now, request, patience } = asker;
        Wish { now, request, patience, from: self.counters.run }
    }

    /// The apps of these instances see this shell now.
    fn lay_over(&mut self, ids: &[InstanceId], env: Option<&Environment>, orders: &mut Vec<Order>) {
        let Some(env) = env else { return };
        for app in self.apps_of(ids) {
            if let Some(mut spec) = self.apps.get(&app).map(|app| AppSpec::clone(&app.spec)) {
                spec.env = spec.seen_from(env);
                self.respec(app, spec, orders);
            }
        }
    }

    pub(crate) fn apps_of(&self, ids: &[InstanceId]) -> BTreeSet<AppId> {
        ids.iter().filter_map(|id| self.seats.get(id)).map(|seat| seat.app).collect()
    }

    /// The apps of that name in that namespace.
    fn same(&self, spec: &AppSpec) -> Vec<AppId> {
        let key = (spec.name.clone(), spec.namespace.clone());
        self.names.get(&key).map_or_else(Vec::new, |ids| ids.iter().copied().collect())
    }

    fn start(
        &mut self,
        asker: Asker,
        apps: Vec<AppSpec>,
        existing: Existing,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let mut wanted: u64 = 0;
        for spec in &apps {
            let known = self.same(spec);
            if existing == Existing::Refuse && known.iter().any(|app| self.is_up(*app)) {
                return Err(Refused::AlreadyUp(spec.name.clone()));
            }
            let times = u64::try_from(known.len()).unwrap_or(u64::MAX).max(1);
            wanted = wanted.saturating_add(times.saturating_mul(u64::from(spec.instances)));
        }
        self.room_for(wanted)?;
        for spec in apps {
            let known = if existing == Existing::Duplicate { Vec::new() } else { self.same(&spec) };
            if known.is_empty() {
                let (up, to) = (spec.autostart, spec.instances);
                let app = self.add_app(spec, orders);
                self.grow(asker, app, to, up);
            } else {
                for app in known {
                    self.again(asker, app, (&spec, existing), orders);
                }
            }
        }
        Ok(())
    }

    /// Whether so many more instances (and as many apps) have numbers.
    fn room_for(&self, more: u64) -> Result<(), Refused> {
        let top = u64::from(self.counters.instance.0.max(self.counters.app.0));
        if top.saturating_add(more) < u64::from(u32::MAX) { Ok(()) } else { Err(Refused::TooMany) }
    }

    /// Whether anything of it is up or coming up.
    pub(crate) fn is_up(&self, app: AppId) -> bool {
        let ids = self.apps.get(&app).into_iter().flat_map(|app| app.seats.values());
        ids.filter_map(|id| self.seats.get(id)).any(|seat| {
            seat.want.is_up() && !matches!(seat.phase, Phase::Failed { .. } | Phase::Lost(_))
        })
    }

    /// `Start` of an app that is known and has its new spec.
    pub(crate) fn update(&mut self, asker: Asker, app: AppId, existing: Existing) {
        let Some(known) = self.apps.get(&app) else { return };
        let (to, autostart) = (known.spec.instances, known.spec.autostart);
        self.shrink(asker, app, to);
        if existing == Existing::Reload {
            self.members_reloaded(asker, app);
        } else {
            self.members_up(asker, app, existing);
        }
        self.grow(asker, app, to, autostart);
    }

    /// The instances that stay: restarted or raised, or left down if the app is not to start by itself.
    pub(crate) fn members_up(&mut self, asker: Asker, app: AppId, existing: Existing) {
        let wish = self.wish_of(asker);
        let ids = self.members(app);
        self.each(asker.request, &ids, |seat| {
            if !seat.want.is_up() && !seat.spec.autostart {
                seat.ignore(wish.request);
                seat.answers.push((wish.request, Became::Unchanged));
            } else if existing == Existing::Restart {
                seat.renew(wish);
            } else {
                seat.raise(wish);
            }
        });
    }

    /// The instances of an app that are not on their way to be forgotten, by slot.
    pub(crate) fn members(&self, app: AppId) -> Vec<InstanceId> {
        let ids = self.apps.get(&app).into_iter().flat_map(|app| app.seats.values().copied());
        let stays = |id: &InstanceId| self.seats.get(id).is_some_and(|s| s.want != Want::Gone);
        ids.filter(stays).collect()
    }

    /// Fills free slots from the lowest until there are so many instances. Those about to be forgotten are kept instead.
    pub(crate) fn grow(&mut self, asker: Asker, app: AppId, to: u16, up: bool) {
        let missing = usize::from(to).saturating_sub(self.members(app).len());
        let Some(known) = self.apps.get(&app) else { return };
        let is_free = |slot: &u16| match known.seats.get(slot) {
            Some(id) => self.seats.get(id).is_some_and(|seat| seat.want == Want::Gone),
            None => true,
        };
        let slots: Vec<u16> = (0..=u16::MAX).filter(is_free).take(missing).collect();
        let wish = self.wish_of(asker);
        for slot in slots {
            let present = self.apps.get(&app).and_then(|app| app.seats.get(&slot)).copied();
            let id = match present {
                Some(id) => id,
                None => match self.add_seat(app, slot, None) {
                    Some(seat) => seat.id,
                    None => return,
                },
            };
            self.each(
                wish.request,
                &[id],
                |seat| if up { seat.raise(wish) } else { seat.add(wish) },
            );
        }
    }

    /// Takes the highest slots away until there are so many instances.
    pub(crate) fn shrink(&mut self, asker: Asker, app: AppId, to: u16) {
        let ids = self.members(app);
        let Asker { now, request, .. } = asker;
        let surplus = ids.get(usize::from(to)..).unwrap_or_default();
        self.each(request, surplus, |seat| seat.delete(now, request));
    }

    fn scale(
        &mut self,
        asker: Asker,
        select: &[Select],
        to: u16,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let to = to.max(1);
        let ids = self.resolve(select)?;
        let apps = self.apps_of(&ids);
        let count = u64::try_from(apps.len()).unwrap_or(u64::MAX);
        self.room_for(count.saturating_mul(u64::from(to)))?;
        for app in apps {
            if let Some(known) = self.apps.get(&app) {
                let spec = AppSpec { instances: to, ..AppSpec::clone(&known.spec) };
                self.respec(app, spec, orders);
            }
            let staying = self.members(app);
            let staying = staying.get(..usize::from(to)).unwrap_or(&staying);
            self.each(asker.request, staying, |seat| {
                seat.answers.push((asker.request, Became::Unchanged));
            });
            self.shrink(asker, app, to);
            self.grow(asker, app, to, true);
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
            let (became, order) = self.pass(id, signal);
            orders.extend(order);
            self.each(request, &[id], |seat| seat.answers.push((request, became.clone())));
        }
        Ok(())
    }

    fn bring_back(
        &mut self,
        asker: Asker,
        list: Vec<SavedApp>,
        orders: &mut Vec<Order>,
    ) -> Result<(), Refused> {
        let count: usize = list.iter().map(|saved| saved.seats.len()).sum();
        let top = list.iter().flat_map(|saved| &saved.seats).map(|seat| seat.id.0).max();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.room_for(count.saturating_add(top.unwrap_or(0).into()))?;
        let known: BTreeMap<_, _> = self.names.clone();
        // Numbers that are asked for come first, or a substitute could take one of them away.
        if let Some(top) = top {
            self.counters.instance.0 = self.counters.instance.0.max(top.saturating_add(1));
        }
        for SavedApp { spec, seats } in list {
            let key = (spec.name.clone(), spec.namespace.clone());
            if let Some(apps) = known.get(&key) {
                let ids: Vec<_> = apps.iter().flat_map(|app| self.members(*app)).collect();
                let request = asker.request;
                self.each(request, &ids, |s| s.answers.push((request, Became::Unchanged)));
            } else if !seats.is_empty() {
                let app = self.add_app(spec, orders);
                for saved in seats {
                    let taken =
                        self.apps.get(&app).is_some_and(|a| a.seats.contains_key(&saved.slot));
                    if taken {
                        continue;
                    }
                    let free = !self.seats.contains_key(&saved.id);
                    let Some(seat) = self.add_seat(app, saved.slot, free.then_some(saved.id))
                    else {
                        continue;
                    };
                    let id = seat.id;
                    let wish = self.wish_of(asker);
                    self.each(asker.request, &[id], |seat| {
                        if saved.wanted {
                            seat.raise(wish);
                        } else {
                            seat.add(wish);
                            seat.resting = saved.resting;
                        }
                    });
                }
            }
        }
        Ok(())
    }

    fn leave(&mut self, now: Time, request: RequestId) {
        self.leaving = true;
        if let Some(goal) = self.goals.get_mut(&request) {
            goal.then = Then::Leave;
        }
        let ids: Vec<_> = self.seats.keys().copied().collect();
        self.each(request, &ids, |seat| seat.stop(now, request, Cause::Shutdown));
    }
}

impl Seat {
    /// Known, but not wanted up.
    fn add(&mut self, wish: Wish) {
        self.ignore(wish.request);
        if self.want == Want::Gone {
            self.answer_if(|_| true, &Became::Superseded);
            self.want = Want::Down;
        }
        self.resting = true;
        self.touch();
        self.answers.push((wish.request, Became::Added));
    }
}
