//! What differs between two specs of an app, in words, and what it takes to apply it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod sample;

use pm_spec::{
    AppSpec, Bytes, Effort, Environment, Identifier, LogFormat, LogTarget, Preset, Signal, Span,
    UserChoice,
};

fn app() -> AppSpec {
    let mut app = sample::app("web");
    app.env.set("PORT", "1");
    app.env.set("API_KEY", "hunter2");
    app.env.set("SSH_TTY", "/dev/pts/1");
    app.declared_env = vec!["API_KEY".into(), "PORT".into()];
    app.logs.out = LogTarget::File("/l/out".into());
    app
}

type Change = fn(&mut AppSpec);

#[test]
fn every_change_is_told_with_what_it_takes() {
    let rows: [(Change, Effort, &str); 19] = [
        (|_| (), Effort::Nothing, ""),
        (|app| app.version = Some("2".into()), Effort::Nothing, ""),
        (|app| app.env.set("SSH_TTY", "/dev/pts/2"), Effort::Nothing, ""),
        (|app| app.env.set("PORT", "2"), Effort::Renewal, "env.PORT 1 -> 2"),
        (|app| app.env.set("API_KEY", "x"), Effort::Renewal, "env.API_KEY *** -> ***"),
        (|app| app.env.unset("PORT"), Effort::Renewal, "env.PORT removed"),
        (|app| app.cwd = "/srv/b".into(), Effort::Renewal, "cwd /srv -> /srv/b"),
        (|app| app.args = vec!["a".into(), "b".into()], Effort::Renewal, "args added: a b"),
        (|app| app.instances = 3, Effort::Live, "instances 1 -> 3"),
        (|app| app.stop.timeout = Span::from_secs(5), Effort::Live, "kill_timeout 1600ms -> 5s"),
        (|app| app.stop.signal = Signal::TERM, Effort::Live, "kill_signal SIGINT -> SIGTERM"),
        (|app| app.restart.autorestart = false, Effort::Live, "autorestart true -> false"),
        (
            |app| app.limits.memory = Some(Bytes::new(1 << 20)),
            Effort::Live,
            "max_memory_restart added: 1.0mb",
        ),
        (|app| app.logs.rotation.keep = 3, Effort::Live, "log_keep 10 -> 3"),
        (|app| app.logs.out = LogTarget::Discard, Effort::Renewal, "out_file removed"),
        (
            |app| app.logs.format = LogFormat::Stamped("HH".into()),
            Effort::Renewal,
            "log_date_format added: HH",
        ),
        (|app| app.pid_file = Some("/p".into()), Effort::Renewal, "pid_file added: /p"),
        (
            |app| {
                app.user = Some(UserChoice {
                    uid: Some(Identifier::Number(7)),
                    gid: None,
                    groups: Vec::new(),
                });
            },
            Effort::Renewal,
            "uid added: 7",
        ),
        (|app| app.serving.wait_ready = true, Effort::Live, "wait_ready false -> true"),
    ];
    for (change, effort, told) in rows {
        let mut new = app();
        change(&mut new);
        let edits: Vec<_> = app().edits(&new).iter().map(ToString::to_string).collect();
        assert_eq!((app().effort(&new), edits.join(", ").as_str()), (effort, told));
    }
}

#[test]
fn a_variable_that_is_declared_no_more_counts_by_its_value() {
    let mut new = app();
    new.declared_env.pop();
    assert_eq!(app().effort(&new), Effort::Nothing, "the shell says the same");
    new.env.set("PORT", "9");
    assert_eq!(app().effort(&new), Effort::Renewal);
}

#[test]
fn a_shell_replaces_what_came_from_a_shell() {
    let mut old = app();
    old.env.set("PYTHONUNBUFFERED", "1");
    let mut shell = Environment::new();
    shell.set("PORT", "8");
    shell.set("NEW", "x");
    assert_eq!(
        variables(&old.seen_from(&shell)),
        ["API_KEY=hunter2", "NEW=x", "PORT=8", "PYTHONUNBUFFERED=1"]
    );
}

fn variables(env: &Environment) -> Vec<String> {
    env.iter().map(|(name, value)| format!("{name}={}", value.display())).collect()
}

#[test]
fn where_an_app_lives_is_no_matter_of_the_shell() {
    let mut shell = Environment::new();
    for (name, value) in [("PATH", "/bin"), ("PWD", "/root"), ("VIRTUAL_ENV", "/other")] {
        shell.set(name, value);
    }
    let seen = |script: &str, interpreter: Option<&str>| {
        let mut app = AppSpec { interpreter: interpreter.map(Into::into), ..sample::app("web") };
        app.script = script.into();
        app.env.set("PATH", "/srv/.venv/bin:/usr/bin");
        app.env.set("VIRTUAL_ENV", "/srv/.venv");
        variables(&app.seen_from(&shell))
    };
    let own = ["PATH=/srv/.venv/bin:/bin", "PWD=/srv", "VIRTUAL_ENV=/srv/.venv"];
    assert_eq!(seen("/srv/a.py", Some("/srv/.venv/bin/python")), own);
    assert_eq!(seen("/srv/.venv/bin/gunicorn", None), own);
    assert_eq!(seen("/usr/bin/bash", None), own);
    // One that only the shell was in is the shell's.
    let shells = ["PATH=/bin", "PWD=/srv", "VIRTUAL_ENV=/other"];
    assert_eq!(seen("/srv/a.js", Some("/usr/bin/node")), shells);
}

#[test]
fn what_nobody_wrote_is_no_change() {
    let derived = |merge: bool, out: &str| {
        let mut app = app();
        app.derived = vec!["merge_logs".into(), "out_file".into()];
        app.logs.merge = merge;
        app.logs.out = LogTarget::File(out.into());
        app
    };
    let (old, mut new) = (derived(true, "/l/out"), derived(false, "/l/web"));
    new.instances = 3;
    let told = |old: &AppSpec, new: &AppSpec| {
        old.edits(new).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    assert_eq!((told(&old, &new).as_str(), old.effort(&new)), ("instances 1 -> 3", Effort::Live));
    let on = old.carried_on(new.clone());
    assert_eq!((on.logs, on.instances), (old.logs.clone(), 3), "the run goes on where it writes");
    // Written by either of them it is one.
    new.derived.pop();
    assert_eq!(told(&old, &new), "instances 1 -> 3, out_file /l/out -> /l/web");
    assert_eq!(told(&new, &old), "instances 3 -> 1, out_file /l/web -> /l/out");
    assert_eq!(old.carried_on(new.clone()).logs.out, new.logs.out);
}

#[test]
fn an_app_of_before_presets_gets_one_as_a_single_change() {
    let old = app();
    let mut new = app();
    new.preset = Preset::Gunicorn;
    (new.stop.signal, new.stop.timeout) = (Signal::TERM, Span::from_secs(30));
    new.derived = vec!["preset".into(), "kill_signal".into(), "kill_timeout".into()];
    let told = |old: &AppSpec, new: &AppSpec| {
        old.edits(new).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        (told(&old, &new).as_str(), old.effort(&new)),
        ("preset none -> gunicorn", Effort::Live)
    );
    assert_eq!(old.carried_on(new.clone()).stop, new.stop);
    assert_eq!(
        told(&new, &old),
        "preset gunicorn -> none, kill_signal SIGTERM -> SIGINT, kill_timeout 30s -> 1600ms"
    );
    // What somebody wrote is told.
    new.derived.pop();
    assert_eq!(told(&old, &new), "preset none -> gunicorn, kill_timeout 1600ms -> 30s");
}
