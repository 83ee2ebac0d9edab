//! What a new spec does to an app that is known: no more than it takes.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests look for single orders")]
#![expect(clippy::panic, clippy::expect_used, reason = "a story that goes wrong ends")]

mod common;

use common::{Story, app, spawns};
use pm_core::{Ask, Became, Ending, Existing, Order, Patience, Pause, Refused, Reply, RunId};
use pm_spec::{AppName, AppSpec, Mode, Rename, Restart, Select, Span, Start};

fn ask(spec: AppSpec, existing: Existing) -> Ask {
    Ask::Start(Start { apps: vec![spec], existing, wait: Patience::Spawned, no_deps: false })
}

/// Signals are asks to go.
fn asked(orders: &[Order]) -> Vec<RunId> {
    let run = |order: &Order| match order {
        Order::Signal(run, _) => Some(*run),
        _ => None,
    };
    orders.iter().filter_map(run).collect()
}

fn retuned(orders: &[Order]) -> Vec<RunId> {
    let run = |order: &Order| match order {
        Order::UpdateLogRules(run, _) => Some(*run),
        _ => None,
    };
    orders.iter().filter_map(run).collect()
}

#[test]
fn what_is_the_same_is_left_alone() {
    let mut story = Story::default();
    story.up(vec![app("web")]);
    let mut same = app("web");
    same.env.set("SSH_TTY", "/dev/pts/9");
    let (request, orders) = story.ask(ask(same, Existing::Converge));
    assert_eq!(story.became(request), [Became::Unchanged]);
    assert_eq!((spawns(&orders).len(), asked(&orders).len()), (0, 0));
    assert!(story.instance(0).app.env.is_empty(), "the run has the environment it began with");
}

#[test]
fn p65_rules_change_while_it_runs() {
    let mut story = Story::default();
    let runs = story.up(vec![app("web")]);
    let mut new = app("web");
    new.stop.timeout = Span::from_secs(9);
    new.restart.autorestart = false;
    new.logs.rotation.keep = 2;
    new.env.set("SHELL", "/bin/zsh");
    let (request, orders) = story.ask(ask(new, Existing::Converge));
    assert_eq!(story.became(request), [Became::Amended]);
    assert_eq!((asked(&orders).len(), retuned(&orders)), (0, runs.clone()));
    assert!(story.instance(0).app.env.is_empty());
    // And they hold.
    let orders = story.end(runs[0], Ending::Exited(1));
    assert!(spawns(&orders).is_empty(), "autorestart is off now");
}

#[test]
fn p12_what_a_run_cannot_take_over_takes_a_new_one() {
    let mut story = Story::default();
    let runs = story.up(vec![app("web"), app("other")]);
    let mut new = app("web");
    new.env.set("PORT", "2");
    new.env.set("SHELL", "/bin/zsh");
    new.declared_env.push("PORT".into());
    let (request, orders) = story.ask(ask(new.clone(), Existing::Converge));
    assert_eq!(asked(&orders), [runs[0]]);
    let orders = story.end(runs[0], Ending::Exited(0));
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Restarted]);
    assert_eq!(story.instance(0).app.env, new.env, "a new run has the whole new environment");
    // Once more, and there is nothing to do.
    let (request, orders) = story.ask(ask(new, Existing::Converge));
    assert_eq!((story.became(request), asked(&orders).len()), (vec![Became::Unchanged], 0));
}

#[test]
fn more_or_fewer_instances_leave_the_others_running() {
    let mut story = Story::default();
    let several = |count| AppSpec { instances: count, ..app("web") };
    let runs = story.up(vec![several(2)]);
    let (request, orders) = story.ask(ask(several(3), Existing::Converge));
    story.spawn_all(&orders);
    assert_eq!(asked(&orders), []);
    assert_eq!(story.became(request), [Became::Amended, Became::Amended, Became::Started]);
    let (_, orders) = story.ask(ask(several(1), Existing::Converge));
    assert!(!asked(&orders).contains(&runs[0]) && asked(&orders).contains(&runs[1]));
}

#[test]
fn what_is_down_comes_up_as_the_file_says() {
    let mut story = Story::default();
    let runs = story.up(vec![app("web")]);
    let (_, _) = story.ask(Ask::Stop(common::word("web")));
    story.end(runs[0], Ending::Exited(0));
    let mut new = app("web");
    new.env.set("SHELL", "/bin/zsh");
    let (request, orders) = story.ask(ask(new, Existing::Converge));
    assert_eq!(spawns(&orders).len(), 1);
    story.spawn_all(&orders);
    assert_eq!(story.became(request), [Became::Started]);
    assert_eq!(story.instance(0).app.env.len(), 1);
}

