//! Reloads that meet two runs of an instance, and those that are asked once more after the daemon died.

use pm_core::{Ask, Became, Cause, Core, Ending, Fact, Order, RunId, RunSignal, Status};
use pm_spec::{AppSpec, ListenSocket, Reload};

use crate::CRASH;
use crate::common::{Story, app, identity, spawns, word};

/// One that finds its socket open.
fn server(instances: u16) -> AppSpec {
    let mut spec = app("web");
    spec.instances = instances;
    spec.listen = vec![ListenSocket::parse(b"tcp://127.0.0.1:80").expect("a socket")];
    spec
}

fn reload(force: bool) -> Ask {
    Ask::Reload(Reload { select: word("web"), env: None, force, again: None })
}

/// The same, asked so long ago of the daemon before.
fn again(story: &Story, ago: u64) -> Ask {
    let again = Some(story.now.0 - ago);
    Ask::Reload(Reload { select: word("web"), env: None, force: false, again })
}

/// Who is told to go: gently, or not.
fn told(orders: &[Order]) -> Vec<(RunId, bool)> {
    let told = orders.iter().filter_map(|order| match order {
        Order::Signal(run, RunSignal::Drain(..)) => Some((*run, true)),
        Order::Signal(run, RunSignal::Stop(..)) => Some((*run, false)),
        _ => None,
    });
    told.collect()
}

/// Up and seen to take callers.
fn serving(story: &mut Story, instances: u16) -> Vec<RunId> {
    let runs = story.up(vec![server(instances)]);
    for run in &runs {
        story.tell(Fact::Ready(*run));
    }
    runs
}

fn died(story: &mut Story) {
    story.core = Core::restore(story.now, story.records.clone());
    story.tell(Fact::TimePassed);
}

#[test]
fn one_that_comes_while_the_old_run_leaves_waits_for_that() {
    let mut story = Story::default();
    let old = serving(&mut story, 1)[0];
    let (first, orders) = story.ask(reload(false));
    let new = story.spawn_all(&orders)[0];
    assert_eq!(told(&story.tell(Fact::Ready(new))), [(old, true)]);
    let (second, orders) = story.ask(reload(true));
    assert_eq!((told(&orders), spawns(&orders)), (vec![], vec![]), "somebody serves all the time");
    let (third, _) = story.ask(reload(true));
    assert_eq!(story.became(second), [Became::Superseded]);
    let orders = story.end(old, Ending::Exited(0));
    assert_eq!(story.became(first), [Became::Restarted], "its reload is over");
    assert_eq!(told(&orders), []);
    let newest = story.spawn_all(&orders)[0];
    assert_eq!(told(&story.tell(Fact::Ready(newest))), [(new, true)]);
    story.end(new, Ending::Exited(0));
    assert_eq!(story.became(third), [Became::Restarted]);
    assert_eq!((story.instance(0).restarts, story.core.next_deadline()), (2, None));
}

#[test]
fn one_that_comes_after_the_daemons_death_waits_as_well() {
    let mut story = Story::default();
    let old = serving(&mut story, 1)[0];
    let (_, orders) = story.ask(reload(false));
    let new = story.spawn_all(&orders)[0];
    story.tell(Fact::Ready(new));
    died(&mut story);
    let (request, orders) = story.ask(reload(false));
    assert_eq!((told(&orders), spawns(&orders)), (vec![], vec![]));
    let orders = story.end(old, Ending::Exited(0));
    let newest = story.spawn_all(&orders)[0];
    assert_eq!(told(&story.tell(Fact::Ready(newest))), [(new, true)]);
    story.end(new, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Restarted]);
}

#[test]
fn one_that_comes_before_the_new_run_is_ready_takes_its_place() {
    let mut story = Story::default();
    let old = serving(&mut story, 1)[0];
    let (first, orders) = story.ask(reload(false));
    let (second, _) = story.ask(reload(true));
    assert_eq!(story.reply(first), None, "it is still being made");
    let broken = spawns(&orders)[0];
    let orders = story.tell(Fact::Spawned(broken, identity(broken)));
    assert_eq!(told(&orders), [(broken, true)]);
    assert_eq!(story.became(first), [Became::Superseded]);
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(old));
    let orders = story.end(broken, CRASH);
    let good = story.spawn_all(&orders)[0];
    assert_eq!(told(&story.tell(Fact::Ready(good))), [(old, true)]);
    story.end(old, Ending::Exited(0));
    assert_eq!(story.became(second), [Became::Restarted]);
}

