//! What `up` means for an app that is wanted up already: whoever asks waits until it is.

use pm_core::{Ask, Became, Cause, Ending, Existing, Fact, Patience, RequestId, RunId, Status};
use pm_spec::{AppSpec, Delay, Probe, Question, Readiness, Span, Start};

use crate::CRASH;
use crate::common::{Story, app, spawns, start};

/// One that is asked whether it is ready, within 3 s.
fn asked() -> AppSpec {
    let mut spec = app("web");
    let probe = Probe::Connect(pm_spec::Door::Tcp("localhost:1".into()));
    let question = Question { probe, timeout: Span::from_secs(1) };
    spec.checks.ready = Some(Box::new(Readiness::Answers(question)));
    spec.checks.ready_timeout = Span::from_secs(3);
    spec
}

fn up(story: &mut Story, spec: AppSpec) -> (RequestId, Vec<pm_core::Order>) {
    let existing = Existing::Converge;
    let start = Start { apps: vec![spec], existing, wait: Patience::Settled, no_deps: false };
    story.ask(Ask::Start(start))
}

/// It has ended so often that it pauses.
fn pausing(story: &mut Story, spec: AppSpec, ending: Ending) -> RunId {
    let (_, mut orders) = story.ask(start(vec![spec]));
    let mut last = RunId(0);
    while let [run] = story.spawn_all(&orders)[..] {
        orders = story.end(run, ending);
        last = run;
    }
    assert_eq!(story.instance(0).status, Status::WaitingRestart);
    last
}

#[test]
fn of_one_that_pauses_after_a_failure_the_next_run_counts_and_comes_at_once() {
    for is_good in [true, false] {
        let mut story = Story::default();
        let last = pausing(&mut story, asked(), CRASH);
        let unstable = story.instance(0).unstable;
        let (request, orders) = up(&mut story, asked());
        assert_eq!(story.reply(request), None);
        let run = story.spawn_all(&orders)[0];
        assert!(run > last);
        assert_eq!(story.instance(0).unstable, unstable, "it fails on as before");
        assert_eq!(story.reply(request), None, "it has to show that it is ready");
        if is_good {
            story.tell(Fact::Ready(run));
            assert_eq!(story.became(request), [Became::Started]);
        } else {
            story.end(run, CRASH);
            assert_eq!(story.became(request), [Became::Failed(Cause::Ended(CRASH))]);
        }
    }
}

#[test]
fn of_one_that_is_not_ready_yet_it_is_waited_for() {
    let mut story = Story::default();
    let (first, orders) = story.ask(start(vec![asked()]));
    let run = story.spawn_all(&orders)[0];
    let (second, _) = up(&mut story, asked());
    assert_eq!(story.reply(second), None);
    story.tell(Fact::Ready(run));
    assert_eq!(story.became(first), [Became::Started]);
    assert_eq!(story.became(second), [Became::Unchanged]);
    let (third, _) = up(&mut story, asked());
    assert_eq!(story.became(third), [Became::Unchanged], "at once");
}

#[test]
fn one_that_is_late_is_not_up() {
    let mut story = Story::default();
    let (_, orders) = story.ask(start(vec![asked()]));
    story.spawn_all(&orders);
    story.later(3000);
    let (request, _) = up(&mut story, asked());
    let late = Cause::NotReady { within: Span::from_secs(3), saw: None };
    assert_eq!(story.became(request), [Became::Failed(late)]);
}

#[test]
fn who_pauses_between_good_runs_and_jobs_are_left_alone() {
    let mut spec = app("web");
    spec.restart.delay = Delay::Fixed(Span::from_secs(3600));
    let mut story = Story::default();
    pausing(&mut story, spec.clone(), Ending::Exited(0));
    let (request, orders) = up(&mut story, spec);
    assert_eq!((story.became(request), spawns(&orders)), (vec![Became::Unchanged], vec![]));
    let mut spec = app("job");
    spec.restart.autorestart = false;
    let (_, orders) = story.ask(start(vec![spec.clone()]));
    story.spawn_all(&orders);
    let (request, _) = up(&mut story, spec);
    assert_eq!(story.became(request), [Became::Unchanged]);
}
