//! How things begin, and what is told then.

use pm_core::{
    Ask, Became, Cause, Ending, Existing, Fact, InstanceId, Order, Patience, Record, Refused,
    Reply, SavedPhase, SpawnFailure, Status,
};
use pm_spec::{AppSpec, Restart, Scale, Select, Start, TimedCommand};

use crate::CRASH;
use crate::common::{Story, app, spawns, start, word};

#[test]
fn a_start_is_answered_when_it_has_settled() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![app("web")]));
    let intent = orders.iter().position(|o| matches!(o, Order::Persist(Record::Instance(s)) if matches!(s.phase, SavedPhase::Starting(_))));
    let spawn = orders.iter().position(|o| matches!(o, Order::Spawn(..)));
    assert!(intent < spawn && intent.is_some(), "the intent comes before the spawn");
    story.spawn_all(&orders);
    story.later(999);
    assert_eq!(story.reply(request), None);
    story.later(1);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.instance(0).status, Status::Online);
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn a_start_that_only_waits_for_exec_is_answered_by_the_spawn() {
    let mut story = Story::default();
    let patience = Patience::Spawned;
    let apps = vec![app("web")];
    let (request, orders) = story.ask(Ask::Start(Start {
        apps,
        existing: Existing::Keep,
        wait: patience,
        no_deps: false,
    }));
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.core.next_deadline(), None, "nobody waits, nothing wakes");
}

#[test]
fn a_start_that_waits_for_nothing_does_not_wait_for_what_comes_before_either() {
    let mut story = Story::default();
    let before = TimedCommand { command: vec!["/m".into()], timeout: TimedCommand::TIMEOUT };
    let apps = vec![AppSpec { pre_start: Some(before), ..app("web") }];
    let start = |wait| {
        let (apps, existing) = (apps.clone(), Existing::Keep);
        Ask::Start(Start { apps, existing, wait, no_deps: false })
    };
    let (request, orders) = story.ask(start(Patience::Spawned));
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.instance(0).status, Status::Launching);
    let (waits, _) = story.ask(start(Patience::Settled));
    assert_eq!(story.reply(waits), None);
    story.tell(Fact::NotSpawned(spawns(&orders)[0], SpawnFailure::Refused("migrate".into())));
    let cause = Cause::NotSpawned("migrate".into());
    assert_eq!(story.became(waits), [Became::Failed(cause.clone())]);
    assert_eq!(story.instance(0).failure, Some(&cause), "whoever did not wait is told by lists");
}

#[test]
fn readiness_is_as_good_as_time() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![app("web")]));
    let run = story.spawn_all(&orders)[0];
    story.tell(Fact::Ready(run));
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.tell(Fact::Ready(run)), [], "repeated news is no news");
}

#[test]
fn an_early_end_fails_the_start_at_once_and_restarts_anyway() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![app("web")]));
    let run = story.spawn_all(&orders)[0];
    let orders = story.end(run, CRASH);
    assert_eq!(story.became(request), [Became::Failed(Cause::Ended(CRASH))]);
    assert_eq!(spawns(&orders).len(), 1);
}

#[test]
fn a_refused_spawn_fails_a_persons_start_and_is_tried_again_by_the_policy() {
    let refused = || SpawnFailure::Refused("no such file".into());
    let cause = Cause::NotSpawned("no such file".into());
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![app("gone")]));
    story.tell(Fact::NotSpawned(spawns(&orders)[0], refused()));
    assert_eq!(story.became(request), [Became::Failed(cause.clone())]);
    assert_eq!(story.instance(0).failure, Some(&cause));
    assert_eq!(story.core.next_deadline(), None);
    // Later the file is there, and gone again when the app crashes.
    let (_, orders) = story.ask(Ask::Restart(Restart {
        select: word("gone"),
        env: None,
        wait: Patience::Settled,
        no_deps: false,
    }));
    let run = story.spawn_all(&orders)[0];
    let mut orders = story.end(run, CRASH);
    let mut tries = 0;
    while let Some(run) = spawns(&orders).first().copied() {
        tries += 1;
        orders = story.tell(Fact::NotSpawned(run, refused()));
        if spawns(&orders).is_empty() {
            orders = story.later(1000);
        }
    }
    assert_eq!(tries, 15);
    assert_eq!(story.instance(0).failure, Some(&cause));
}

#[test]
fn p67_a_short_machine_is_waited_for() {
    let mut story = Story::default();
    let (request, mut orders) = story.ask(start(vec![app("web")]));
    for _ in 0..100 {
        let run = spawns(&orders)[0];
        story.tell(Fact::NotSpawned(run, SpawnFailure::Short("no memory".into())));
        orders = story.later(1000);
    }
    assert_eq!(story.became(request), [Became::Failed(Cause::NotSpawned("no memory".into()))]);
    story.spawn_all(&orders);
    assert_eq!((story.instance(0).status, story.instance(0).restarts), (Status::Online, 0));
}

