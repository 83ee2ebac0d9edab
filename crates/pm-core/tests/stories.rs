//! One short story per promise: what is asked, what happens, what follows.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests look for single orders")]
#![expect(clippy::panic, clippy::expect_used, reason = "a story that goes wrong ends")]

mod common;

use common::{Story, app, identity, spawns, start, word};
use pm_core::{
    Ask, Became, Cause, Core, Ending, Existing, Fact, InstanceId, Knock, Order, Patience, Reach,
    Record, Refused, Reply, Rest, SavedPhase, SpawnFailure, Status, Time,
};
use pm_spec::{Bytes, Delay, Select, Signal, Span};

const CRASH: Ending = Ending::Exited(1);

#[test]
fn a_start_is_answered_when_it_has_settled() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![app("web")]));
    let intent = orders.iter().position(|o| matches!(o, Order::Remember(Record::Seat(s)) if matches!(s.phase, SavedPhase::Starting(_))));
    let spawn = orders.iter().position(|o| matches!(o, Order::Spawn(..)));
    assert!(intent < spawn && intent.is_some(), "the intent comes before the spawn");
    story.spawn_all(&orders);
    story.later(999);
    assert_eq!(story.reply(request), None);
    story.later(1);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.seat(0).status, Status::Online);
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn a_start_that_only_waits_for_exec_is_answered_by_the_spawn() {
    let mut story = Story::default();
    let patience = Patience::Spawned;
    let apps = vec![app("web")];
    let (request, orders) = story.ask(Ask::Start { apps, existing: Existing::Keep, patience });
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.core.next_deadline(), None, "nobody waits, nothing wakes");
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
fn a_job_that_ends_well_is_finished() {
    let mut spec = app("job");
    spec.restart.autorestart = false;
    let mut story = Story::default();
    for (ending, expected) in
        [(Ending::Exited(0), Became::Finished), (CRASH, Became::Failed(Cause::Ended(CRASH)))]
    {
        let (request, orders) = story.ask(start(vec![spec.clone()]));
        let (request, orders) = if spawns(&orders).is_empty() {
            story.ask(Ask::Raise { select: word("job"), env: None, patience: Patience::Settled })
        } else {
            (request, orders)
        };
        let run = story.spawn_all(&orders)[0];
        story.end(run, ending);
        assert_eq!(story.became(request), [expected]);
        assert_eq!(story.seat(0).status, Status::Stopped);
        assert_eq!(story.core.next_deadline(), None);
    }
}

#[test]
fn p18_a_crash_loop_ends_after_fifteen_restarts() {
    let mut story = Story::default();
    let (_, mut orders) = story.ask(start(vec![app("bad")]));
    let mut pauses = Vec::new();
    for _ in 0..16 {
        let run = story.spawn_all(&orders)[0];
        orders = story.end(run, CRASH);
        if spawns(&orders).is_empty() {
            let before = story.now;
            if let Some(due) = story.core.next_deadline() {
                orders = story.later(due.0 - before.0);
                pauses.push(due.0 - before.0);
            }
        } else {
            pauses.push(0);
        }
    }
    assert_eq!(pauses, [0, 0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000, 1000]);
    let seat = story.seat(0);
    assert_eq!((seat.status, seat.restarts), (Status::Errored, 15));
    assert_eq!(seat.failure, Some(&Cause::CrashLoop { runs: 16, last: CRASH }));
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn a_stop_is_answered_when_the_tree_is_gone() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let (request, orders) = story.ask(Ask::Stop(word("web")));
    assert!(orders.contains(&Order::Signal(run, Knock::Ask(Signal::INT, Reach::Tree))));
    story.tell(Fact::Ended(run, Ending::Exited(0), Rest::Stragglers));
    assert_eq!(story.reply(request), None, "children live");
    let orders = story.tell(Fact::Swept(run));
    assert_eq!(story.became(request), [Became::Stopped]);
    assert!(orders.contains(&Order::Release(run)));
    assert_eq!(story.seat(0).status, Status::Stopped);
    assert_eq!(story.seat(0).restarts, 0);
}

