//! Stories of a reload of cluster workers: the new run beside the old one, and what comes of both.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests look for single orders")]
#![expect(clippy::panic, clippy::expect_used, reason = "a story that goes wrong ends")]

mod common;

use common::{Story, app, spawns, word};
use pm_core::{
    Ask, Became, Cause, Core, Ending, Existing, Fact, Order, Patience, Refused, Reply, RunId,
    RunSignal, Status, Time,
};
use pm_spec::{AppSpec, ListenSocket, Mode, Reload, Span, Start};

const CRASH: Ending = Ending::Exited(1);

fn workers(count: u16) -> AppSpec {
    let mut spec = app("web");
    spec.instances = count;
    spec.serving.mode = Mode::Cluster;
    spec
}

/// One that finds its socket open.
fn server(instances: u16) -> AppSpec {
    let mut spec = app("web");
    spec.instances = instances;
    spec.listen = vec![ListenSocket::parse(b"tcp://127.0.0.1:80").expect("a socket")];
    spec
}

fn reload() -> Ask {
    Ask::Reload(Reload { select: word("web"), env: None, force: false, again: None })
}

fn drained(orders: &[Order]) -> Vec<RunId> {
    let drains = orders.iter().filter_map(|order| match order {
        Order::Signal(run, RunSignal::Drain(..)) => Some(*run),
        _ => None,
    });
    drains.collect()
}

#[test]
fn the_old_run_goes_when_the_new_one_serves_and_then_the_next_is_replaced() {
    let mut story = Story::default();
    let old = story.up(vec![workers(2)]);
    let (request, orders) = story.ask(reload());
    assert_eq!((spawns(&orders).len(), drained(&orders).len()), (1, 0), "one at a time");
    let new = story.spawn_all(&orders)[0];
    assert_eq!(story.reply(request), None);
    let orders = story.tell(Fact::Ready(new));
    assert_eq!(drained(&orders), [old[0]]);
    assert_eq!(story.reply(request), None, "the old one still answers somebody");
    let orders = story.end(old[0], Ending::Exited(0));
    let next = story.spawn_all(&orders)[0];
    let orders = story.tell(Fact::Ready(next));
    assert_eq!(drained(&orders), [old[1]]);
    story.end(old[1], Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Restarted, Became::Restarted]);
    assert_eq!((story.instance(0).restarts, story.instance(0).history.len()), (1, 1));
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn of_many_workers_two_are_replaced_at_once() {
    let mut story = Story::default();
    story.up(vec![workers(4)]);
    let (_, orders) = story.ask(reload());
    assert_eq!(spawns(&orders).len(), 2);
}

#[test]
fn a_worker_that_never_listens_takes_over_after_its_time() {
    let mut story = Story::default();
    let old = story.up(vec![workers(1)]);
    let (_, orders) = story.ask(reload());
    story.spawn_all(&orders);
    assert_eq!(drained(&story.later(2999)), []);
    assert_eq!(drained(&story.later(1)), [old[0]]);
}

#[test]
fn the_old_run_goes_on_when_the_new_one_fails() {
    let mut story = Story::default();
    let old = story.up(vec![workers(2)]);
    let (request, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    let orders = story.end(new, CRASH);
    assert_eq!((drained(&orders), spawns(&orders).len()), (vec![], 0));
    let failed = Became::Failed(Cause::Ended(CRASH));
    assert_eq!(story.became(request), [failed, Became::Unchanged]);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(old[0]));
    assert_eq!(story.instance(0).status, Status::Online);
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn a_new_run_that_does_not_say_that_it_is_ready_goes_and_the_old_one_stays() {
    let mut spec = workers(1);
    spec.serving.wait_ready = true;
    spec.serving.listen_timeout = Span::from_millis(500);
    let mut story = Story::default();
    let (request, orders) = story.ask(common::start(vec![spec]));
    let old = story.spawn_all(&orders)[0];
    story.tell(Fact::Ready(old));
    assert_eq!(story.became(request), [Became::Started]);
    let (request, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    let orders = story.later(500);
    assert_eq!(drained(&orders), [new]);
    let late = Cause::NotReady { within: Span::from_millis(500), saw: None };
    story.end(new, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Failed(late)]);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(old));
}

#[test]
fn p13_what_does_not_say_in_time_that_it_is_ready_is_not_up_but_runs_on() {
    let mut spec = app("slow");
    spec.serving.wait_ready = true;
    let mut story = Story::default();
    let (request, orders) = story.ask(common::start(vec![spec]));
    let run = story.spawn_all(&orders)[0];
    story.later(2999);
    assert_eq!(story.reply(request), None);
    story.later(1);
    let late = Cause::NotReady { within: Span::from_secs(3), saw: None };
    assert_eq!(story.became(request), [Became::Failed(late)]);
    assert_eq!((story.instance(0).status, story.core.next_deadline()), (Status::Launching, None));
    story.tell(Fact::Ready(run));
    assert_eq!(story.instance(0).status, Status::Online);
}

