//! How things end: by themselves, by a person, by a rule.

use pm_core::{
    Ask, Became, Cause, Ending, Existing, Fact, Identity, Order, Patience, Reach, Refused,
    Remaining, Reply, RunSignal, Status,
};
use pm_spec::{AppSpec, Bytes, Delay, Reload, Restart, Schedule, Select, Signal, Span, Start};

use crate::CRASH;
use crate::common::{Story, app, identity, spawns, start, word};

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
            story.ask(Ask::Restart(Restart {
                select: word("job"),
                env: None,
                wait: Patience::Settled,
                no_deps: false,
            }))
        } else {
            (request, orders)
        };
        let run = story.spawn_all(&orders)[0];
        story.end(run, ending);
        assert_eq!(story.became(request), [expected]);
        assert_eq!(story.instance(0).status, Status::Stopped);
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
    let instance = story.instance(0);
    assert_eq!((instance.status, instance.restarts), (Status::Errored, 15));
    assert_eq!(instance.failure, Some(&Cause::CrashLoop { runs: 16, last: CRASH }));
    assert_eq!(story.core.next_deadline(), None);
}

/// It lived so shortly that its end is the first that is heard of it.
#[test]
fn what_ends_after_a_stop_that_met_its_birth_was_stopped() {
    let mut story = Story::default();
    let (_, orders) = story.ask(start(vec![app("web")]));
    let run = spawns(&orders)[0];
    let (request, _) = story.ask(Ask::Stop(word("web")));
    story.tell(Fact::Ended(run, CRASH, Remaining::Nothing));
    assert_eq!(story.became(request), [Became::Stopped]);
    let instance = story.instance(0);
    assert_eq!((instance.status, instance.restarts), (Status::Stopped, 0));
    assert_eq!(instance.history.back().map(|end| &end.cause), Some(&Cause::Stopped));
}

#[test]
fn a_stop_is_answered_when_the_tree_is_gone() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let (request, orders) = story.ask(Ask::Stop(word("web")));
    assert!(orders.contains(&Order::Signal(run, RunSignal::Stop(Signal::INT, Reach::Tree))));
    story.tell(Fact::Ended(run, Ending::Exited(0), Remaining::Stragglers));
    assert_eq!(story.reply(request), None, "children live");
    let orders = story.tell(Fact::TreeGone(run));
    assert_eq!(story.became(request), [Became::Stopped]);
    assert!(orders.contains(&Order::Release(run)));
    assert_eq!(story.instance(0).status, Status::Stopped);
    assert_eq!(story.instance(0).restarts, 0);
}

#[test]
fn who_ignores_the_ask_is_forced_and_at_last_given_up() {
    let mut story = Story::default();
    let run = story.up(vec![app("deaf")])[0];
    let (request, _) = story.ask(Ask::Stop(word("deaf")));
    assert_eq!(story.later(1599), []);
    let force = Order::Signal(run, RunSignal::Kill(Reach::Tree));
    assert!(story.later(1).contains(&force));
    let orders = story.later(2599);
    assert_eq!(orders.iter().filter(|o| **o == force).count(), 2, "again each second");
    story.later(1);
    assert_eq!(story.became(request), [Became::Failed(Cause::Unkillable)]);
    assert_eq!(story.instance(0).status, Status::Errored);
    assert_eq!(story.core.next_deadline(), None);
    // Never a second one beside it; when it ends at last, things go on.
    let (request, orders) = story.ask(Ask::Restart(Restart {
        select: word("deaf"),
        env: None,
        wait: Patience::Spawned,
        no_deps: false,
    }));
    assert_eq!(spawns(&orders), []);
    let orders = story.end(run, Ending::Signaled { signal: 9, core: false });
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
}

