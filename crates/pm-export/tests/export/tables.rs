//! What the tables of keys say is what happens.

use pm_export::{ExportFate, ExportKey, ExportTarget, ExportedFile};
use pm_spec::{AppSpec, Schedule, options};

use crate::apps::{other, plain};

fn files(target: ExportTarget, app: &AppSpec) -> Vec<ExportedFile> {
    target.export(&[plain("base"), app.clone()]).files
}

/// An app that differs from the plain one by one key.
fn with(key: ExportKey) -> (AppSpec, AppSpec) {
    let row = options::key(key.name()).unwrap();
    let (mut app, mut from) = (plain("app"), other());
    match key.name() {
        // A time that only restarts what runs.
        "cron_restart" => {
            let schedule = from.schedule.take().unwrap();
            from.schedule = Some(Schedule { job: false, ..schedule });
        }
        // They are of jobs.
        "overlap" | "time_limit" | "retries" | "cron_timezone" | "catch_up" | "random_delay" => {
            let daily = Schedule { pattern: "0 1 * * *".into(), job: true, ..Schedule::default() };
            app.schedule = Some(daily.clone());
            app.restart.autorestart = false;
            let said = from.schedule.take().unwrap();
            from.schedule = Some(match key.name() {
                "cron_timezone" => Schedule { zone: said.zone, ..daily },
                "catch_up" => Schedule { catch_up: true, ..daily },
                "random_delay" => Schedule { random_delay: said.random_delay, ..daily },
                _ => daily,
            });
        }
        // It says something else than `autorestart` in systems that know one word for both.
        "stop_exit_codes" | "start_retries" | "max_restarts" => {
            app.restart.stop_exit_codes = [0].into();
        }
        // It is the group's, if it has no user.
        "gid" => app.user = Some(pm_spec::UserChoice { gid: None, ..from.user.clone().unwrap() }),
        "groups" => {
            app.user =
                Some(pm_spec::UserChoice { groups: Vec::new(), ..from.user.clone().unwrap() });
        }
        // What is usual differs.
        "reload_order" => app.reload.order = pm_spec::ReloadOrder::StopFirst,
        "listen" => app.instances = 1,
        "interpreter_args" => app.interpreter.clone_from(&from.interpreter),
        "log_max_size" | "log_keep" => app.logs.out.clone_from(&from.logs.out),
        "name" => from.name = pm_spec::AppName::parse("another").unwrap(),
        "ready_timeout" => app.checks.ready.clone_from(&from.checks.ready),
        _ => {}
    }
    if key == ExportKey::StopExitCodes {
        from.restart.stop_exit_codes = [0, 3].into();
        app.restart.stop_exit_codes.clear();
    }
    let before = app.clone();
    match key.name() {
        "name" => app.name = from.name,
        "namespace" => app.namespace = from.namespace,
        "script" => app.script = from.script,
        "env" => {
            app.env.set("A", "1");
            app.declared_env.push("A".into());
        }
        _ => row.take(&mut app, &from),
    }
    assert_ne!(before, app, "`{}` has one value only", key.name());
    (before, app)
}

#[test]
fn what_has_a_counterpart_is_written_and_what_has_none_is_not() {
    let mut wrong = Vec::new();
    for target in ExportTarget::ALL.iter().copied() {
        for key in ExportKey::ALL.iter().copied() {
            let (before, app) = with(key);
            let is_written = files(target, &before) != files(target, &app);
            let fate = target.fate(key);
            // It begins nothing by itself there, which is written.
            let is_kept_still = key == ExportKey::Schedule;
            if !is_kept_still && is_written == matches!(fate, ExportFate::Missing(_)) {
                wrong.push(format!(
                    "{} {}: {fate:?}, written: {is_written}",
                    target.name(),
                    key.name()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_an_app_says_goes_without_a_word() {
    for target in ExportTarget::ALL.iter().copied() {
        for key in ExportKey::ALL.iter().copied() {
            let (_, app) = with(key);
            let name = app.name.to_string();
            let notes = target.export(&[plain("base"), app]).notes;
            let is_told =
                notes.iter().any(|note| note.app == name && note.key.starts_with(key.name()));
            assert!(is_told, "{} {}: {notes:#?}", target.name(), key.name());
        }
        let mut app = plain("app");
        app.watch = Some(pm_spec::Watch {
            on: true,
            paths: vec!["/b".into()],
            ignore: Vec::new(),
            extensions: Vec::new(),
            delay: pm_spec::Span::ZERO,
            poll: None,
            follow_links: true,
        });
        app.logs.combined = Some("/c".into());
        let notes = target.export(&[app]).notes;
        for key in ["watch", "log_file"] {
            let is_told = notes
                .iter()
                .any(|note| note.key == key && matches!(note.fate, ExportFate::Missing(_)));
            assert!(is_told, "{} {key}: {notes:#?}", target.name());
        }
    }
}