#[test]
fn a_stop_in_a_reload_ends_both_runs() {
    let mut story = Story::default();
    let old = story.up(vec![workers(1)]);
    let (first, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    let (request, orders) = story.ask(Ask::Stop(word("web")));
    assert_eq!(drained(&orders), [old[0]]);
    assert_eq!(story.became(first), [Became::Superseded]);
    story.end(new, Ending::Exited(0));
    assert_eq!(story.reply(request), None);
    story.end(old[0], Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Stopped]);
}

#[test]
fn a_second_reload_is_refused_unless_it_is_forced() {
    let mut story = Story::default();
    story.up(vec![workers(2)]);
    let (first, _) = story.ask(reload());
    let (second, _) = story.ask(reload());
    let name = workers(1).name;
    assert_eq!(story.reply(second), Some(&Reply::Refused(Refused::Reloading(name))));
    assert_eq!(story.reply(first), None);
    let (_, orders) =
        story.ask(Ask::Reload(Reload { select: word("web"), env: None, force: true, again: None }));
    assert!(spawns(&orders).len() <= 1, "never three of one instance");
    let raise = Ask::Start(Start {
        apps: vec![workers(2)],
        existing: Existing::Keep,
        wait: Patience::Settled,
        no_deps: false,
    });
    let (third, _) = story.ask(raise);
    assert_eq!(story.reply(third), None, "what is up when that is over is up");
}

#[test]
fn after_the_daemons_death_the_old_run_is_asked_again_with_a_fresh_grace() {
    let mut story = Story::default();
    let old = story.up(vec![workers(1)]);
    let (_, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    assert_eq!(drained(&story.tell(Fact::Ready(new))), [old[0]]);
    story.now = Time(story.now.0 + 60_000);
    story.core = Core::restore(story.now, story.records.clone());
    assert_eq!(drained(&story.tell(Fact::TimePassed)), [old[0]]);
    let forced = |orders: &[Order]| {
        orders.iter().any(|order| matches!(order, Order::Signal(_, RunSignal::Kill(_))))
    };
    assert!(!forced(&story.later(7999)));
    assert!(forced(&story.later(1)));
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(new));
}

#[test]
fn a_reload_that_the_daemon_did_not_survive_is_carried_on() {
    let mut story = Story::default();
    let old = story.up(vec![workers(1)]);
    let (_, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    story.core = Core::restore(story.now, story.records.clone());
    assert_eq!(drained(&story.tell(Fact::TimePassed)), []);
    assert_eq!(drained(&story.tell(Fact::Ready(new))), [old[0]]);
    story.end(old[0], Ending::Exited(0));
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn who_shares_its_socket_takes_over_when_it_takes_callers_or_has_had_its_time() {
    let mut story = Story::default();
    let old = story.up(vec![server(2)]);
    let (request, orders) = story.ask(reload());
    assert_eq!((spawns(&orders).len(), drained(&orders).len()), (1, 0), "one at a time");
    let new = story.spawn_all(&orders)[0];
    assert_eq!(drained(&story.later(2999)), []);
    assert_eq!(drained(&story.tell(Fact::Ready(new))), [old[0]]);
    let orders = story.end(old[0], Ending::Exited(0));
    story.spawn_all(&orders);
    // Nobody saw the old one take callers.
    assert_eq!(drained(&story.later(2999)), []);
    assert_eq!(drained(&story.later(1)), [old[1]]);
    story.end(old[1], Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Restarted, Became::Restarted]);
}

#[test]
fn a_version_that_does_not_take_callers_as_the_old_one_did_goes_again() {
    let mut story = Story::default();
    let old = story.up(vec![server(1)]);
    story.tell(Fact::Ready(old[0]));
    let (request, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    assert_eq!(drained(&story.later(29_999)), []);
    assert_eq!(drained(&story.later(1)), [new]);
    story.end(new, Ending::Exited(0));
    let late = Cause::NotReady { within: Span::from_secs(30), saw: None };
    assert_eq!(story.became(request), [Became::Failed(late)]);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(old[0]));
}

#[test]
fn a_version_that_dies_beside_the_old_one_on_their_socket_changes_nothing() {
    let mut story = Story::default();
    let old = story.up(vec![server(1)]);
    let (request, orders) = story.ask(reload());
    let new = story.spawn_all(&orders)[0];
    story.later(999);
    let orders = story.end(new, CRASH);
    assert_eq!((drained(&orders), spawns(&orders).len()), (vec![], 0));
    assert_eq!(story.became(request), [Became::Failed(Cause::Ended(CRASH))]);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(old[0]));
}

#[test]
fn who_had_bound_its_port_itself_goes_before_one_that_shares_its_socket() {
    let mut story = Story::default();
    let old = story.up(vec![app("web")]);
    let start = Start {
        apps: vec![server(1)],
        existing: Existing::Converge,
        wait: Patience::Settled,
        no_deps: false,
    };
    let (_, orders) = story.ask(Ask::Start(start));
    assert!(spawns(&orders).is_empty() && drained(&orders).is_empty(), "{orders:?}");
    let orders = story.end(old[0], Ending::Exited(0));
    assert_eq!(spawns(&orders).len(), 1);
}
