//! What apps that depend on each other know of each other: each waits for what it needs, and goes after those that need it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use pm_spec::{Condition, Dependency};

use crate::core::Core;
use crate::end::Cause;
use crate::gate::{Obstacle, Standing};
use crate::graph::{DependencyGraph, Need};
use crate::id::{AppId, InstanceId, RunId, Time};
use crate::instance::Instance;
use crate::phase::{Phase, Want};

impl Core {
    /// Whether somebody waits for what becomes of the run's instance.
    pub fn is_awaited(&self, run: RunId) -> bool {
        let instance = self.index.owner(run).and_then(|id| self.instances.get(&id));
        instance.is_some_and(|it| !it.waiters.is_empty() || it.gate.is_needed)
    }

    /// The next instance to be looked at: what others depend on before those, so that it is written down first.
    pub(crate) fn next_dirty(&mut self) -> Option<InstanceId> {
        self.refresh_graph();
        let mut next = self.dirty.first().copied()?;
        while let Some(earlier) = self.dirty_need(next) {
            next = earlier;
        }
        self.dirty.take(&next)
    }

    fn dirty_need(&self, id: InstanceId) -> Option<InstanceId> {
        let app = self.instances.get(&id)?.app;
        let needed = self.graph.next(app).filter_map(|app| self.apps.get(&app));
        let mut slots = needed.flat_map(|app| app.slots.values().copied());
        slots.find(|id| self.dirty.contains(id))
    }

    /// Makes the graph anew if apps have changed; everybody in it looks again.
    pub(crate) fn refresh_graph(&mut self) {
        if !::core::mem::take(&mut self.graph.is_stale) {
            return;
        }
        let specs = self.apps.values().map(|app| (app.id, &*app.spec));
        let new = DependencyGraph::of(specs).without_circles();
        let old = ::core::mem::replace(&mut self.graph, new);
        for graph in [&old, &self.graph] {
            for app in graph.apps() {
                let slots = self.apps.get(&app).into_iter().flat_map(|app| app.slots.values());
                self.dirty.extend(slots);
            }
        }
    }

    /// Tells an instance how its neighbours stand.
    pub(crate) fn tell_of_neighbours(&mut self, now: Time, id: InstanceId) {
        let Some(instance) = self.instances.get(&id) else { return };
        let gate = &instance.gate;
        if !self.graph.concerns(instance.app) && gate.obstacles.is_empty() && !gate.is_held {
            return;
        }
        let (obstacles, needed) = self.obstacles(now, instance);
        let is_held = self.is_held(instance);
        for id in needed {
            if let Some(other) = self.instances.get_mut(&id) {
                other.gate.is_needed = true;
            }
            self.reindex(id);
        }
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.gate.is_held = is_held;
            if instance.gate.obstacles != obstacles {
                instance.gate.obstacles = obstacles;
                instance.changed = true;
            }
        }
    }

    /// What keeps an instance from beginning, and who is waited for to be ready.
    pub(crate) fn obstacles(
        &self,
        now: Time,
        instance: &Instance,
    ) -> (Vec<Obstacle>, Vec<InstanceId>) {
        let (mut obstacles, mut needed) = (Vec::new(), Vec::new());
        let begins = instance.want.is_up() && instance.phase.run().is_none();
        if !begins || instance.gate.is_open {
            return (obstacles, needed);
        }
        for need in self.graph.needs_of(instance.app) {
            let Dependency { app, condition, required, .. } = &need.dependency;
            let mut standing = self.standing(now, need);
            // Who only waits until its work is over, however it ends, waits as long as it is tried again.
            if let (Standing::Stuck(_), Condition::Completed, false) =
                (&standing, condition, *required)
                && let Some((_, again)) = self
                    .sitting(&need.apps)
                    .find(|(_, it)| matches!(it.phase, Phase::Backoff { .. }))
            {
                standing = Standing::Coming(again.status());
            }
            if matches!(condition, Condition::Ready | Condition::Healthy) {
                let waits_for = |it: &Instance| {
                    let is_up = matches!(it.phase, Phase::Up { .. }) && it.want == Want::Up;
                    is_up
                        && !it.gate.is_needed
                        && matches!(it.standing(Condition::Ready, now), Standing::Coming(_))
                };
                let up = self.sitting(&need.apps).filter(|(_, it)| waits_for(it));
                needed.extend(up.map(|(id, _)| id));
            }
            let counts = match &standing {
                Standing::Met => false,
                Standing::Coming(_) => true,
                Standing::Stuck(_) | Standing::Failed(_) => *required,
            };
            if counts {
                obstacles.push(Obstacle::new(app.clone(), *condition, standing));
            }
        }
        (obstacles, needed)
    }

    /// How an app stands, all its instances together: what is on its way is waited for, and then one that is as it has to
    /// be does. Work is done when all have done it.
    pub(crate) fn standing(&self, now: Time, need: &Need) -> Standing {
        let condition = need.dependency.condition;
        let rank = |standing: &Standing| match (standing, condition) {
            (Standing::Failed(_), Condition::Completed) => 0,
            (Standing::Stuck(_), Condition::Completed) => 1,
            (Standing::Coming(_), _) => 2,
            (Standing::Met, _) => 3,
            (Standing::Stuck(_), _) => 4,
            (Standing::Failed(_), _) => 5,
        };
        let all = self.sitting(&need.apps).map(|(_, instance)| instance.standing(condition, now));
        all.min_by_key(rank).unwrap_or(Standing::Failed(Cause::Missing))
    }

    /// Whether somebody who needs this one is on the way out with it.
    pub(crate) fn is_held(&self, instance: &Instance) -> bool {
        if !matches!(instance.phase, Phase::Up { .. }) {
            return false;
        }
        let apps: BTreeSet<AppId> = self.graph.needed_by(instance.app).collect();
        self.sitting(&apps).any(|(_, other)| other.is_leaving())
    }

    pub(crate) fn sitting(
        &self,
        apps: &BTreeSet<AppId>,
    ) -> impl Iterator<Item = (InstanceId, &Instance)> {
        let slots = apps.iter().filter_map(|app| self.apps.get(app)).flat_map(|a| a.slots.values());
        slots.filter_map(|id| Some((*id, &**self.instances.get(id)?)))
    }

    /// Has the neighbours of an instance look again if it looks different.
    pub(crate) fn tell_neighbours(&mut self, now: Time, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let app = instance.app;
        if !self.graph.concerns(app) {
            instance.gate.is_needed = false;
            return;
        }
        let is_coming = matches!(instance.standing(Condition::Ready, now), Standing::Coming(_));
        instance.gate.is_needed &= is_coming && instance.want == Want::Up;
        let face = instance.face(now);
        if self.graph.faces.get(&id) != Some(&face) {
            self.graph.faces.insert(id, face);
            self.wake_neighbours(app);
        }
    }

    /// An instance of this app is no more.
    pub(crate) fn left_the_graph(&mut self, app: AppId, id: InstanceId) {
        if self.graph.faces.remove(&id).is_some() {
            self.wake_neighbours(app);
        }
    }

    fn wake_neighbours(&mut self, app: AppId) {
        let after = self.graph.needed_by(app);
        let neighbours: BTreeSet<AppId> = after.chain(self.graph.next(app)).collect();
        let ids: Vec<InstanceId> = self.sitting(&neighbours).map(|(id, _)| id).collect();
        self.dirty.extend(ids);
    }
}
