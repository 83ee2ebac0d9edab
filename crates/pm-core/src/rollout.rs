//! Reload: one instance of an app after the other, each only after the one before is up.
//!
//! It only sets wants, and only for instances nobody has wished anything else for meanwhile. It does not survive the
//! daemon: who is not replaced by then keeps running as it was.

use alloc::collections::{BTreeMap, VecDeque};

use crate::core::Core;
use crate::fact::Patience;
use crate::id::{AppId, InstanceId, RequestId, Time};
use crate::order::{Became, Outcome};
use crate::request::{Aim, Rollout, Waiter, Wish};

impl Core {
    /// Begins a reload of these instances.
    pub(crate) fn reload(&mut self, now: Time, request: RequestId, ids: &[InstanceId]) {
        let mut queues: BTreeMap<AppId, VecDeque<InstanceId>> = BTreeMap::new();
        for id in ids {
            if let Some(seat) = self.seats.get_mut(id) {
                seat.answer_if(|aim| *aim == Aim::Turn, &Became::Superseded);
                seat.waiters.push(Waiter { request, aim: Aim::Turn });
                queues.entry(seat.app).or_default().push_back(*id);
                self.dirty.insert(*id);
            }
        }
        for (app, mut queue) in queues {
            let Some(current) = queue.pop_front() else { continue };
            if let Some(goal) = self.goals.get_mut(&request) {
                goal.rollouts.insert(app, Rollout { current, queue });
            }
            self.replace(now, request, current);
        }
    }

    /// The current one became this: on to the next, or an end of it.
    pub(crate) fn advance(&mut self, now: Time, request: RequestId, app: AppId, became: &Became) {
        let went_well = matches!(became, Became::Started | Became::Restarted | Became::Finished);
        loop {
            let rollout = self.goals.get_mut(&request).and_then(|goal| goal.rollouts.get_mut(&app));
            let Some(rollout) = rollout else { return };
            let Some(next) = rollout.queue.pop_front() else {
                if let Some(goal) = self.goals.get_mut(&request) {
                    goal.rollouts.remove(&app);
                }
                return;
            };
            let waits = self.seats.get(&next).is_some_and(|seat| {
                seat.waiters.iter().any(|w| w.request == request && w.aim == Aim::Turn)
            });
            if !waits {
                continue;
            }
            if went_well {
                rollout.current = next;
                self.replace(now, request, next);
                return;
            }
            self.spare(request, next);
        }
    }

    fn replace(&mut self, now: Time, request: RequestId, id: InstanceId) {
        let wish = Wish { now, request, patience: Patience::Settled, from: self.counters.run };
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.renew(wish);
            self.dirty.insert(id);
        }
    }

    /// Its turn won't come: it goes on as it was.
    fn spare(&mut self, request: RequestId, id: InstanceId) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        seat.ignore(request);
        let (app, name) = (seat.app, seat.spec.name.clone());
        let outcome = Outcome { instance: id, app, name, became: Became::Unchanged };
        if let Some(goal) = self.goals.get_mut(&request) {
            goal.open.remove(&id);
            goal.outcomes.insert(id, outcome);
            if goal.open.is_empty() {
                self.finished.insert(request);
            }
        }
    }
}