#[test]
fn who_ignores_the_ask_is_forced_and_at_last_given_up() {
    let mut story = Story::default();
    let run = story.up(vec![app("deaf")])[0];
    let (request, _) = story.ask(Ask::Stop(word("deaf")));
    assert_eq!(story.later(1599), []);
    let force = Order::Signal(run, Knock::Force(Reach::Tree));
    assert!(story.later(1).contains(&force));
    let orders = story.later(2599);
    assert_eq!(orders.iter().filter(|o| **o == force).count(), 2, "again each second");
    story.later(1);
    assert_eq!(story.became(request), [Became::Failed(Cause::Unkillable)]);
    assert_eq!(story.seat(0).status, Status::Errored);
    assert_eq!(story.core.next_deadline(), None);
    // Never a second one beside it; when it ends at last, things go on.
    let (request, orders) =
        story.ask(Ask::Raise { select: word("deaf"), env: None, patience: Patience::Spawned });
    assert_eq!(spawns(&orders), []);
    let orders = story.end(run, Ending::Signaled { signal: 9, core: false });
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
}

#[test]
fn p05_children_of_a_dead_main_process_go_before_the_next_run() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let orders = story.tell(Fact::Ended(run, CRASH, Rest::Stragglers));
    assert!(orders.contains(&Order::Signal(run, Knock::Ask(Signal::INT, Reach::Tree))));
    assert_eq!(spawns(&orders), []);
    let orders = story.later(1600);
    assert!(orders.contains(&Order::Signal(run, Knock::Force(Reach::Tree))));
    let orders = story.tell(Fact::Swept(run));
    assert_eq!(spawns(&orders).len(), 1);
    assert_eq!((story.seat(0).restarts, story.seat(0).unstable), (1, 0));
}

#[test]
fn p74_without_treekill_children_are_left_alone() {
    let mut spec = app("web");
    spec.stop.tree = false;
    let mut story = Story::default();
    let run = story.up(vec![spec])[0];
    let orders = story.tell(Fact::Ended(run, CRASH, Rest::Stragglers));
    assert_eq!(spawns(&orders).len(), 1);
    let run = story.spawn_all(&orders)[0];
    let (_, orders) = story.ask(Ask::Stop(word("web")));
    assert!(orders.contains(&Order::Signal(run, Knock::Ask(Signal::INT, Reach::Leader))));
}

#[test]
fn p17_a_stop_during_a_pause_cancels_it_at_once() {
    let mut spec = app("web");
    spec.restart.delay = Delay::Fixed(Span::from_secs(3));
    let mut story = Story::default();
    let run = story.up(vec![spec])[0];
    story.end(run, CRASH);
    assert_eq!(story.seat(0).status, Status::WaitingRestart);
    let (request, _) = story.ask(Ask::Stop(word("web")));
    assert_eq!(story.became(request), [Became::Stopped]);
    assert_eq!(story.core.next_deadline(), None);
    let (request, _) = story.ask(Ask::Stop(word("web")));
    assert_eq!(story.became(request), [Became::Unchanged]);
    assert_eq!(story.seat(0).restarts, 0);
}

#[test]
fn a_restart_counts_only_what_was_up() {
    let mut story = Story::default();
    let first = story.up(vec![app("web")])[0];
    let restart = || Ask::Restart { select: word("web"), env: None, patience: Patience::Settled };
    let (request, _) = story.ask(restart());
    let orders = story.end(first, Ending::Exited(0));
    story.spawn_all(&orders);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Restarted]);
    assert_eq!(story.seat(0).restarts, 1);
    let run = story.seat(0).run.expect("it is up").0;
    story.ask(Ask::Stop(word("web")));
    story.end(run, Ending::Exited(0));
    let (request, orders) = story.ask(restart());
    story.spawn_all(&orders);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.seat(0).restarts, 1);
}

#[test]
fn a_restart_while_it_is_being_made_replaces_it() {
    let mut story = Story::default();
    let (first, orders) = story.ask(start(vec![app("web")]));
    let (second, more) =
        story.ask(Ask::Restart { select: word("web"), env: None, patience: Patience::Spawned });
    assert_eq!(spawns(&more), []);
    assert_eq!(story.became(first), [Became::Superseded]);
    let run = spawns(&orders)[0];
    let orders = story.tell(Fact::Spawned(run, identity(run)));
    assert!(orders.contains(&Order::Signal(run, Knock::Ask(Signal::INT, Reach::Tree))));
    let orders = story.end(run, Ending::Exited(0));
    story.spawn_all(&orders);
    assert_eq!(story.became(second), [Became::Restarted]);
}

