//! What is still owed: requests, and what each instance has to become for them (law 6).
//!
//! A request is open while one of its instances is; each instance answers for itself.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use pm_spec::Patience;

use crate::id::{AppId, Author, InstanceId, RequestId, RunId, Time};
use crate::order::{Became, Order, Outcome, Refused, Reply};

/// A request that is owed an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Goal {
    /// Instances that have not become what they should yet.
    open: BTreeSet<InstanceId>,
    /// What the others became.
    outcomes: BTreeMap<InstanceId, Outcome>,
    /// Reloads under way for it.
    rollouts: BTreeMap<AppId, Rollout>,
    /// Who asks, if what begins and ends now is theirs.
    by: Option<Author>,
    /// Whether the client still wants to know.
    has_client: bool,
    /// Whether the daemon leaves after the answer.
    leaves: bool,
}

/// One app's instances on their way through a reload.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    /// At most so many are being replaced at once.
    pub(crate) max_parallel: usize,
    /// So many are to be begun before the others may; `None`: nobody waits for such any more.
    pub(crate) canaries: Option<usize>,
    /// Who was begun anew since then is only waited for.
    pub(crate) begun: Option<Time>,
    pub(crate) in_progress: BTreeSet<InstanceId>,
    pub(crate) queue: VecDeque<InstanceId>,
}

/// All requests that are owed an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    goals: BTreeMap<RequestId, Goal>,
    /// Those that may have become true in this step.
    finished: BTreeSet<RequestId>,
}

impl Requests {
    /// A client asks.
    pub(crate) fn open(&mut self, request: RequestId, by: Option<Author>) {
        self.goals.insert(request, Goal { by, has_client: true, ..Goal::default() });
        self.finished.insert(request);
    }

    /// Who asks.
    pub(crate) fn author(&self, request: RequestId) -> Option<Author> {
        self.goals.get(&request)?.by.clone()
    }

    /// It waits for this instance too.
    pub(crate) fn wait_for(&mut self, request: RequestId, id: InstanceId) {
        if let Some(goal) = self.goals.get_mut(&request) {
            goal.open.insert(id);
        }
    }

    /// After its answer the daemon leaves.
    pub(crate) fn leave_after(&mut self, request: RequestId) {
        if let Some(goal) = self.goals.get_mut(&request) {
            goal.leaves = true;
        }
    }

    /// One instance has become something for a request. Whether that moves a reload.
    pub(crate) fn note(&mut self, request: RequestId, outcome: Outcome) -> bool {
        let Some(goal) = self.goals.get_mut(&request) else { return false };
        let (app, id) = (outcome.app, outcome.instance);
        goal.open.remove(&id);
        if goal.open.is_empty() {
            self.finished.insert(request);
        }
        goal.outcomes.insert(id, outcome);
        goal.rollouts.get(&app).is_some_and(|rollout| rollout.in_progress.contains(&id))
    }

    /// Replies to all that have become true.
    pub(crate) fn answer(&mut self, orders: &mut Vec<Order>) {
        while let Some(request) = self.finished.pop_first() {
            if self.goals.get(&request).is_none_or(|goal| !goal.open.is_empty()) {
                continue;
            }
            let Some(goal) = self.goals.remove(&request) else { continue };
            if goal.has_client {
                let outcomes = goal.outcomes.into_values().collect();
                orders.push(Order::Reply(request, Reply::Done(outcomes)));
            }
            if goal.leaves {
                orders.push(Order::Leave);
            }
        }
    }

    /// Nothing was done.
    pub(crate) fn refuse(&mut self, request: RequestId, why: Refused, orders: &mut Vec<Order>) {
        self.goals.remove(&request);
        orders.push(Order::Reply(request, Reply::Refused(why)));
    }

    /// Nobody waits for the reply any more, but what was wished goes on; whose waiters are to be forgotten.
    pub(crate) fn withdraw(&mut self, request: RequestId) -> BTreeSet<InstanceId> {
        let goes_on = |goal: &mut Goal| goal.leaves || !goal.rollouts.is_empty();
        if let Some(goal) = self.goals.get_mut(&request)
            && goes_on(goal)
        {
            goal.has_client = false;
            return BTreeSet::new();
        }
        self.goals.remove(&request).map(|goal| goal.open).unwrap_or_default()
    }

    /// A reload begins.
    pub(crate) fn roll_out(&mut self, request: RequestId, app: AppId, rollout: Rollout) {
        if let Some(goal) = self.goals.get_mut(&request) {
            goal.rollouts.insert(app, rollout);
        }
    }

    /// A reload under way.
    pub(crate) fn rollout(&mut self, request: RequestId, app: AppId) -> Option<&mut Rollout> {
        self.goals.get_mut(&request)?.rollouts.get_mut(&app)
    }

    /// The reload is over.
    pub(crate) fn end_rollout(&mut self, request: RequestId, app: AppId) {
        if let Some(goal) = self.goals.get_mut(&request) {
            goal.rollouts.remove(&app);
        }
    }

    /// Whether an app is being reloaded.
    pub(crate) fn is_reloading(&self, app: AppId) -> bool {
        self.goals.values().any(|goal| goal.rollouts.contains_key(&app))
    }
}

/// A request that waits for one instance.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) request: RequestId,
    pub(crate) awaited: Awaited,
}

/// What it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A run made from `from` on is up.
    Up { from: RunId, patience: Patience, became: Became },
    /// A run made from `from` on has ended for good.
    End { from: RunId },
    /// No run.
    Down,
    /// Forgotten.
    Gone,
    /// Its turn in a reload.
    Turn,
    /// Room for a run beside the one it has, in its turn.
    Room,
    /// New workers of the run it has.
    Workers,
}

/// Who asks, when, and what has to become true for the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requester {
    pub(crate) now: Time,
    pub(crate) request: RequestId,
    pub(crate) patience: Patience,
    /// The number of the next run: a new one has this or a later one.
    pub(crate) from: RunId,
}

#[cfg(test)]
impl Requests {
    /// For laws: whom each request waits for, and whether any is still to be answered in this step.
    pub(crate) fn waiting(&self) -> (BTreeMap<RequestId, BTreeSet<InstanceId>>, bool) {
        let open = self.goals.iter().map(|(request, goal)| (*request, goal.open.clone()));
        (open.collect(), !self.finished.is_empty())
    }
}
