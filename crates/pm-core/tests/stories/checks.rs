//! What a run shows when it is asked: when it is up, and when it is not well any more.

use pm_core::{Ask, Became, Cause, Ending, Fact, Notified, Order, RunId, RunSignal, Status, Time};
use pm_spec::{AppSpec, Door, Health, HealthCheck, OnUnhealthy, Probe, Question, Readiness, Span};

use crate::common::{Story, app, spawns, start, word};

fn probe() -> Probe {
    Probe::Connect(Door::Tcp("localhost:1".into()))
}

fn shows_ready() -> AppSpec {
    let mut spec = app("web");
    let question = Question { probe: probe(), timeout: Span::from_secs(1) };
    spec.checks.ready = Some(Box::new(Readiness::Answers(question)));
    spec
}

fn checked(start_period: u64) -> AppSpec {
    let mut spec = app("web");
    let start_period = Span::from_millis(start_period);
    spec.checks.health = Some(Box::new(HealthCheck { start_period, ..HealthCheck::new(probe()) }));
    spec
}

fn bad(story: &mut Story, run: RunId) -> Vec<Order> {
    story.tell(Fact::Checked(run, Err("answered 503".into())))
}

fn good(story: &mut Story, run: RunId) {
    story.tell(Fact::Checked(run, Ok(())));
}

fn stops(orders: &[Order]) -> usize {
    orders.iter().filter(|order| matches!(order, Order::Signal(_, RunSignal::Stop(..)))).count()
}

#[test]
fn what_has_to_show_that_it_is_ready_is_up_when_it_has() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![shows_ready()]));
    let run = story.spawn_all(&orders)[0];
    story.later(20_000);
    assert_eq!((story.reply(request), story.instance(0).status), (None, Status::Launching));
    story.tell(Fact::Unready(run, "connection refused".into()));
    assert_eq!(story.instance(0).saw, Some("connection refused"));
    story.tell(Fact::Ready(run));
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!((story.instance(0).status, story.instance(0).saw), (Status::Online, None));
}

#[test]
fn what_was_seen_last_is_told_when_time_is_over() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![shows_ready()]));
    let run = story.spawn_all(&orders)[0];
    story.tell(Fact::Unready(run, "connection refused".into()));
    story.tell(Fact::Unready(run, "answered 503".into()));
    story.later(30_000);
    let (within, saw) = (Span::from_secs(30), Some("answered 503".into()));
    assert_eq!(story.became(request), [Became::Failed(Cause::NotReady { within, saw })]);
    assert_eq!(story.instance(0).status, Status::Launching);
}

#[test]
fn so_many_bad_answers_in_a_row_and_a_new_run_takes_its_place() {
    let mut story = Story::default();
    let run = story.up(vec![checked(0)])[0];
    assert_eq!(story.instance(0).health, Some(Health::Starting));
    bad(&mut story, run);
    bad(&mut story, run);
    good(&mut story, run);
    assert_eq!(story.instance(0).health, Some(Health::Healthy));
    bad(&mut story, run);
    assert_eq!(stops(&bad(&mut story, run)), 0);
    assert_eq!(story.instance(0).saw, Some("answered 503"));
    assert_eq!(stops(&bad(&mut story, run)), 1);
    let orders = story.end(run, Ending::Exited(0));
    let cause = Cause::Unhealthy { saw: "answered 503".into() };
    assert_eq!(story.instance(0).history.back().unwrap().cause, cause);
    assert_eq!(story.spawn_all(&orders).len(), 1);
    let instance = story.instance(0);
    assert_eq!(
        (instance.restarts, instance.failures, instance.health),
        (1, 1, Some(Health::Starting))
    );
}

#[test]
fn bad_answers_do_not_count_while_it_begins() {
    let mut story = Story::default();
    let run = story.up(vec![checked(5000)])[0];
    for _ in 0..9 {
        assert_eq!(stops(&bad(&mut story, run)), 0);
    }
    assert_eq!(story.instance(0).health, Some(Health::Starting));
    // The first good one ends that time.
    good(&mut story, run);
    bad(&mut story, run);
    bad(&mut story, run);
    assert_eq!(stops(&bad(&mut story, run)), 1);
}

#[test]
fn what_is_unhealthy_may_be_only_told() {
    for change in
        [(|app| app.checks.on_unhealthy = OnUnhealthy::Nothing) as fn(&mut AppSpec), |app| {
            app.restart.autorestart = false;
        }]
    {
        let mut spec = checked(0);
        change(&mut spec);
        let mut story = Story::default();
        let run = story.up(vec![spec])[0];
        for _ in 0..5 {
            assert_eq!(stops(&bad(&mut story, run)), 0);
        }
        let instance = story.instance(0);
        assert_eq!((instance.status, instance.health), (Status::Online, Some(Health::Unhealthy)));
        good(&mut story, run);
        assert_eq!(story.instance(0).health, Some(Health::Healthy));
    }
}