#[test]
fn p14_memory_above_the_limit_restarts_and_says_why() {
    let mut spec = app("fat");
    spec.limits.memory = Some(Bytes::new(100));
    let mut story = Story::default();
    let run = story.up(vec![spec])[0];
    assert!(story.orders.contains(&Order::Weigh(true)));
    assert_eq!(story.tell(Fact::Weighed(run, Bytes::new(100))), []);
    let orders = story.tell(Fact::Weighed(run, Bytes::new(101)));
    assert!(orders.iter().any(|o| matches!(o, Order::Signal(_, Knock::Ask(..)))));
    assert!(orders.contains(&Order::Weigh(false)));
    let orders = story.end(run, Ending::Exited(0));
    assert_eq!(spawns(&orders).len(), 1);
    let seat = story.seat(0);
    assert_eq!((seat.restarts, seat.unstable), (1, 0));
    let cause = &seat.history.back().expect("it has ended").cause;
    assert_eq!(*cause, Cause::Memory { used: Bytes::new(101), limit: Bytes::new(100) });
}

#[test]
fn a_refused_spawn_fails_a_persons_start_and_is_tried_again_by_the_policy() {
    let refused = || SpawnFailure::Refused("no such file".into());
    let cause = Cause::NotSpawned("no such file".into());
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![app("gone")]));
    story.tell(Fact::NotSpawned(spawns(&orders)[0], refused()));
    assert_eq!(story.became(request), [Became::Failed(cause.clone())]);
    assert_eq!(story.seat(0).failure, Some(&cause));
    assert_eq!(story.core.next_deadline(), None);
    // Later the file is there, and gone again when the app crashes.
    let (_, orders) =
        story.ask(Ask::Raise { select: word("gone"), env: None, patience: Patience::Settled });
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
    assert_eq!(story.seat(0).failure, Some(&cause));
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
    assert_eq!((story.seat(0).status, story.seat(0).restarts), (Status::Online, 0));
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
    assert_eq!(story.seat(0).restarts, 0);
}

#[test]
fn numbers_start_at_zero_again_when_the_list_is_empty() {
    let mut story = Story::default();
    let runs = story.up(vec![app("a"), app("b")]);
    story.ask(Ask::Delete(word("a")));
    story.end(runs[0], Ending::Exited(0));
    assert!(story.core.seat(InstanceId(0)).is_none());
    let third = story.up(vec![app("c")])[0];
    assert!(story.core.seat(InstanceId(2)).is_some());
    let (request, _) = story.ask(Ask::Delete(vec![Select::All]));
    story.end(runs[1], Ending::Exited(0));
    assert_eq!(story.reply(request), None);
    story.end(third, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Deleted, Became::Deleted]);
    story.up(vec![app("d")]);
    assert_eq!(story.seat(0).app.name.as_str(), "d");
}

#[test]
fn p50_slots_are_stable_and_the_lowest_free_is_taken() {
    let mut spec = app("web");
    spec.instances = 3;
    let mut story = Story::default();
    let runs = story.up(vec![spec]);
    story.ask(Ask::Delete(vec![Select::Id(1)]));
    story.end(runs[1], Ending::Exited(0));
    let (request, orders) = story.ask(Ask::Scale { select: word("web"), to: 3 });
    story.spawn_all(&orders);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Unchanged, Became::Unchanged, Became::Started]);
    let slots: Vec<_> = story.core.seats().map(|seat| (seat.id.0, seat.slot)).collect();
    assert_eq!(slots, [(0, 0), (2, 2), (3, 1)]);
    let (request, _) = story.ask(Ask::Scale { select: word("web"), to: 1 });
    for run in story.core.seats().filter_map(|s| s.run).map(|r| r.0).collect::<Vec<_>>() {
        if story.core.seat_of_run(run).is_some_and(|seat| seat.status == Status::Stopping) {
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
    let ask =
        |existing| Ask::Start { apps: vec![app("web")], existing, patience: Patience::Spawned };
    let (request, orders) = story.ask(ask(Existing::Refuse));
    let name = app("web").name;
    assert_eq!(orders, [Order::Reply(request, Reply::Refused(Refused::AlreadyUp(name)))]);
    let (request, _) = story.ask(ask(Existing::Keep));
    assert_eq!(story.became(request), [Became::Unchanged]);
    let (request, orders) = story.ask(ask(Existing::Duplicate));
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.core.seats().count(), 2);
}