#[test]
fn p05_children_of_a_dead_main_process_go_before_the_next_run() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let orders = story.tell(Fact::Ended(run, CRASH, Remaining::Stragglers));
    assert!(orders.contains(&Order::Signal(run, RunSignal::Stop(Signal::INT, Reach::Tree))));
    assert_eq!(spawns(&orders), []);
    let orders = story.later(1600);
    assert!(orders.contains(&Order::Signal(run, RunSignal::Kill(Reach::Tree))));
    let orders = story.tell(Fact::TreeGone(run));
    assert_eq!(spawns(&orders).len(), 1);
    assert_eq!((story.instance(0).restarts, story.instance(0).unstable), (1, 0));
}

#[test]
fn p74_without_treekill_children_are_left_alone() {
    let mut spec = app("web");
    spec.stop.tree = false;
    let mut story = Story::default();
    let run = story.up(vec![spec])[0];
    let orders = story.tell(Fact::Ended(run, CRASH, Remaining::Stragglers));
    assert_eq!(spawns(&orders).len(), 1);
    let run = story.spawn_all(&orders)[0];
    let (_, orders) = story.ask(Ask::Stop(word("web")));
    assert!(orders.contains(&Order::Signal(run, RunSignal::Stop(Signal::INT, Reach::Leader))));
}

#[test]
fn p17_a_stop_during_a_pause_cancels_it_at_once() {
    let mut spec = app("web");
    spec.restart.delay = Delay::Fixed(Span::from_secs(3));
    let mut story = Story::default();
    let run = story.up(vec![spec])[0];
    story.end(run, CRASH);
    assert_eq!(story.instance(0).status, Status::WaitingRestart);
    let (request, _) = story.ask(Ask::Stop(word("web")));
    assert_eq!(story.became(request), [Became::Stopped]);
    assert_eq!(story.core.next_deadline(), None);
    let (request, _) = story.ask(Ask::Stop(word("web")));
    assert_eq!(story.became(request), [Became::Unchanged]);
    assert_eq!(story.instance(0).restarts, 0);
}

#[test]
fn a_restart_counts_only_what_was_up() {
    let mut story = Story::default();
    let first = story.up(vec![app("web")])[0];
    let restart = || {
        Ask::Restart(Restart {
            select: word("web"),
            env: None,
            wait: Patience::Settled,
            no_deps: false,
        })
    };
    let (request, _) = story.ask(restart());
    let orders = story.end(first, Ending::Exited(0));
    story.spawn_all(&orders);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Restarted]);
    assert_eq!(story.instance(0).restarts, 1);
    let run = story.instance(0).run.expect("it is up").0;
    story.ask(Ask::Stop(word("web")));
    story.end(run, Ending::Exited(0));
    let (request, orders) = story.ask(restart());
    story.spawn_all(&orders);
    story.later(1000);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.instance(0).restarts, 1);
}

#[test]
fn a_restart_while_it_is_being_made_replaces_it() {
    let mut story = Story::default();
    let (first, orders) = story.ask(start(vec![app("web")]));
    let (second, more) = story.ask(Ask::Restart(Restart {
        select: word("web"),
        env: None,
        wait: Patience::Spawned,
        no_deps: false,
    }));
    assert_eq!(spawns(&more), []);
    assert_eq!(story.became(first), [Became::Superseded]);
    let run = spawns(&orders)[0];
    let orders = story.tell(Fact::Spawned(run, identity(run)));
    assert!(orders.contains(&Order::Signal(run, RunSignal::Stop(Signal::INT, Reach::Tree))));
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
    assert!(story.orders.contains(&Order::MeasureMemory(true)));
    assert_eq!(story.tell(Fact::MemoryMeasured(run, Bytes::new(100))), []);
    let orders = story.tell(Fact::MemoryMeasured(run, Bytes::new(101)));
    assert!(orders.iter().any(|o| matches!(o, Order::Signal(_, RunSignal::Stop(..)))));
    assert!(orders.contains(&Order::MeasureMemory(false)));
    let orders = story.end(run, Ending::Exited(0));
    assert_eq!(spawns(&orders).len(), 1);
    let instance = story.instance(0);
    assert_eq!((instance.restarts, instance.unstable), (1, 0));
    let cause = &instance.history.back().expect("it has ended").cause;
    assert_eq!(*cause, Cause::Memory { used: Bytes::new(101), limit: Bytes::new(100) });
}

