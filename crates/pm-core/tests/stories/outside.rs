//! What is outside comes before a run, and is told when it does not come.

use pm_core::{Became, Cause, Change, Fact, InstanceId, Order, Status};
use pm_spec::{AppSpec, Door, OutsideNeed, Probe, Span};

use crate::common::{Story, app, spawns, start};

fn probe(port: u16) -> Probe {
    Probe::Connect(Door::Tcp(format!("localhost:{port}")))
}

/// An app that needs what listens at these ports; the last one is no must.
fn needy() -> AppSpec {
    let mut spec = app("web");
    spec.outside = vec![OutsideNeed::on(probe(1)), OutsideNeed::on(probe(2))];
    spec.outside[1].required = false;
    spec.outside[1].within = Span::from_secs(5);
    spec
}

fn seen(port: u16, answer: Result<(), &str>) -> Fact {
    Fact::Outside(InstanceId(0), probe(port), answer.map_err(Into::into))
}

#[test]
fn a_run_begins_when_all_is_there_or_need_not_be() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![needy()]));
    assert_eq!(spawns(&orders), []);
    assert_eq!(story.instance(0).status, Status::Launching);
    let news = [Order::Publish(Change::Changed(InstanceId(0)))];
    assert_eq!(story.tell(seen(1, Err("refused"))), news);
    assert_eq!(story.tell(seen(1, Err("refused"))), [], "what was seen before is no news");
    assert_eq!(spawns(&story.tell(seen(1, Ok(())))), []);
    let orders = story.later(5000);
    let run = story.spawn_all(&orders)[0];
    story.later(1000);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.core.next_deadline(), None, "nobody waits, nothing wakes");
    // The next run waits for all of it again, and for no old answer.
    assert_eq!(story.tell(seen(2, Ok(()))), []);
    let orders = story.end(run, crate::CRASH);
    assert_eq!(spawns(&orders), []);
    assert!(story.instance(0).outside.iter().all(|thing| !thing.is_there));
}

#[test]
fn what_is_late_is_told_and_waited_for_until_it_comes() {
    let mut story = Story::default();
    let (request, _) = story.ask(start(vec![needy()]));
    story.tell(seen(1, Err("refused")));
    story.later(29_999);
    assert_eq!(story.reply(request), None);
    story.later(1);
    let (saw, within) = ("tcp://localhost:1: refused".into(), Span::from_secs(30));
    let cause = Cause::Outside { within, saw };
    assert_eq!(story.became(request), [Became::Failed(cause.clone())]);
    assert_eq!(story.instance(0).status, Status::Errored);
    assert_eq!(story.instance(0).failure, Some(&cause));
    assert_eq!(story.core.next_deadline(), None);
    // Whoever asks again has all its time again.
    let (again, _) = story.ask(start(vec![needy()]));
    assert_eq!(story.instance(0).status, Status::Launching);
    story.later(29_999);
    assert_eq!(story.reply(again), None);
    let orders = story.tell(seen(1, Ok(())));
    assert_eq!(story.spawn_all(&orders).len(), 1);
}
