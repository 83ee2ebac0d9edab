//! What the test files share: small specs and a core that is told facts at given times.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use pm_core::{
    Ask, Core, Ending, Existing, Fact, Identity, InstanceId, Order, Outcome, Patience, Record,
    Reply, RequestId, RunId, Time,
};

use pm_spec::{AppSpec, Select, Start};

#[path = "../../../pm-spec/tests/sample/mod.rs"]
mod sample;

pub(crate) use sample::app;

/// A process that could have this run's number.
pub(crate) fn identity(run: RunId) -> Identity {
    Identity { pid: 1000 + run.0, started: 7, inode: u64::from(run.0) }
}

/// `Start` with everything as usual.
pub(crate) fn start(apps: Vec<AppSpec>) -> Ask {
    Ask::Start(Start { apps, existing: Existing::Restart, wait: Patience::Settled, no_deps: false })
}

/// Selects by word.
pub(crate) fn word(text: &str) -> Vec<Select> {
    vec![Select::Word(text.into())]
}

/// A core, its clock, and everything it has ordered.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) core: Core,
    pub(crate) now: Time,
    pub(crate) requests: u64,
    pub(crate) orders: Vec<Order>,
    pub(crate) records: Vec<Record>,
}

impl Story {
    /// Tells a fact; the orders of this step alone.
    pub(crate) fn tell(&mut self, fact: Fact) -> Vec<Order> {
        let mut orders = Vec::new();
        self.core.step(self.now, fact, &mut orders);
        for order in &orders {
            if let Order::Persist(record) = order {
                self.records.push(record.clone());
            }
        }
        self.orders.extend(orders.iter().cloned());
        orders
    }

    /// Asks; the request and the orders.
    pub(crate) fn ask(&mut self, ask: Ask) -> (RequestId, Vec<Order>) {
        self.requests += 1;
        let request = RequestId(self.requests);
        (request, self.tell(Fact::Asked(request, ask, None)))
    }

    /// So many ms later, having woken at each deadline on the way.
    pub(crate) fn later(&mut self, millis: u64) -> Vec<Order> {
        let end = Time(self.now.0 + millis);
        let mut orders = Vec::new();
        while let Some(due) = self.core.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            orders.extend(self.tell(Fact::TimePassed));
            assert!(
                self.core.next_deadline() > Some(self.now) || self.core.next_deadline().is_none()
            );
        }
        self.now = end;
        orders
    }

    /// Every spawn of these orders succeeds; the runs.
    pub(crate) fn spawn_all(&mut self, orders: &[Order]) -> Vec<RunId> {
        let runs = spawns(orders);
        for run in &runs {
            self.tell(Fact::Spawned(*run, identity(*run)));
        }
        runs
    }

    /// Starts these and lets them settle; their runs.
    pub(crate) fn up(&mut self, apps: Vec<AppSpec>) -> Vec<RunId> {
        let (_, orders) = self.ask(start(apps));
        let runs = self.spawn_all(&orders);
        self.later(1000);
        runs
    }

    /// A run ends with nobody left.
    pub(crate) fn end(&mut self, run: RunId, ending: Ending) -> Vec<Order> {
        self.tell(Fact::Ended(run, ending, pm_core::Remaining::Nothing))
    }

    /// What was answered to a request.
    pub(crate) fn reply(&self, request: RequestId) -> Option<&Reply> {
        let mut replies = self.orders.iter().filter_map(|order| match order {
            Order::Reply(to, reply) if *to == request => Some(reply),
            _ => None,
        });
        let reply = replies.next();
        assert!(replies.next().is_none(), "answered twice");
        reply
    }

    /// What each instance became for a request.
    pub(crate) fn became(&self, request: RequestId) -> Vec<pm_core::Became> {
        match self.reply(request) {
            Some(Reply::Done(outcomes)) => outcomes.iter().map(became).collect(),
            other => panic!("no outcomes: {other:?}"),
        }
    }

    pub(crate) fn instance(&self, id: u32) -> pm_core::InstanceView<'_> {
        self.core.instance(InstanceId(id)).expect("the story knows its instances")
    }
}

fn became(outcome: &Outcome) -> pm_core::Became {
    outcome.became.clone()
}

/// The runs that are to be made.
pub(crate) fn spawns(orders: &[Order]) -> Vec<RunId> {
    orders
        .iter()
        .filter_map(|order| match order {
            Order::Spawn(run, _) => Some(*run),
            _ => None,
        })
        .collect()
}
