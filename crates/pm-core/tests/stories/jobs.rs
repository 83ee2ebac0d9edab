//! Jobs: who begins them, what is counted, and what their runs are asked for.

use pm_core::{
    AppId, Ask, Became, Cause, Core, Ending, Existing, Fact, Patience, Pause, Refused, Reply,
};
use pm_spec::{AppSpec, Overlap, Restart, Schedule, Span, Start};

use crate::CRASH;
use crate::common::{Story, app, spawns, word};

fn job(name: &str) -> AppSpec {
    let mut job = app(name);
    job.restart.autorestart = false;
    job.schedule = Some(Schedule {
        pattern: "0 3 * * *".into(),
        zone: None,
        after_stop: false,
        job: true,
        ..Schedule::default()
    });
    job
}

fn start(spec: &AppSpec, existing: Existing) -> Ask {
    Ask::Start(Start {
        apps: vec![spec.clone()],
        existing,
        wait: Patience::Settled,
        no_deps: false,
    })
}

fn run(name: &str) -> Ask {
    Ask::Run(word(name), true)
}

/// A story in which a job waits.
fn waiting() -> Story {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(&job("job"), Existing::Restart));
    assert_eq!((spawns(&orders), story.became(request)), (vec![], vec![Became::Added]));
    story
}

#[test]
fn a_job_that_waits_is_begun_by_its_times_and_by_nobody_else() {
    let mut story = waiting();
    for existing in [Existing::Converge, Existing::Restart, Existing::Keep, Existing::Reload] {
        let (request, orders) = story.ask(start(&job("job"), existing));
        assert_eq!((spawns(&orders), story.became(request)), (vec![], vec![Became::Unchanged]));
    }
    let restart =
        Restart { select: word("job"), env: None, wait: Patience::Settled, no_deps: false };
    let (request, orders) = story.ask(Ask::Restart(restart.clone()));
    assert_eq!((spawns(&orders), story.became(request)), (vec![], vec![Became::Unchanged]));
    assert!(story.instance(0).rests);
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    let run = story.spawn_all(&orders)[0];
    // What runs is left to its end by its file, and begun anew by name.
    let (_, orders) = story.ask(start(&job("job"), Existing::Restart));
    assert_eq!(orders.len(), 1, "{orders:?}");
    story.ask(Ask::Restart(restart));
    let orders = story.end(run, Ending::Exited(0));
    assert_eq!(spawns(&orders).len(), 1);
    story.spawn_all(&orders);
    let orders = story.end(spawns(&orders)[0], Ending::Exited(0));
    assert_eq!((spawns(&orders), story.instance(0).job.runs), (vec![], 2));
}

#[test]
fn what_a_person_stopped_waits_again_when_it_is_started() {
    let mut story = waiting();
    story.ask(Ask::Stop(word("job")));
    assert!(!story.instance(0).rests);
    let (request, orders) = story.ask(start(&job("job"), Existing::Keep));
    assert_eq!((spawns(&orders), story.became(request)), (vec![], vec![Became::Added]));
    assert!(story.instance(0).rests);
}

#[test]
fn a_run_by_hand_is_told_its_end_and_leaves_a_stopped_schedule_stopped() {
    let mut story = waiting();
    let (request, orders) = story.ask(run("job"));
    let first = story.spawn_all(&orders)[0];
    story.later(5000);
    assert_eq!(story.reply(request), None, "it still runs");
    let (second, _) = story.ask(run("job"));
    let name = job("job").name;
    assert_eq!(story.reply(second), Some(&Reply::Refused(Refused::Running(name))));
    story.end(first, CRASH);
    assert_eq!(story.became(request), [Became::Failed(Cause::Ended(CRASH))]);
    let job = story.instance(0).job;
    assert_eq!(
        (job.runs, job.failures, story.instance(0).last_failure),
        (1, 1, Some(&Cause::Ended(CRASH)))
    );
    assert!(story.instance(0).rests, "it waits for its next time all the same");
    story.ask(Ask::Stop(word("job")));
    let (request, orders) = story.ask(run("job"));
    let again = story.spawn_all(&orders)[0];
    story.end(again, Ending::Exited(0));
    assert_eq!(story.became(request), [Became::Finished]);
    assert!(!story.instance(0).rests && !story.instance(0).resting, "it was stopped before");
}

#[test]
fn only_what_ends_is_run() {
    let mut story = Story::default();
    story.up(vec![app("web")]);
    let (request, _) = story.ask(run("web"));
    let name = app("web").name;
    assert_eq!(story.reply(request), Some(&Reply::Refused(Refused::NoJob(name))));
}

#[test]
fn a_time_that_comes_while_it_runs_is_skipped_and_counted() {
    let mut story = waiting();
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    let run = story.spawn_all(&orders)[0];
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    assert_eq!(spawns(&orders), []);
    assert_eq!(story.instance(0).job.skipped, 1);
    story.end(run, Ending::Exited(0));
    assert_eq!(spawns(&story.tell(Fact::ScheduleDue(AppId(0)))).len(), 1);
}