#[test]
fn without_autostart_it_is_only_added_and_can_be_raised() {
    let mut spec = app("later");
    spec.autostart = false;
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![spec]));
    assert_eq!((story.became(request), spawns(&orders).len()), (vec![Became::Added], 0));
    let (request, orders) =
        story.ask(Ask::Raise { select: word("later"), env: None, patience: Patience::Spawned });
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
}

#[test]
fn a_reload_goes_one_by_one_and_stops_at_the_first_failure() {
    let mut spec = app("web");
    spec.instances = 3;
    let mut story = Story::default();
    let runs = story.up(vec![spec]);
    let (request, orders) = story.ask(Ask::Reload { select: word("web"), env: None, force: false });
    let asked = |orders: &[Order]| -> Vec<_> {
        orders
            .iter()
            .filter_map(|order| match order {
                Order::Signal(run, Knock::Ask(..)) => Some(*run),
                _ => None,
            })
            .collect()
    };
    assert_eq!(asked(&orders), [runs[0]]);
    let orders = story.end(runs[0], Ending::Exited(0));
    story.spawn_all(&orders);
    let orders = story.later(1000);
    assert_eq!(asked(&orders), [runs[1]]);
    let orders = story.end(runs[1], Ending::Exited(0));
    let bad = story.spawn_all(&orders)[0];
    let orders = story.end(bad, CRASH);
    assert_eq!(asked(&orders), []);
    let failed = Became::Failed(Cause::Ended(CRASH));
    assert_eq!(story.became(request), [Became::Restarted, failed, Became::Unchanged]);
    assert_eq!(story.seat(2).run.map(|run| run.0), Some(runs[2]));
}

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
fn leaving_stops_everything_answers_and_leaves() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let (request, _) = story.ask(Ask::Leave);
    let (late, _) = story.ask(start(vec![app("more")]));
    assert_eq!(story.reply(late), Some(&Reply::Refused(Refused::Leaving)));
    let orders = story.end(run, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Stopped]);
    assert_eq!(orders.last(), Some(&Order::Leave));
    assert_eq!(story.seat(0).history.back().map(|e| e.cause.clone()), Some(Cause::Shutdown));
}

#[test]
fn a_signal_is_passed_on_and_a_withdrawn_request_is_not_answered() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let signal = Signal::parse("USR1").expect("a signal");
    let (request, orders) = story.ask(Ask::Signal(word("web"), signal));
    assert_eq!(orders[0], Order::Signal(run, Knock::Pass(signal)));
    assert_eq!(story.became(request), [Became::Signaled]);
    let (request, _) = story.ask(Ask::Stop(word("web")));
    story.tell(Fact::Withdrawn(request));
    story.end(run, Ending::Exited(0));
    assert_eq!(story.reply(request), None);
    assert_eq!(story.seat(0).status, Status::Stopped);
}

#[test]
fn an_exit_remembered_but_not_acknowledged_is_let_go_after_the_daemons_death() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    story.ask(Ask::Stop(word("web")));
    story.end(run, Ending::Exited(0));
    story.core = Core::restore(story.now, story.records.clone());
    story.tell(Fact::Woke);
    assert_eq!(story.end(run, Ending::Exited(0)), [Order::Release(run)]);
    assert_eq!(story.seat(0).history.len(), 1);
}

#[test]
fn a_deletion_survives_the_daemon() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    story.ask(Ask::Delete(word("web")));
    story.core = Core::restore(story.now, story.records.clone());
    story.end(run, Ending::Unknown);
    assert_eq!(story.core.seats().count(), 0);
    assert_eq!(story.core.next_deadline(), None);
    assert_eq!(story.now, Time(1000));
}