#[test]
fn an_interrupted_spawn_is_repeated_under_a_new_number_and_not_counted() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![app("web")]));
    let run = spawns(&orders)[0];
    let orders = story.tell(Fact::NotSpawned(run, SpawnFailure::Interrupted));
    assert!(orders.contains(&Order::Release(run)));
    let again = story.spawn_all(&orders)[0];
    assert!(again > run);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.instance(0).restarts, 0);
}

#[test]
fn numbers_start_at_zero_again_when_the_list_is_empty() {
    let mut story = Story::default();
    let runs = story.up(vec![app("a"), app("b")]);
    story.ask(Ask::Delete(word("a")));
    story.end(runs[0], Ending::Exited(0));
    assert!(story.core.instance(InstanceId(0)).is_none());
    let third = story.up(vec![app("c")])[0];
    assert!(story.core.instance(InstanceId(2)).is_some());
    let (request, _) = story.ask(Ask::Delete(vec![Select::All]));
    story.end(runs[1], Ending::Exited(0));
    assert_eq!(story.reply(request), None);
    story.end(third, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Deleted, Became::Deleted]);
    story.up(vec![app("d")]);
    assert_eq!(story.instance(0).app.name.as_str(), "d");
}

#[test]
fn p50_slots_are_stable_and_the_lowest_free_is_taken() {
    let mut spec = app("web");
    spec.instances = 3;
    let mut story = Story::default();
    let runs = story.up(vec![spec]);
    story.ask(Ask::Delete(vec![Select::Id(1)]));
    story.end(runs[1], Ending::Exited(0));
    let (request, orders) = story.ask(Ask::Scale(Scale { select: word("web"), to: 3 }));
    story.spawn_all(&orders);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Unchanged, Became::Unchanged, Became::Started]);
    let slots: Vec<_> =
        story.core.instances().map(|instance| (instance.id.0, instance.slot)).collect();
    assert_eq!(slots, [(0, 0), (2, 2), (3, 1)]);
    let (request, _) = story.ask(Ask::Scale(Scale { select: word("web"), to: 1 }));
    for run in story.core.instances().filter_map(|s| s.run).map(|r| r.0).collect::<Vec<_>>() {
        if story
            .core
            .instance_of_run(run)
            .is_some_and(|instance| instance.status == Status::Stopping)
        {
            story.end(run, Ending::Exited(0));
        }
    }
    assert_eq!(story.became(request), [Became::Unchanged, Became::Deleted, Became::Deleted]);
}

#[test]
fn p12_a_new_spec_is_taken_over_with_its_number_of_instances() {
    let mut story = Story::default();
    let mut spec = app("web");
    spec.instances = 2;
    let runs = story.up(vec![spec.clone()]);
    spec.instances = 1;
    spec.args.push("--new".into());
    let (request, _) = story.ask(start(vec![spec.clone()]));
    story.end(runs[1], Ending::Exited(0));
    let orders = story.end(runs[0], Ending::Exited(0));
    let plan = orders.iter().find_map(|order| match order {
        Order::Spawn(_, plan) => Some(plan.clone()),
        _ => None,
    });
    assert_eq!(plan.map(|plan| plan.app.args.clone()), Some(spec.args));
    story.spawn_all(&orders);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Restarted, Became::Deleted]);
}

#[test]
fn existing_apps_are_refused_kept_or_doubled_as_asked() {
    let mut story = Story::default();
    story.up(vec![app("web")]);
    let ask = |existing| {
        Ask::Start(Start {
            apps: vec![app("web")],
            existing,
            wait: Patience::Spawned,
            no_deps: false,
        })
    };
    let (request, orders) = story.ask(ask(Existing::Refuse));
    let name = app("web").name;
    assert_eq!(orders, [Order::Reply(request, Reply::Refused(Refused::AlreadyUp(name)))]);
    let (request, _) = story.ask(ask(Existing::Keep));
    assert_eq!(story.became(request), [Became::Unchanged]);
    let (request, orders) = story.ask(ask(Existing::Duplicate));
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.core.instances().count(), 2);
}

#[test]
fn without_autostart_it_is_only_added_and_can_be_raised() {
    let mut spec = app("later");
    spec.autostart = false;
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![spec]));
    assert_eq!((story.became(request), spawns(&orders).len()), (vec![Became::Added], 0));
    let (request, orders) = story.ask(Ask::Restart(Restart {
        select: word("later"),
        env: None,
        wait: Patience::Spawned,
        no_deps: false,
    }));
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
}