#[test]
fn a_reload_goes_one_by_one_and_stops_at_the_first_failure() {
    let mut spec = app("web");
    spec.instances = 3;
    let mut story = Story::default();
    let runs = story.up(vec![spec]);
    let (request, orders) = story.ask(Ask::Reload(Reload {
        select: word("web"),
        env: None,
        force: false,
        again: None,
    }));
    let asked = |orders: &[Order]| -> Vec<_> {
        orders
            .iter()
            .filter_map(|order| match order {
                Order::Signal(run, RunSignal::Stop(..)) => Some(*run),
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
    assert_eq!(story.instance(2).run.map(|run| run.0), Some(runs[2]));
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
    assert_eq!(story.instance(0).history.back().map(|e| e.cause.clone()), Some(Cause::Shutdown));
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
fn a_job_that_waits_for_its_time_is_left_waiting_when_its_file_is_applied() {
    let mut job = app("job");
    job.restart.autorestart = false;
    job.schedule = Some(Schedule {
        pattern: "0 3 * * *".into(),
        zone: None,
        after_stop: false,
        job: false,
        ..Schedule::default()
    });
    let apply = |job: &AppSpec| {
        Ask::Start(Start {
            apps: vec![job.clone()],
            existing: Existing::Converge,
            wait: Patience::Settled,
            no_deps: false,
        })
    };
    let converge = || apply(&job);
    let mut story = Story::default();
    let (_, orders) = story.ask(converge());
    let run = story.spawn_all(&orders)[0];
    story.end(run, Ending::Exited(0));
    for _ in 0..2 {
        let (request, orders) = story.ask(converge());
        assert_eq!(spawns(&orders), []);
        assert_eq!(story.became(request), [Became::Unchanged]);
    }
    // Not even as another job than before, which it is at its next time.
    let other = AppSpec { cwd: "/elsewhere".into(), ..job.clone() };
    let (request, orders) = story.ask(apply(&other));
    assert_eq!((spawns(&orders), story.became(request)), (vec![], vec![Became::Unchanged]));
    assert_eq!(story.instance(0).app.cwd, other.cwd);
    // What a person stopped does not wait for anything; its file starts it.
    story.ask(Ask::Stop(word("job")));
    let (_, orders) = story.ask(converge());
    assert_eq!(spawns(&orders).len(), 1);
}

#[test]
fn a_tree_that_is_swept_has_not_ended_while_its_main_process_has_not() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let (request, _) = story.ask(Ask::Stop(word("web")));
    story.tell(Fact::TreeGone(run));
    assert_eq!(story.reply(request), None, "what is swept up was not all of it");
    assert_eq!(story.instance(0).run.map(|run| run.0), Some(run));
    story.end(run, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Stopped]);
}

/// It forked, and said who goes on.
#[test]
fn a_run_has_the_main_process_that_it_names() {
    let mut story = Story::default();
    let run = story.up(vec![app("web")])[0];
    let named = Identity { pid: 77, started: 78, inode: 79 };
    let orders = story.tell(Fact::MainProcess(run, named));
    let written = orders.iter().find_map(Order::record).expect("it is written down");
    assert!(serde_json::to_string(written).unwrap_or_default().contains("\"pid\":77"));
    assert_eq!(story.instance(0).run, Some((run, Some(named))));
    assert_eq!((story.instance(0).status, story.instance(0).restarts), (Status::Online, 0));
    story.end(run, CRASH);
    assert_eq!(story.instance(0).history.back().map(|end| end.pid), Some(77));
    assert_eq!(story.tell(Fact::MainProcess(run, named)), [], "a run that is over has none");
}