#[test]
fn a_stop_is_asked_for_again_with_a_fresh_grace_after_the_daemons_death() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let (_, orders) = story.ask(Ask::Stop(word("web")));
    let ask = Order::Signal(run, Knock::Ask(Signal::INT, Reach::Tree));
    assert!(orders.contains(&ask));
    // It dies before the signal is sent, and nobody is there for longer than the grace.
    story.now = Time(story.now.0 + 60_000);
    story.core = Core::restore(story.now, story.records.clone());
    assert_eq!(story.tell(Fact::Woke).iter().filter(|order| **order == ask).count(), 1);
    let force = Order::Signal(run, Knock::Force(Reach::Tree));
    let early = story.later(1599);
    assert!(!early.contains(&force) && !early.contains(&ask), "{early:?}");
    assert!(story.later(1).contains(&force));
}

#[test]
fn children_of_an_ended_app_are_asked_again_after_the_daemons_death() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let orders = story.tell(Fact::Ended(run, Ending::Exited(1), Rest::Stragglers));
    let ask = Order::Signal(run, Knock::Ask(Signal::INT, Reach::Tree));
    assert!(orders.contains(&ask));
    story.now = Time(story.now.0 + 60_000);
    story.core = Core::restore(story.now, story.records.clone());
    let orders = story.tell(Fact::Ended(run, Ending::Unknown, Rest::Stragglers));
    assert_eq!(orders.iter().filter(|order| **order == ask).count(), 1, "{orders:?}");
    assert!(!orders.contains(&Order::Signal(run, Knock::Force(Reach::Tree))));
}

#[test]
fn p52_a_word_means_one_thing_or_is_refused_with_its_candidates() {
    let mut story = Story::default();
    let mut api = app("api");
    api.namespace = app("back").name;
    let mut back = app("back");
    back.namespace = app("front").name;
    let mut three = app("3");
    three.instances = 2;
    let mut one = app("one");
    one.namespace = app("one").name;
    story.up(vec![api, back, three, one]);
    let ids = |ids: &[u32]| ids.iter().map(|id| InstanceId(*id)).collect::<Vec<_>>();
    for (text, meant) in [
        ("api", &[0][..]),
        ("/srv/api.js", &[0]),
        ("name:back", &[1]),
        ("ns:back", &[0]),
        ("id:3", &[3]),
        ("name:3", &[2, 3]),
        ("2", &[2]),
        ("front", &[1]),
        ("one", &[4]),
        ("all", &[0, 1, 2, 3, 4]),
    ] {
        let select = [Select::parse(text).expect("a selector")];
        assert_eq!(story.core.resolve(&select), Ok(ids(meant)), "{text}");
    }
    let refused = |text: &str| story.core.resolve(&word(text)).expect_err("it is refused");
    let candidates = |all: &[(&str, &[u32])]| {
        all.iter().map(|(text, meant)| ((*text).to_owned(), ids(meant))).collect::<Vec<_>>()
    };
    let select = |text: &str| Select::Word(text.into());
    assert_eq!(
        refused("back"),
        Refused::Ambiguous {
            select: select("back"),
            candidates: candidates(&[("name:back", &[1]), ("ns:back", &[0])]),
        }
    );
    assert_eq!(
        refused("3"),
        Refused::Ambiguous {
            select: select("3"),
            candidates: candidates(&[("name:3", &[2, 3]), ("id:3", &[3])]),
        }
    );
    assert_eq!(refused("nope"), Refused::NoMatch(select("nope")));
    let both = [Select::Word("one".into()), Select::Name("nope".into())];
    assert_eq!(story.core.resolve(&both), Err(Refused::NoMatch(Select::Name("nope".into()))));
    assert_eq!(Core::new().resolve(&[Select::All]), Ok(Vec::new()));
}

#[test]
fn p79_stopping_all_of_nothing_is_done() {
    let mut story = Story::default();
    for ask in [Ask::Stop(vec![Select::All]), Ask::Delete(vec![Select::All])] {
        let (request, _) = story.ask(ask);
        assert_eq!(story.became(request), []);
    }
    let (request, orders) = story.ask(Ask::Leave);
    assert_eq!(story.became(request), []);
    assert_eq!(orders.last(), Some(&Order::Leave));
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
        assert_eq!(story.seat(0).unstable, count);
        story.records = story.core.records();
        if let Some(run) = spawns(&orders).first() {
            assert_eq!(story.seat(0).run.map(|run| run.0), Some(*run), "the intent is known");
        } else {
            orders = story.later(1000);
        }
        assert_eq!(story.seat(0).restarts, count);
    }
}