#[test]
fn a_reload_of_a_file_goes_one_by_one() {
    for existing in [Existing::Reload, Existing::Converge] {
        let mut story = Story::default();
        let mut spec = AppSpec { instances: 2, ..app("web") };
        spec.serving.mode = Mode::Cluster;
        let runs = story.up(vec![spec.clone()]);
        spec.cwd = "/elsewhere".into();
        let (request, orders) = story.ask(ask(spec, existing));
        assert_eq!(asked(&orders), [], "both serve on");
        assert_eq!(story.reply(request), None);
        story.spawn_all(&orders);
        let orders = story.later(3000);
        assert_eq!(asked(&orders), [runs[0]], "the second one serves on");
        let orders = story.end(runs[0], Ending::Exited(0));
        story.spawn_all(&orders);
        let orders = story.later(3000);
        assert_eq!(asked(&orders), [runs[1]]);
        story.end(runs[1], Ending::Exited(0));
        assert_eq!(story.became(request), [Became::Restarted, Became::Restarted]);
    }
}

#[test]
fn a_shorter_grace_holds_for_who_is_on_his_way_out() {
    let mut story = Story::default();
    let mut spec = app("web");
    spec.stop.timeout = Span::from_secs(60);
    let runs = story.up(vec![spec.clone()]);
    story.ask(Ask::Stop(common::word("web")));
    spec.stop.timeout = Span::from_secs(1);
    story.ask(ask(spec, Existing::Converge));
    assert_eq!(asked(&story.later(999)), []);
    assert_eq!(asked(&story.later(1)), [runs[0]], "forced now");
}

#[test]
fn p11_a_shell_is_replaced_and_not_laid_over() {
    let mut story = Story::default();
    let mut spec = app("web");
    spec.env.set("OLD", "1");
    spec.env.set("MINE", "1");
    spec.declared_env.push("MINE".into());
    story.up(vec![spec]);
    let mut shell = pm_spec::Environment::new();
    shell.set("NEW", "1");
    let select = common::word("web");
    story.ask(Ask::Restart(Restart {
        select,
        env: Some(shell),
        wait: Patience::Spawned,
        no_deps: false,
    }));
    let names: Vec<_> = story.instance(0).app.env.iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["MINE", "NEW"]);
}

#[test]
fn another_name_keeps_numbers_and_runs() {
    let mut story = Story::default();
    let several = AppSpec { instances: 2, ..app("web") };
    story.up(vec![several, app("other")]);
    let called = |name: &str| AppName::parse(name).expect("a name");
    let rename = |select, name: &str| {
        let namespace = AppName::default_namespace();
        Ask::Rename(Rename { select, name: called(name), namespace })
    };
    // One that is taken, or that several would get, is given to nobody.
    for select in [common::word("web"), vec![Select::All]] {
        let (request, orders) = story.ask(rename(select, "other"));
        let taken = Reply::Refused(Refused::NameTaken(called("other")));
        assert_eq!(orders, [Order::Reply(request, taken)]);
    }
    let (request, orders) = story.ask(rename(common::word("1"), "site"));
    assert_eq!(story.became(request), [Became::Amended, Became::Amended]);
    assert_eq!((asked(&orders), spawns(&orders).len()), (vec![], 0));
    assert_eq!(story.instance(0).app.name.as_str(), "site");
    // It is found by its new name only, also to be started as a file says.
    let (request, _) = story.ask(Ask::Reset(common::word("web")));
    assert!(matches!(story.reply(request), Some(Reply::Refused(Refused::NoMatch(_)))));
    let (request, _) = story.ask(ask(AppSpec { instances: 2, ..app("site") }, Existing::Keep));
    assert_eq!(story.became(request), [Became::Unchanged, Became::Unchanged]);
    let (_, orders) = story.ask(ask(app("web"), Existing::Keep));
    assert_eq!(spawns(&orders).len(), 1, "a new one may have the old name");
}

#[test]
fn a_reset_in_a_pause_says_so() {
    let mut story = Story::default();
    let mut run = story.up(vec![app("web")])[0];
    for _ in 0..3 {
        let orders = story.end(run, Ending::Exited(1));
        let orders = if spawns(&orders).is_empty() { story.later(9_000) } else { orders };
        story.spawn_all(&orders);
        run = spawns(&orders)[0];
    }
    story.end(run, Ending::Exited(1));
    assert!(matches!(story.instance(0).pause, Some(Pause::ShortRuns(2..) | Pause::Failures(2..))));
    story.ask(Ask::Reset(common::word("web")));
    assert_eq!(story.instance(0).pause, Some(Pause::Forgotten));
}

#[test]
fn a_job_that_is_done_rests() {
    let mut story = Story::default();
    let mut job = app("job");
    job.restart.autorestart = false;
    let run = story.up(vec![job.clone()])[0];
    assert!(!story.instance(0).rests);
    story.end(run, Ending::Exited(0));
    assert!(story.instance(0).rests);
    let (request, orders) = story.ask(ask(job.clone(), Existing::Converge));
    assert_eq!((spawns(&orders).len(), story.became(request)), (0, vec![Became::Unchanged]));
    // Not what a person stopped, nor what failed.
    let (_, _) = story.ask(Ask::Stop(common::word("job")));
    assert!(!story.instance(0).rests);
    let (_, orders) = story.ask(ask(job, Existing::Converge));
    story.spawn_all(&orders);
    story.end(spawns(&orders)[0], Ending::Exited(1));
    assert!(!story.instance(0).rests);
}
