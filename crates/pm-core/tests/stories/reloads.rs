//! Reloads by a signal: the run stays, its workers are replaced.

use pm_core::{
    Ask, Became, Cause, Ending, Existing, Fact, Order, Patience, Record, Refused, Reply, RunId,
    RunSignal, Status,
};
use pm_spec::{AppSpec, Environment, Reload, Signal, Span, Start};

use crate::common::{Story, app, spawns, word};

fn server(count: u16) -> AppSpec {
    let mut spec = app("web");
    spec.instances = count;
    spec.reload_signal = Some(Signal::HUP);
    spec.stop.timeout = Span::from_secs(30);
    spec
}

fn reload(force: bool) -> Ask {
    Ask::Reload(Reload { select: word("web"), env: None, force, again: None })
}

fn start(spec: AppSpec, existing: Existing) -> Ask {
    Ask::Start(Start { apps: vec![spec], existing, wait: Patience::Settled, no_deps: false })
}

/// 30 s for the old workers, 3 s for the new ones, 1 s in which they stay.
fn told(run: RunId) -> Order {
    Order::Signal(run, RunSignal::Replace(Signal::HUP, Span::from_secs(34)))
}

#[test]
fn one_main_process_after_the_other_is_told_and_goes_on() {
    let mut story = Story::default();
    let runs = story.up(vec![server(2)]);
    let (request, orders) = story.ask(reload(false));
    assert_eq!(orders, [told(runs[0])]);
    let (second, _) = story.ask(reload(false));
    let name = server(1).name;
    assert_eq!(story.reply(second), Some(&Reply::Refused(Refused::Reloading(name))));
    assert_eq!(story.tell(Fact::WorkersReplaced(runs[0])), [told(runs[1])]);
    assert_eq!(story.reply(request), None);
    story.tell(Fact::WorkersReplaced(runs[1]));
    let reloaded = Became::Reloaded(Signal::HUP);
    assert_eq!(story.became(request), [reloaded.clone(), reloaded]);
    assert_eq!((story.instance(0).restarts, story.instance(0).run.unwrap().0), (0, runs[0]));
    assert_eq!(story.core.next_deadline(), None);
    // Said once more it is no news.
    assert_eq!(story.tell(Fact::WorkersReplaced(runs[1])), []);
}

#[test]
fn what_a_signal_does_not_bring_takes_a_new_run() {
    let mut story = Story::default();
    let run = story.up(vec![server(1)])[0];
    let mut other = server(1);
    other.args = vec!["--workers=3".into()];
    let (request, orders) = story.ask(start(other.clone(), Existing::Reload));
    assert!(!orders.contains(&told(run)));
    let orders = story.end(run, Ending::Exited(0));
    let run = story.spawn_all(&orders)[0];
    story.later(1000);
    assert_eq!(story.became(request), [Became::Restarted]);
    // Now it has them; and another shell alone is no reason for a new run.
    other.env.set("SSH_TTY", "/dev/pts/7");
    let (_, orders) = story.ask(start(other, Existing::Reload));
    assert!(orders.contains(&told(run)));
    story.tell(Fact::WorkersReplaced(run));
    let mut env = Environment::new();
    env.set("A", "1");
    let select = word("web");
    let (_, orders) =
        story.ask(Ask::Reload(Reload { select, env: Some(env), force: false, again: None }));
    assert!(!orders.contains(&told(run)), "its variables are to be new");
}

#[test]
fn a_daemon_that_dies_over_a_new_spec_takes_no_run_for_one_of_it() {
    let mut story = Story::default();
    story.up(vec![server(2)]);
    let mut other = server(2);
    other.args = vec!["--workers=3".into()];
    let (_, orders) = story.ask(start(other, Existing::Reload));
    let is_spec = |order: &Order| matches!(order, Order::Persist(Record::App(_)));
    let before = orders.iter().take_while(|order| !is_spec(order));
    let outdated = before.filter(
        |order| matches!(order, Order::Persist(Record::Instance(record)) if record.outdated),
    );
    assert_eq!(outdated.count(), 2, "{orders:?}");
}

#[test]
fn rules_that_hold_at_once_are_no_reason_for_a_new_run() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let (_, orders) = story.ask(start(server(1), Existing::Converge));
    assert_eq!(spawns(&orders), []);
    let (_, orders) = story.ask(reload(false));
    assert_eq!(orders, [told(run)]);
}

#[test]
fn workers_that_stay_fail_the_reload_and_the_rest_is_left_alone() {
    let mut story = Story::default();
    story.up(vec![server(2)]);
    let (request, _) = story.ask(reload(false));
    story.later(33_999);
    assert_eq!(story.reply(request), None);
    story.later(1);
    let cause = Cause::NotReplaced { signal: Signal::HUP, within: Span::from_secs(34) };
    assert_eq!(story.became(request), [Became::Failed(cause), Became::Unchanged]);
    assert_eq!(story.instance(0).status, Status::Online);
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn a_main_process_that_ends_by_it_fails_the_reload() {
    let mut story = Story::default();
    let run = story.up(vec![server(1)])[0];
    let (request, _) = story.ask(reload(false));
    let crash = Ending::Exited(3);
    let orders = story.end(run, crash);
    assert_eq!(story.became(request), [Became::Failed(Cause::Ended(crash))]);
    assert_eq!(spawns(&orders).len(), 1, "and it is restarted as after any end");
}

#[test]
fn a_stop_ends_a_reload_and_a_forced_one_tells_again() {
    let mut story = Story::default();
    let run = story.up(vec![server(1)])[0];
    let (first, _) = story.ask(reload(false));
    let (second, orders) = story.ask(reload(true));
    assert_eq!(orders[0], told(run));
    assert_eq!(story.became(first), [Became::Superseded]);
    let (stop, _) = story.ask(Ask::Stop(word("web")));
    assert_eq!(story.became(second), [Became::Superseded]);
    story.end(run, Ending::Exited(0));
    assert_eq!(story.became(stop), [Became::Stopped]);
}