#[test]
fn counts_outlive_the_daemon() {
    let mut story = waiting();
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    let run = story.spawn_all(&orders)[0];
    story.end(run, CRASH);
    story.core = Core::restore(story.now, story.records.clone());
    let job = story.instance(0).job;
    assert_eq!(
        (job.runs, job.failures, story.instance(0).last_failure),
        (1, 1, Some(&Cause::Ended(CRASH)))
    );
}

#[test]
fn a_saved_job_that_ran_waits_and_a_saved_one_that_was_done_is_left_alone() {
    let mut story = waiting();
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    story.spawn_all(&orders);
    let mut once = app("once");
    once.restart.autorestart = false;
    let (_, orders) = story.ask(start(&once, Existing::Keep));
    let done = story.spawn_all(&orders)[0];
    story.end(done, Ending::Exited(0));
    let saved = story.core.saved_list();
    let mut story = Story::default();
    let (_, orders) = story.ask(Ask::Restore(saved));
    assert_eq!(spawns(&orders), []);
    assert!(story.instance(0).rests);
    // Whatever `apply` is asked then, it was done before.
    let (request, orders) = story.ask(start(&once, Existing::Converge));
    assert_eq!((spawns(&orders), story.became(request)), (vec![], vec![Became::Unchanged]));
    // Also after another daemon, until it is run and fails.
    story.core = Core::restore(story.now, story.records.clone());
    assert!(story.instance(1).rests);
    let (_, orders) = story.ask(run("once"));
    let run = story.spawn_all(&orders)[0];
    story.end(run, CRASH);
    assert!(!story.instance(1).rests);
}

/// A job of its own kind, as it runs.
fn running(change: impl Fn(&mut AppSpec)) -> (Story, pm_core::RunId) {
    let mut story = Story::default();
    let mut spec = job("job");
    change(&mut spec);
    story.ask(start(&spec, Existing::Restart));
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    let run = story.spawn_all(&orders)[0];
    (story, run)
}

#[test]
fn a_time_that_waits_comes_once_when_the_run_has_ended() {
    let (mut story, run) = running(|job| job.job.overlap = Overlap::Queue);
    for _ in 0..3 {
        assert_eq!(spawns(&story.tell(Fact::ScheduleDue(AppId(0)))), []);
    }
    assert_eq!(story.instance(0).job.skipped, 2, "one waits");
    let orders = story.end(run, Ending::Exited(0));
    let next = story.spawn_all(&orders)[0];
    let orders = story.end(next, Ending::Exited(0));
    assert_eq!((spawns(&orders), story.instance(0).job.runs), (vec![], 2));
    // What a person stops takes what waits with it.
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    let run = story.spawn_all(&orders)[0];
    story.tell(Fact::ScheduleDue(AppId(0)));
    story.ask(Ask::Stop(word("job")));
    assert_eq!(spawns(&story.end(run, Ending::Exited(0))), []);
}

#[test]
fn a_time_that_kills_ends_the_run_and_begins_another() {
    let (mut story, run) = running(|job| job.job.overlap = Overlap::Kill);
    story.tell(Fact::ScheduleDue(AppId(0)));
    let orders = story.end(run, CRASH);
    assert_eq!((spawns(&orders).len(), story.instance(0).job.failures), (1, 0));
}

#[test]
fn a_run_that_takes_too_long_is_ended_and_has_failed() {
    let (mut story, run) = running(|job| job.job.time_limit = Some(Span::from_secs(5)));
    story.later(4999);
    assert_eq!(story.instance(0).status, pm_core::Status::Online);
    story.later(1);
    assert_eq!(story.instance(0).status, pm_core::Status::Stopping);
    let orders = story.end(run, Ending::Exited(0));
    assert_eq!((spawns(&orders), story.instance(0).job.failures), (vec![], 1));
    assert!(story.instance(0).rests, "it waits for its next time");
    assert!(matches!(story.instance(0).last_failure, Some(Cause::TooLong { .. })));
}

#[test]
fn what_failed_is_tried_again_so_often_and_told_in_the_end() {
    let mut story = Story::default();
    let mut spec = job("job");
    spec.job.retries = 2;
    story.ask(start(&spec, Existing::Restart));
    let (request, orders) = story.ask(run("job"));
    let mut last = story.spawn_all(&orders)[0];
    for (number, pause) in [(1, 1000), (2, 2000)] {
        assert_eq!(spawns(&story.end(last, CRASH)), []);
        assert_eq!(story.instance(0).pause, Some(Pause::Retry(number, 2)));
        assert_eq!(spawns(&story.later(pause - 1)), []);
        let orders = story.later(1);
        last = story.spawn_all(&orders)[0];
    }
    assert_eq!(story.reply(request), None);
    story.end(last, CRASH);
    assert_eq!(story.became(request), [Became::Failed(Cause::Ended(CRASH))]);
    let job = story.instance(0).job;
    assert_eq!((job.runs, job.failures), (3, 3));
    // Its next time has all its tries again, and one that goes well ends them.
    let orders = story.tell(Fact::ScheduleDue(AppId(0)));
    let first = story.spawn_all(&orders)[0];
    story.end(first, CRASH);
    assert_eq!(story.instance(0).pause, Some(Pause::Retry(1, 2)));
    let orders = story.later(1000);
    let second = story.spawn_all(&orders)[0];
    story.end(second, Ending::Exited(0));
    assert!(story.instance(0).rests);
}
