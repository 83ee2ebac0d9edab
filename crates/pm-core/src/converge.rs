//! A known app is to be as a new spec says: restarted, reloaded, or changed while it runs.
//!
//! What it takes is `pm_spec`'s to say; here it is done with no more than that.

use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec, Effort, Mode};

use crate::app::App;
use crate::ask::Requester;
use crate::core::Core;
use crate::fact::Existing;
use crate::id::{AppId, InstanceId, RequestId, Time};
use crate::instance::after;
use crate::order::{Became, Order, Refused};
use crate::phase::Phase;
use crate::second_run::{SecondRun, drain_timeout};

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
            Existing::Restart
            | Existing::Reload
            | Existing::Keep
            | Existing::Refuse
            | Existing::Duplicate => {
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
        let existing = match (effort, spec.serving.mode) {
            (Effort::Renewal, Mode::Cluster) => Existing::Reload,
            (Effort::Renewal, Mode::Fork) => Existing::Restart,
            (Effort::Nothing | Effort::Live, _) => Existing::Converge,
        };
        if !self.is_up(app) || effort == Effort::Renewal {
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
            if let Some(SecondRun { phase: Phase::Stopping(stopping), .. }) = &mut instance.second
                && stopping.force_at > drained
            {
                stopping.force_at = drained;
                instance.mark_changed();
                self.dirty.insert(id);
            }
        }
    }

    fn all_members(&self, app: AppId) -> Vec<InstanceId> {
        self.apps.get(&app).map_or_else(Vec::new, |app| app.slots.values().copied().collect())
    }

    /// Those that this request left as they were are governed by new rules.
    fn tell_amended(&mut self, request: RequestId, app: AppId) {
        for id in self.members(app) {
            let answers = self.instances.get_mut(&id).map(|instance| &mut instance.answers);
            let own = answers.into_iter().flatten().filter(|(asked, _)| *asked == request);
            for (_, became) in own.filter(|(_, became)| *became == Became::Unchanged) {
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
        let start = self.start_request(requester);
        let is_up = |id: &InstanceId| {
            self.instances
                .get(id)
                .is_some_and(|instance| instance.want.is_up() || instance.spec.autostart)
        };
        let (up, down): (Vec<_>, Vec<_>) = self.members(app).into_iter().partition(is_up);
        self.each(requester.request, &down, |instance| {
            instance.ignore(start.request);
            instance.answers.push((start.request, Became::Unchanged));
        });
        self.each(requester.request, &up, |_| {});
        self.reload(requester.now, requester.request, &up);
    }
}
