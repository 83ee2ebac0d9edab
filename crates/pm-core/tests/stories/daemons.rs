//! What the next daemon makes of what the one before wrote down.

use pm_core::{
    Ask, Became, Core, Ending, Fact, Order, Reach, Remaining, RequestId, RunSignal, Time,
};
use pm_spec::Signal;

use crate::CRASH;
use crate::common::{Story, app, spawns, start, word};

#[test]
fn p61_restore_brings_back_what_was_wanted_once() {
    let mut story = Story::default();
    let runs = story.up(vec![app("a"), app("b")]);
    story.ask(Ask::Stop(word("a")));
    story.end(runs[0], Ending::Exited(0));
    let list = story.core.saved_list();
    let mut next = Story::default();
    let (request, orders) = next.ask(Ask::Restore(list.clone()));
    next.spawn_all(&orders);
    next.later(1000);
    assert_eq!(next.became(request), [Became::Added, Became::Started]);
    assert_eq!(next.core.saved_list(), list);
    let (request, orders) = next.ask(Ask::Restore(list));
    assert_eq!(next.became(request), [Became::Unchanged, Became::Unchanged]);
    assert_eq!(spawns(&orders), []);
}

#[test]
fn an_exit_remembered_but_not_acknowledged_is_let_go_after_the_daemons_death() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    story.ask(Ask::Stop(word("web")));
    story.end(run, Ending::Exited(0));
    story.core = Core::restore(story.now, story.records.clone());
    story.tell(Fact::TimePassed);
    assert_eq!(story.end(run, Ending::Exited(0)), [Order::Release(run)]);
    assert_eq!(story.instance(0).history.len(), 1);
}

#[test]
fn a_deletion_survives_the_daemon() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    story.ask(Ask::Delete(word("web")));
    story.core = Core::restore(story.now, story.records.clone());
    story.end(run, Ending::Unknown);
    assert_eq!(story.core.instances().count(), 0);
    assert_eq!(story.core.next_deadline(), None);
    assert_eq!(story.now, Time(1000));
}

#[test]
fn a_stop_is_asked_for_again_with_a_fresh_grace_after_the_daemons_death() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let (_, orders) = story.ask(Ask::Stop(word("web")));
    let ask = Order::Signal(run, RunSignal::Stop(Signal::INT, Reach::Tree));
    assert!(orders.contains(&ask));
    // It dies before the signal is sent, and nobody is there for longer than the grace.
    story.now = Time(story.now.0 + 60_000);
    story.core = Core::restore(story.now, story.records.clone());
    assert_eq!(story.tell(Fact::TimePassed).iter().filter(|order| **order == ask).count(), 1);
    let force = Order::Signal(run, RunSignal::Kill(Reach::Tree));
    let early = story.later(1599);
    assert!(!early.contains(&force) && !early.contains(&ask), "{early:?}");
    assert!(story.later(1).contains(&force));
}

#[test]
fn children_of_an_ended_app_are_asked_again_after_the_daemons_death() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let orders = story.tell(Fact::Ended(run, Ending::Exited(1), Remaining::Stragglers));
    let ask = Order::Signal(run, RunSignal::Stop(Signal::INT, Reach::Tree));
    assert!(orders.contains(&ask));
    story.now = Time(story.now.0 + 60_000);
    story.core = Core::restore(story.now, story.records.clone());
    let orders = story.tell(Fact::Ended(run, Ending::Unknown, Remaining::Stragglers));
    assert_eq!(orders.iter().filter(|order| **order == ask).count(), 1, "{orders:?}");
    assert!(!orders.contains(&Order::Signal(run, RunSignal::Kill(Reach::Tree))));
}

#[test]
fn a_loop_of_daemon_deaths_neither_resets_nor_doubles_the_counters() {
    let mut story = Story::default();
    let (_, mut orders) = story.ask(start(vec![app("bad")]));
    for count in 1..=10 {
        let run = story.spawn_all(&orders)[0];
        orders = story.end(run, CRASH);
        let records = std::mem::take(&mut story.records);
        story.core = Core::restore(story.now, records);
        assert_eq!(story.instance(0).unstable, count);
        story.records = story.core.records();
        if let Some(run) = spawns(&orders).first() {
            assert_eq!(story.instance(0).run.map(|run| run.0), Some(*run), "the intent is known");
        } else {
            orders = story.later(1000);
        }
        assert_eq!(story.instance(0).restarts, count);
    }
}

#[test]
fn who_asked_is_known_to_the_next_daemon() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    story.tell(Fact::Asked(RequestId(1000), Ask::Stop(word("web")), Some("ann".into())));
    story.core = Core::restore(story.now, story.records.clone());
    story.tell(Fact::TimePassed);
    story.end(run, Ending::Exited(0));
    let by = story.instance(0).history.back().and_then(|end| end.by.clone());
    assert_eq!(by.as_deref(), Some("ann"));
}
