//! How a reload replaces runs: who goes first, how many at once, and how long the new one is watched.

use pm_core::{Ask, Became, Cause, Core, Ending, Fact, Order, Remaining, RunId, RunSignal, Status};
use pm_spec::{AppSpec, Bytes, Door, HealthCheck, ListenSocket, Probe, Reload, ReloadOrder, Span};

use crate::CRASH;
use crate::common::{Story, app, spawns, word};

/// One that finds its socket open, whose new run is watched for 10 s.
fn watched() -> AppSpec {
    let mut spec = app("web");
    spec.listen = vec![ListenSocket::parse(b"tcp://127.0.0.1:80").expect("a socket")];
    spec.reload.monitor = Span::from_secs(10);
    spec
}

fn reload() -> Ask {
    Ask::Reload(Reload { select: word("web"), env: None, force: false, again: None })
}

/// Who gets which signal.
fn told(orders: &[Order]) -> Vec<(RunId, &'static str)> {
    let told = orders.iter().filter_map(|order| match order {
        Order::Signal(run, RunSignal::Drain(..)) => Some((*run, "drain")),
        Order::Signal(run, RunSignal::Stop(..)) => Some((*run, "stop")),
        Order::Signal(run, RunSignal::StandBy) => Some((*run, "stand by")),
        _ => None,
    });
    told.collect()
}

/// The old run, the new one that serves since now, and the request.
fn serving(story: &mut Story, spec: AppSpec) -> (RunId, RunId, pm_core::RequestId) {
    let old = story.up(vec![spec])[0];
    story.tell(Fact::Ready(old));
    let (request, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    assert_eq!(told(&story.tell(Fact::Ready(new))), [(old, "stand by")]);
    (old, new, request)
}

#[test]
fn the_old_run_goes_when_the_new_one_has_been_watched() {
    let mut story = Story::default();
    let (old, new, request) = serving(&mut story, watched());
    assert_eq!(told(&story.later(9_999)), []);
    assert_eq!(told(&story.later(1)), [(old, "drain")]);
    assert_eq!(story.reply(request), None);
    story.end(old, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Restarted]);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(new));
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn who_ends_while_it_is_watched_is_followed_by_the_old_one() {
    let mut story = Story::default();
    let (old, new, request) = serving(&mut story, watched());
    story.later(9_999);
    let orders = story.end(new, CRASH);
    assert_eq!((told(&orders), spawns(&orders)), (vec![], vec![]));
    assert_eq!(story.became(request), [Became::Failed(Cause::Ended(CRASH))]);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(old));
    assert_eq!(story.instance(0).status, Status::Online);
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn who_is_unhealthy_or_too_big_while_it_is_watched_goes_again() {
    let saw = "it answered 500";
    let limit = Bytes::new(100);
    let used = Bytes::new(101);
    let unwell = Cause::Unhealthy { saw: saw.into() };
    for (news, cause) in [
        ((|run, saw: &str| Fact::Checked(run, Err(saw.into()))) as fn(RunId, &str) -> Fact, unwell),
        (|run, _| Fact::MemoryMeasured(run, Bytes::new(101)), Cause::Memory { used, limit }),
    ] {
        let mut spec = watched();
        let probe = Probe::Connect(Door::Tcp("localhost:1".into()));
        let check = HealthCheck { retries: 1, start_period: Span::ZERO, ..HealthCheck::new(probe) };
        spec.checks.health = Some(Box::new(check));
        spec.limits.memory = Some(limit);
        let mut story = Story::default();
        let (old, new, request) = serving(&mut story, spec);
        assert_eq!(told(&story.tell(news(new, saw))), [(new, "drain")]);
        story.end(new, Ending::Exited(0));
        assert_eq!(story.became(request), [Became::Failed(cause)]);
        assert_eq!(story.instance(0).run.map(|run| run.0), Some(old));
    }
}

#[test]
fn after_the_daemons_death_it_is_watched_anew() {
    let mut story = Story::default();
    let (old, _, _) = serving(&mut story, watched());
    story.later(9_000);
    story.core = Core::restore(story.now, story.records.clone());
    assert_eq!(told(&story.tell(Fact::TimePassed)), [(old, "stand by")]);
    assert_eq!(told(&story.later(9_999)), []);
    assert_eq!(told(&story.later(1)), [(old, "drain")]);
}

