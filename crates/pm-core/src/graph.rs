//! Who depends on whom.
//!
//! Where no app depends on another there is nothing here. Edges that lead back to where they came from count for
//! nothing; whoever asks for such apps is refused, but a list that was saved by somebody else may have them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec, Dependency};

use crate::gate::Face;
use crate::id::{AppId, InstanceId};

/// One thing an app needs.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) dependency: Dependency,
    /// The apps of that name; none: there is none.
    pub(crate) apps: BTreeSet<AppId>,
}

/// Who depends on whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct DependencyGraph {
    /// Apps came, went, or are called something else: it has to be made anew.
    pub(crate) is_stale: bool,
    needs: BTreeMap<AppId, Vec<Need>>,
    needed_by: BTreeMap<AppId, BTreeSet<AppId>>,
    /// How instances looked to their neighbours when those were last told.
    pub(crate) faces: BTreeMap<InstanceId, Face>,
}

impl DependencyGraph {
    pub(crate) fn of<'a, I: Iterator<Item = (AppId, &'a AppSpec)> + Clone>(apps: I) -> Self {
        let mut graph = Self::default();
        if apps.clone().all(|(_, spec)| spec.depends_on.is_empty()) {
            return graph;
        }
        let mut named: BTreeMap<&AppName, Vec<(AppId, &AppName)>> = BTreeMap::new();
        for (id, spec) in apps.clone() {
            named.entry(&spec.name).or_default().push((id, &spec.namespace));
        }
        for (id, spec) in apps.filter(|(_, spec)| !spec.depends_on.is_empty()) {
            let need = |dependency: &Dependency| {
                let all = named.get(&dependency.app).map_or(&[][..], Vec::as_slice);
                let near = all.iter().filter(|(_, namespace)| **namespace == spec.namespace);
                let near: BTreeSet<AppId> = near.map(|(id, _)| *id).collect();
                let far = || all.iter().map(|(id, _)| *id).collect();
                let apps = if near.is_empty() { far() } else { near };
                Need { dependency: dependency.clone(), apps }
            };
            graph.needs.insert(id, spec.depends_on.iter().map(need).collect());
        }
        graph
    }

    /// Without the edges that lead back, and with the way back along the others.
    pub(crate) fn without_circles(mut self) -> Self {
        let ids: Vec<AppId> = self.needs.keys().copied().collect();
        let reach: BTreeMap<AppId, BTreeSet<AppId>> =
            ids.iter().map(|id| (*id, self.reachable(*id))).collect();
        for (id, needs) in &mut self.needs {
            let leads_back = |to: &AppId| reach.get(to).is_some_and(|all| all.contains(id));
            needs.retain(|need| need.apps.is_empty() || !need.apps.iter().all(leads_back));
            for need in needs {
                need.apps.retain(|to| !leads_back(to));
                for to in &need.apps {
                    self.needed_by.entry(*to).or_default().insert(*id);
                }
            }
        }
        self
    }

    /// All that this one needs, and what those need.
    fn reachable(&self, from: AppId) -> BTreeSet<AppId> {
        let (mut found, mut open) = (BTreeSet::new(), Vec::from([from]));
        while let Some(id) = open.pop() {
            open.extend(self.next(id).filter(|to| found.insert(*to)));
        }
        found
    }

    pub(crate) fn next(&self, id: AppId) -> impl Iterator<Item = AppId> {
        self.needs.get(&id).into_iter().flatten().flat_map(|need| need.apps.iter().copied())
    }

    /// A way from here back to here.
    pub(crate) fn circle(&self, from: AppId) -> Option<Vec<AppId>> {
        let mut way = Vec::from([from]);
        let mut seen = BTreeSet::new();
        while let Some(last) = way.last().copied() {
            if self.next(last).any(|to| to == from) {
                return Some(way);
            }
            match self.next(last).find(|to| seen.insert(*to)) {
                Some(to) => way.push(to),
                None => drop(way.pop()),
            }
        }
        None
    }

    pub(crate) fn concerns(&self, app: AppId) -> bool {
        self.needs.contains_key(&app) || self.needed_by.contains_key(&app)
    }

    /// Whether nobody depends on anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// All apps that depend on others or that others depend on; some twice.
    pub(crate) fn apps(&self) -> impl Iterator<Item = AppId> {
        self.needs.keys().chain(self.needed_by.keys()).copied()
    }

    /// What an app needs.
    pub(crate) fn needs_of(&self, app: AppId) -> impl Iterator<Item = &Need> {
        self.needs.get(&app).into_iter().flatten()
    }

    /// Who needs an app.
    pub(crate) fn needed_by(&self, app: AppId) -> impl Iterator<Item = AppId> {
        self.needed_by.get(&app).into_iter().flatten().copied()
    }
}