#[test]
fn unhealthy_again_and_again_is_a_failure_again_and_again() {
    let mut spec = checked(0);
    spec.restart.max_restarts = 3;
    let mut story = Story::default();
    let (_, orders) = story.ask(start(vec![spec]));
    let mut run = story.spawn_all(&orders)[0];
    for _ in 0..2 {
        (0..3).for_each(|_| drop(bad(&mut story, run)));
        let mut orders = story.end(run, Ending::Exited(0));
        orders.extend(story.later(1000));
        // Runs this short are counted as short, however well they end.
        run = story.spawn_all(&orders)[0];
    }
    (0..3).for_each(|_| drop(bad(&mut story, run)));
    story.end(run, Ending::Exited(0));
    let cause = Cause::Unhealthy { saw: "answered 503".into() };
    assert_eq!(story.instance(0).failure, Some(&cause));
    assert_eq!(story.core.next_deadline(), None);
}

#[test]
fn answers_of_a_run_that_is_not_ready_or_is_over_are_no_news() {
    let mut spec = shows_ready();
    spec.checks.health = checked(0).checks.health;
    let mut story = Story::default();
    let (_, orders) = story.ask(start(vec![spec]));
    let run = story.spawn_all(&orders)[0];
    (0..9).for_each(|_| assert_eq!(bad(&mut story, run), []));
    story.tell(Fact::Ready(run));
    assert_eq!(story.tell(Fact::Unready(run, "late".into())), []);
    let orders = story.end(run, Ending::Exited(1));
    assert_eq!(spawns(&orders).len(), 1);
    assert_eq!(bad(&mut story, run), []);
}

/// An app that has to give a sign of life every second, and its run, which is up.
fn guarded(change: fn(&mut AppSpec)) -> (Story, RunId) {
    let mut spec = app("web");
    spec.checks.watchdog = Some(Span::from_secs(1));
    change(&mut spec);
    let mut story = Story::default();
    let (_, orders) = story.ask(start(vec![spec]));
    let run = story.spawn_all(&orders)[0];
    (story, run)
}

fn says(story: &mut Story, run: RunId, what: Notified) -> Vec<Order> {
    story.tell(Fact::Notified(run, what))
}

#[test]
fn who_gives_no_sign_of_life_is_replaced_and_who_does_is_not() {
    let (mut story, run) = guarded(|_| {});
    for _ in 0..5 {
        assert_eq!(stops(&story.later(999)), 0);
        says(&mut story, run, Notified::Alive);
    }
    assert_eq!(story.instance(0).health, Some(Health::Healthy));
    assert_eq!(stops(&story.later(999)), 0);
    assert_eq!(stops(&story.later(1)), 1);
    story.end(run, Ending::Exited(0));
    let saw = "no sign of life within 1s (WATCHDOG=1)".into();
    assert_eq!(story.instance(0).history.back().unwrap().cause, Cause::Unhealthy { saw });
}

#[test]
fn signs_of_life_are_wanted_from_who_is_ready_and_stays() {
    let (mut story, run) = guarded(|app| app.checks.ready = shows_ready().checks.ready);
    assert_eq!(stops(&story.later(20_000)), 0);
    story.tell(Fact::Ready(run));
    assert_eq!(stops(&story.later(999)), 0);
    says(&mut story, run, Notified::Leaves);
    assert_eq!(stops(&story.later(20_000)), 0);
    assert_eq!(story.core.next_deadline(), None);
    let (mut story, run) = guarded(|_| {});
    assert_eq!(stops(&says(&mut story, run, Notified::Unwell)), 1);
}

#[test]
fn who_may_stay_unwell_is_told_as_that_until_it_lives_again() {
    let (mut story, run) = guarded(|app| app.checks.on_unhealthy = OnUnhealthy::Nothing);
    assert_eq!(stops(&story.later(3000)), 0);
    let instance = story.instance(0);
    assert_eq!((instance.status, instance.health), (Status::Online, Some(Health::Unhealthy)));
    says(&mut story, run, Notified::Alive);
    assert_eq!((story.instance(0).health, story.instance(0).saw), (Some(Health::Healthy), None));
}

#[test]
fn a_machine_that_slept_blames_nobody() {
    let (mut story, run) = guarded(|_| {});
    story.now = Time(story.now.0 + 60_000);
    assert_eq!(stops(&story.tell(Fact::TimePassed)), 0);
    assert_eq!(stops(&story.later(999)), 0);
    says(&mut story, run, Notified::Alive);
    assert_eq!(stops(&story.later(999)), 0);
    assert_eq!(stops(&story.later(1)), 1);
}

#[test]
fn who_asks_for_more_time_has_it() {
    let mut story = Story::default();
    let (request, orders) = story.ask(start(vec![shows_ready()]));
    let run = story.spawn_all(&orders)[0];
    story.later(29_000);
    says(&mut story, run, Notified::NeedsTime(Span::from_secs(10)));
    story.later(9999);
    assert_eq!(story.reply(request), None);
    story.tell(Fact::Ready(run));
    assert_eq!(story.became(request), [Became::Started]);
    story.ask(Ask::Stop(word("web")));
    says(&mut story, run, Notified::NeedsTime(Span::from_secs(10)));
    let is_forced = |order: &Order| matches!(order, Order::Signal(_, RunSignal::Kill(_)));
    assert!(!story.later(9999).iter().any(is_forced));
    assert!(story.later(1).iter().any(is_forced));
}
