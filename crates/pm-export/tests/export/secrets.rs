//! No value that may be a secret is in a file or a report.

use pm_export::{ExportFate, ExportTarget};
use pm_spec::{Door, HealthCheck, HttpGet, Probe, TimedCommand};

use crate::apps::plain;

#[test]
fn secrets_become_references() {
    let mut app = plain("web");
    for (name, value) in
        [("DB_PASSWORD", "hunter2-a"), ("PLAIN", "hello"), ("FROM_FILE", "hunter2-b")]
    {
        app.env.set(name, value);
        app.declared_env.push(name.into());
    }
    app.hidden_env.push("FROM_FILE".into());
    app.secret_files.insert("CERT".into(), "/run/secrets/cert".into());
    let command = TimedCommand {
        command: vec!["/bin/vault".into(), "read".into()],
        timeout: TimedCommand::TIMEOUT,
    };
    app.secret_commands.insert("VAULT".into(), command);
    let get = HttpGet {
        door: Door::Tcp("localhost:80".into()),
        path: "/up".into(),
        host: None,
        headers: vec![
            ("Authorization".into(), "hunter2-d".into()),
            ("Accept".into(), "*/*".into()),
        ],
        status: None,
    };
    app.checks.health = Some(Box::new(HealthCheck::new(Probe::Http(get))));
    // It is no secret of this app, and none of its declared variables.
    app.env.set("AWS_SECRET_OF_THE_SHELL", "hunter2-c");
    for target in ExportTarget::ALL.iter().copied() {
        let made = target.export(std::slice::from_ref(&app));
        let all = format!("{made:?}");
        assert!(!all.contains("hunter2"), "{}: {all}", target.name());
        assert!(all.contains("hello") && !all.contains("AWS_SECRET"), "{}: {all}", target.name());
        let is_told = made.notes.iter().any(|note| note.key == "healthcheck header Authorization");
        assert!(is_told, "{}: {:?}", target.name(), made.notes);
        for name in ["DB_PASSWORD", "FROM_FILE", "CERT", "VAULT"] {
            let is_written = made.files.iter().any(|file| file.text.contains(name));
            assert!(is_written, "{}: nothing is left of {name}", target.name());
            let key = format!("env {name}");
            let note = made.notes.iter().find(|note| note.key == key);
            let is_changed = note.is_some_and(|note| matches!(note.fate, ExportFate::Changed(_)));
            assert!(is_changed, "{} {name}: {note:?}", target.name());
        }
    }
}
