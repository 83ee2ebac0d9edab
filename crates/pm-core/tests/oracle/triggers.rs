//! What the triggers were told to wait for, and whom a person has stopped.
//!
//! Part of the oracle; the core itself keeps this in its apps and instances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pm_spec::{AppSpec, Reload, Restart, Schedule, Start};

use super::dependencies::needed;
use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::fact::{Ask, Fact};
use crate::id::{AppId, InstanceId};
use crate::order::Order;
use crate::phase::Want;
use crate::saved::InstanceRecord;

/// Sees what concerns the senses.
#[derive(Clone, Debug, Default)]
pub(crate) struct TriggerLaws {
    schedules: BTreeMap<AppId, Schedule>,
    watches: BTreeMap<AppId, Arc<AppSpec>>,
    stopped: BTreeSet<InstanceId>,
}

impl TriggerLaws {
    /// A fact is about to be told: who is stopped by a person from now on, and who no longer.
    pub(crate) fn fact(&mut self, core: &Core, fact: &Fact) {
        match fact {
            Fact::Asked(_, Ask::Stop(select), _) => {
                let stays = |id: &InstanceId| {
                    core.instances.get(id).is_some_and(|instance| instance.want != Want::Gone)
                };
                self.stopped.extend(core.resolve(select).into_iter().flatten().filter(stays));
            }
            Fact::Asked(
                _,
                Ask::Restart(Restart { select, .. })
                | Ask::Reload(Reload { select, .. })
                | Ask::Run(select, _)
                | Ask::Delete(select),
                _,
            ) => {
                for id in core.resolve(select).into_iter().flatten() {
                    self.stopped.remove(&id);
                }
                if let Fact::Asked(
                    _,
                    Ask::Restart(Restart { select, no_deps: false, .. }) | Ask::Run(select, _),
                    _,
                ) = fact
                {
                    let ids = core.resolve(select).into_iter().flatten();
                    let apps = ids.filter_map(|id| core.instance(id));
                    self.needed(core, apps.map(|one| AppSpec::clone(one.app)));
                }
            }
            Fact::Asked(_, Ask::Start(Start { apps, .. }), _) => {
                let started = |id: &InstanceId| {
                    let instance = core.instance(*id);
                    instance.is_some_and(|instance| {
                        apps.iter().any(|app| app.name == instance.app.name)
                    })
                };
                self.stopped.retain(|id| !started(id));
                self.needed(core, apps.iter().cloned());
            }
            Fact::ScheduleDue(app) => {
                let allowed = |id: &InstanceId| {
                    let instance = core.instance(*id).filter(|instance| instance.app_id == *app);
                    instance
                        .and_then(|instance| instance.app.schedule.clone())
                        .is_some_and(|it| it.after_stop)
                };
                self.stopped.retain(|id| !allowed(id));
            }
            Fact::Asked(..)
            | Fact::Withdrawn(_)
            | Fact::Spawned(..)
            | Fact::NotSpawned(..)
            | Fact::Ready(_)
            | Fact::Unready(..)
            | Fact::Checked(..)
            | Fact::Outside(..)
            | Fact::MainProcess(..)
            | Fact::Notified(..)
            | Fact::WorkersReplaced(_)
            | Fact::Ended(..)
            | Fact::TreeGone(_)
            | Fact::MemoryMeasured(..)
            | Fact::FileChanged(..)
            | Fact::HookOver(..)
            | Fact::TimePassed => {}
        }
    }

    /// Who starts these starts what they depend on.
    fn needed(&mut self, core: &Core, apps: impl IntoIterator<Item = AppSpec>) {
        let names = needed(core, apps);
        let is_needed = |id: &InstanceId| {
            core.instance(*id).is_some_and(|instance| names.contains(&instance.app.name))
        };
        self.stopped.retain(|id| !is_needed(id));
    }

    /// The senses are told something.
    pub(crate) fn order(&mut self, order: &Order) -> Result<(), BrokenLaw> {
        let news = match order {
            Order::Schedule(app, Some(schedule)) => {
                self.schedules.insert(*app, schedule.clone()).as_ref() != Some(schedule)
            }
            Order::Schedule(app, None) => self.schedules.remove(app).is_some(),
            Order::Watch(app, Some(spec)) => {
                self.watches.insert(*app, Arc::clone(spec)).as_ref() != Some(spec)
            }
            Order::Watch(app, None) => self.watches.remove(app).is_some(),
            Order::Persist(_)
            | Order::Spawn(..)
            | Order::Signal(..)
            | Order::Release(_)
            | Order::UpdateLogRules(..)
            | Order::MeasureMemory(_)
            | Order::Announce(_)
            | Order::Publish(_)
            | Order::Reply(..)
            | Order::Hook(..)
            | Order::Leave => true,
        };
        law(news, || format!("the senses are told when something changes: {order:?}"))
    }

    /// An instance is forgotten.
    pub(crate) fn gone(&mut self, id: InstanceId) {
        self.stopped.remove(&id);
    }

    /// A run of this instance is to be made.
    pub(crate) fn spawn(&self, id: InstanceId) -> Result<(), BrokenLaw> {
        law(!self.stopped.contains(&id), || {
            format!("instance {}: who was stopped by a person is started by one", id.0)
        })
    }

    /// After a step: the senses look out for exactly those whom something could move (law 4).
    pub(crate) fn rest(&self, core: &Core) -> Result<(), BrokenLaw> {
        for app in core.apps.values() {
            let instances = || {
                core.instances.values().filter(|instance| instance.app == app.id && !core.leaving)
            };
            let accepts_triggers =
                instances().any(|one| (one.want.is_up() && !one.job.once) || one.resting);
            let stays = instances().any(|instance| instance.want != Want::Gone);
            let broken = |what: &str| format!("app {}: {what}: {app:?}", app.id.0);
            let schedule = app.spec.schedule.as_ref();
            let timed = schedule.filter(|it| accepts_triggers || (it.after_stop && stays));
            law(timed == self.schedules.get(&app.id), || broken("its schedule is kept"))?;
            let seen = app.spec.watch.as_ref().filter(|watch| watch.on && accepts_triggers);
            let watched = self.watches.get(&app.id).and_then(|spec| spec.watch.as_ref());
            law(seen == watched, || broken("its files are watched"))?;
        }
        let known = |id: &AppId| core.apps.contains_key(id);
        let strangers = self.schedules.keys().chain(self.watches.keys()).any(|id| !known(id));
        law(!strangers, || "nobody looks out for an app that is gone".into())
    }

    /// The daemon died, and its senses with it; who was stopped is as it is written down.
    pub(crate) fn died(&mut self, instances: &BTreeMap<InstanceId, InstanceRecord>) {
        self.schedules.clear();
        self.watches.clear();
        let stopped = |instance: &InstanceRecord| instance.want == Want::Down && !instance.resting;
        self.stopped.retain(|id| instances.get(id).is_some_and(stopped));
    }
}
