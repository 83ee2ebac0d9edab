//! What comes along with what people ask for: what apps need comes up with them, and those restarted that are to be.
//!
//! What can never come up for what it depends on is refused.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pm_spec::{AppSpec, Condition, Existing};

use crate::core::Core;
use crate::gate::Standing;
use crate::graph::{DependencyGraph, Need};
use crate::id::{AppId, InstanceId, RequestId};
use crate::instance::Instance;
use crate::order::Refused;
use crate::phase::Want;
use crate::request::{Awaited, Requester};

impl Core {
    /// Refuses apps that could never begin for what they depend on.
    pub(crate) fn check_dependencies(
        &self,
        apps: &[AppSpec],
        existing: Existing,
    ) -> Result<(), Refused> {
        if apps.iter().all(|spec| spec.depends_on.is_empty()) {
            return Ok(());
        }
        let is_new = |known: &AppSpec| {
            let same = |it: &AppSpec| it.name == known.name && it.namespace == known.namespace;
            existing != Existing::Duplicate && apps.iter().any(same)
        };
        let known = self.apps.values().map(|app| (app.id, &*app.spec));
        let new = (0_u32..).zip(apps).map(|(at, spec)| (AppId(u32::MAX - at), spec));
        let all: BTreeMap<AppId, &AppSpec> =
            known.filter(|(_, spec)| !is_new(spec)).chain(new.clone()).collect();
        let graph = DependencyGraph::of(all.iter().map(|(id, spec)| (*id, *spec)));
        let name = |id: &AppId| all.get(id).map(|spec| spec.name.clone());
        for (id, spec) in new {
            for need in graph.needs_of(id) {
                let (app, on) = (spec.name.clone(), need.dependency.app.clone());
                if need.apps.is_empty() && need.dependency.required {
                    return Err(Refused::UnknownDependency { app, on });
                }
                let any = |is: fn(&AppSpec) -> bool| {
                    need.apps.iter().any(|id| all.get(id).is_some_and(|spec| is(spec)))
                };
                match need.dependency.condition {
                    Condition::Completed if any(never_completes) => {
                        return Err(Refused::NeverCompletes { app, on });
                    }
                    Condition::Healthy if any(|spec| spec.checks.health.is_none()) => {
                        return Err(Refused::NoHealthCheck { app, on });
                    }
                    Condition::Started
                    | Condition::Ready
                    | Condition::Healthy
                    | Condition::Completed => {}
                }
            }
            if let Some(way) = graph.circle(id) {
                return Err(Refused::Circle(way.iter().filter_map(name).collect()));
            }
        }
        Ok(())
    }

    /// Who is asked to come up has what it needs come up as well, and those restarted who are to be with it.
    pub(crate) fn bring_along(&mut self, requester: Requester, no_deps: bool) {
        self.refresh_graph();
        if self.graph.is_empty() && !no_deps {
            return;
        }
        let mut open: Vec<AppId> = self.apps.keys().copied().collect();
        open.retain(|app| self.rising(requester.request, *app).next().is_some());
        if no_deps {
            let all: Vec<_> =
                open.iter().flat_map(|app| self.rising(requester.request, *app)).collect();
            return all.into_iter().for_each(|id| self.open_gate(id));
        }
        while let Some(app) = open.pop() {
            open.extend(self.raise_needs(requester, app, |_| true));
            open.extend(self.renew_followers(requester, app));
        }
    }

    /// The same for apps that are brought back: only what a person has not stopped.
    pub(crate) fn bring_resting(&mut self, requester: Requester) {
        self.refresh_graph();
        let mut open: Vec<AppId> = self.graph.apps().collect();
        open.retain(|app| self.rising(requester.request, *app).next().is_some());
        while let Some(app) = open.pop() {
            open.extend(self.raise_needs(requester, app, |instance| instance.resting));
        }
    }

    /// The instances of an app that come up for a request.
    fn rising(&self, request: RequestId, app: AppId) -> impl Iterator<Item = InstanceId> {
        let slots = self.apps.get(&app).into_iter().flat_map(|app| app.slots.values());
        let waits = move |id: &InstanceId| {
            let instance = self.instances.get(id);
            let mut waiters = instance.into_iter().flat_map(|instance| &instance.waiters);
            let comes = |it: &Awaited| matches!(it, Awaited::Up { .. } | Awaited::End { .. });
            waiters.any(|it| it.request == request && comes(&it.awaited))
        };
        slots.copied().filter(waits)
    }

    fn open_gate(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.gate.is_open = true;
            instance.mark_changed();
            self.dirty.insert(id);
        }
    }

    /// What an app needs and is neither up nor done comes up too; the apps that are begun.
    fn raise_needs(
        &mut self,
        requester: Requester,
        app: AppId,
        such: impl Fn(&Instance) -> bool,
    ) -> BTreeSet<AppId> {
        let comes = |need: &&Need| {
            matches!(self.standing(requester.now, need), Standing::Met | Standing::Coming(_))
        };
        let is_down = |need: &Need, instance: &Instance| {
            let standing = instance.standing(need.dependency.condition, requester.now);
            let is_up = instance.want.is_up() && !instance.is_hopeless();
            !is_up && standing != Standing::Met && instance.want != Want::Gone
        };
        let mut down = Vec::new();
        for need in self.graph.needs_of(app).filter(|need| !comes(need)) {
            let needed = self.sitting(&need.apps).filter(|(_, it)| is_down(need, it) && such(it));
            down.extend(needed.map(|(id, _)| id));
        }
        self.each(requester.request, &down, |instance| instance.raise(requester));
        self.apps_of(&down)
    }

    /// Those that run and are to be restarted with this app; the apps that are.
    fn renew_followers(&mut self, requester: Requester, app: AppId) -> BTreeSet<AppId> {
        let ids: Vec<InstanceId> =
            self.followers(app).filter(|id| !self.is_rising(requester.request, *id)).collect();
        self.each(requester.request, &ids, |instance| instance.renew(requester));
        self.apps_of(&ids)
    }

    fn is_rising(&self, request: RequestId, id: InstanceId) -> bool {
        let app = self.instances.get(&id).map(|instance| instance.app);
        app.is_some_and(|app| self.rising(request, app).any(|it| it == id))
    }

    fn followers(&self, app: AppId) -> impl Iterator<Item = InstanceId> {
        let follows = move |other: &AppId| {
            let mut needs = self.graph.needs_of(*other);
            needs.any(|need| need.dependency.restart && need.apps.contains(&app))
        };
        let after = self.graph.needed_by(app).filter(follows);
        let slots = after.filter_map(|app| self.apps.get(&app));
        let ids = slots.flat_map(|app| app.slots.values().copied());
        ids.filter(|id| {
            let instance = self.instances.get(id);
            instance.is_some_and(|it| it.want.is_up() && it.phase.run().is_some())
        })
    }
}

/// Whether an app begins again whenever it ends well.
fn never_completes(spec: &AppSpec) -> bool {
    spec.restart.autorestart && !spec.restart.stop_exit_codes.contains(&0)
}