#[test]
fn the_order_is_what_somebody_says() {
    let mut spec = app("web");
    spec.reload.order = ReloadOrder::StartFirst;
    let mut story = Story::default();
    let old = story.up(vec![spec])[0];
    let (_, orders) = story.ask(reload());
    assert_eq!((told(&orders), spawns(&orders).len()), (vec![], 1));
    story.spawn_all(&orders);
    assert_eq!(told(&story.later(3000)), [(old, "drain")]);
    let mut spec = watched();
    spec.reload.order = ReloadOrder::StopFirst;
    let mut story = Story::default();
    let old = story.up(vec![spec])[0];
    let (_, orders) = story.ask(reload());
    assert_eq!((told(&orders), spawns(&orders).len()), (vec![(old, "stop")], 0));
}

#[test]
fn so_many_at_once_as_somebody_says() {
    for (parallelism, count) in [(0, 1), (1, 1), (3, 3), (9, 4)] {
        let mut spec = watched();
        spec.instances = 4;
        spec.reload.parallelism = parallelism;
        let mut story = Story::default();
        story.up(vec![spec]);
        let (_, orders) = story.ask(reload());
        assert_eq!(spawns(&orders).len(), count, "{parallelism}");
    }
}

/// Four instances that are replaced all at once, but for so many that go first, and who was begun.
fn with_canaries(story: &mut Story, canary: u32) -> (Vec<RunId>, pm_core::RequestId) {
    let mut spec = watched();
    (spec.instances, spec.reload.parallelism, spec.reload.canary) = (4, 9, canary);
    for old in story.up(vec![spec]) {
        story.tell(Fact::Ready(old));
    }
    let (request, orders) = story.ask(reload());
    (story.spawn_all(&orders), request)
}

#[test]
fn who_leaves_children_behind_while_it_is_watched_takes_nobody_along() {
    let mut story = Story::default();
    let (old, new, request) = serving(&mut story, watched());
    story.later(9_999);
    story.tell(Fact::Ended(new, CRASH, Remaining::Stragglers));
    assert_eq!(story.became(request), [Became::Failed(Cause::Ended(CRASH))]);
    // Its children have that long to go.
    assert_eq!(told(&story.later(1_600)), []);
    assert_eq!(spawns(&story.tell(Fact::TreeGone(new))), []);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(old));
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn canaries_have_been_watched_before_the_others_begin() {
    for (canary, first) in [(0, 4), (1, 1), (2, 2), (9, 4)] {
        let mut story = Story::default();
        let (new, request) = with_canaries(&mut story, canary);
        assert_eq!(new.len(), first, "{canary}");
        let mut old = Vec::new();
        for run in &new {
            old.extend(told(&story.tell(Fact::Ready(*run))).into_iter().map(|(run, _)| run));
        }
        assert_eq!(spawns(&story.later(9_999)), []);
        assert_eq!(spawns(&story.later(1)), []);
        // Of two canaries one is not enough.
        let last = old.pop().expect("one that stood by");
        for run in old {
            assert_eq!(spawns(&story.end(run, Ending::Exited(0))), []);
        }
        let orders = story.end(last, Ending::Exited(0));
        assert_eq!(spawns(&orders).len(), 4 - first, "{canary}");
        assert_eq!(story.reply(request).is_some(), first == 4);
    }
}

#[test]
fn a_canary_that_fails_is_taken_back_and_nobody_else_is_touched() {
    let mut story = Story::default();
    let (new, request) = with_canaries(&mut story, 1);
    story.tell(Fact::Ready(new[0]));
    story.later(9_999);
    let orders = story.end(new[0], CRASH);
    assert_eq!((told(&orders), spawns(&orders)), (vec![], vec![]));
    let left = Became::Unchanged;
    let mut became = story.became(request);
    became.sort_by_key(|became| *became == left);
    assert_eq!(became, [Became::Failed(Cause::Ended(CRASH)), left.clone(), left.clone(), left]);
    assert_eq!(story.core.next_deadline(), None);
}