#[test]
fn one_whose_predecessor_never_goes_changes_nothing() {
    let mut story = Story::default();
    serving(&mut story, 1);
    let (first, orders) = story.ask(reload(false));
    let new = story.spawn_all(&orders)[0];
    story.tell(Fact::Ready(new));
    let (second, _) = story.ask(reload(true));
    story.later(60_000);
    let stuck = [Became::Failed(Cause::Unkillable)];
    assert_eq!((story.became(first), story.became(second)), (stuck.clone().into(), stuck.into()));
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(new));
    assert_eq!(story.instance(0).status, Status::Online);
}

#[test]
fn a_stop_ends_the_waiting() {
    let mut story = Story::default();
    let old = serving(&mut story, 1)[0];
    let (_, orders) = story.ask(reload(false));
    let new = story.spawn_all(&orders)[0];
    story.tell(Fact::Ready(new));
    let (second, _) = story.ask(reload(true));
    let (stop, orders) = story.ask(Ask::Stop(word("web")));
    assert_eq!(told(&orders), [(new, false)]);
    assert_eq!(story.became(second), [Became::Superseded]);
    story.end(new, Ending::Exited(0));
    assert_eq!(spawns(&story.end(old, Ending::Exited(0))), []);
    assert_eq!(story.became(stop), [Became::Stopped]);
}

#[test]
fn asked_once_more_it_waits_for_what_was_begun_and_goes_on_with_the_rest() {
    let mut story = Story::default();
    let old = serving(&mut story, 2);
    story.later(5000);
    let (_, orders) = story.ask(reload(false));
    let new = story.spawn_all(&orders)[0];
    story.later(500);
    died(&mut story);
    let (request, orders) = story.ask(again(&story, 500));
    assert_eq!((told(&orders), spawns(&orders)), (vec![], vec![]), "one at a time, each once");
    let orders = story.tell(Fact::Ready(new));
    assert_eq!((told(&orders), spawns(&orders)), (vec![(old[0], true)], vec![]));
    let orders = story.end(old[0], Ending::Exited(0));
    let next = story.spawn_all(&orders)[0];
    assert_eq!(story.instance(1).run.map(|run| run.0), Some(next));
    story.tell(Fact::Ready(next));
    assert_eq!(story.reply(request), None);
    story.end(old[1], Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Restarted, Became::Restarted]);
}

#[test]
fn asked_once_more_it_hears_that_the_new_version_failed() {
    for died_first in [false, true] {
        let mut story = Story::default();
        let old = serving(&mut story, 2)[0];
        story.later(5000);
        let (_, orders) = story.ask(reload(false));
        let new = story.spawn_all(&orders)[0];
        story.later(500);
        died(&mut story);
        if died_first {
            story.end(new, CRASH);
        }
        let (request, _) = story.ask(again(&story, 500));
        if !died_first {
            assert_eq!(story.reply(request), None);
            story.end(new, CRASH);
        }
        let failed = Became::Failed(Cause::Ended(CRASH));
        assert_eq!(story.became(request), [failed, Became::Unchanged]);
        assert_eq!(story.instance(0).run.map(|run| run.0), Some(old));
    }
}

#[test]
fn asked_once_more_the_end_of_the_run_before_is_no_failure() {
    let mut story = Story::default();
    let old = story.up(vec![app("web")])[0];
    story.later(5000);
    story.ask(reload(false));
    story.later(500);
    died(&mut story);
    let (request, _) = story.ask(again(&story, 500));
    let orders = story.end(old, Ending::Exited(0));
    assert_eq!(story.reply(request), None, "it was to end");
    let new = story.spawn_all(&orders)[0];
    story.tell(Fact::Ready(new));
    assert_eq!(story.became(request), [Became::Restarted]);
}
