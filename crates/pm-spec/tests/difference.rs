//! What differs between two specs of an app, in words, and what it takes to apply it.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod sample;

use pm_spec::{
    AppSpec, Bytes, Effort, Environment, Identifier, LogFormat, LogTarget, Signal, Span, UserChoice,
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
            |app| app.user = Some(UserChoice { uid: Some(Identifier::Number(7)), gid: None }),
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
    let env = old.seen_from(&shell);
    let all: Vec<_> =
        env.iter().map(|(name, value)| format!("{name}={}", value.display())).collect();
    assert_eq!(all, ["API_KEY=hunter2", "NEW=x", "PORT=8", "PYTHONUNBUFFERED=1"]);
}
