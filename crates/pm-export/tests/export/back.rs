//! Reading back what was written, and comparing what the report calls the same.

use std::fs;
use std::path::Path;

use pm_config::{Caller, Overrides, read};
use pm_export::{ExportFate, TargetFiles, command};
use pm_spec::{AppSpec, Environment, options};

/// The apps of files, as `pm start` would read them.
pub(crate) fn apps(made: &TargetFiles) -> Vec<AppSpec> {
    let folder = tempfile::tempdir().unwrap();
    for file in &made.files {
        fs::write(folder.path().join(&file.name), &file.text).unwrap();
    }
    let mut env = Environment::new();
    env.set("PATH", "/usr/bin:/bin");
    let mut caller = Caller::new(folder.path().into(), env, folder.path().join("home"), 2);
    // Who there is on this machine must not matter.
    let users = ["passwd", "group"].map(|name| folder.path().join(name));
    fs::write(&users[0], "app:x:1000:1000::/home/app:/bin/sh\n").unwrap();
    fs::write(&users[1], "app:x:1000:\nstaff:x:50:\n").unwrap();
    [caller.passwd, caller.group] = users;
    let read = read::load(Path::new(&made.files[0].name), &caller, &Overrides::default());
    read.unwrap_or_else(|told| panic!("{told}\n{}", made.files[0].text)).apps
}

/// Each of these was read as it was written, as far as the report says so.
pub(crate) fn compare(apps: &[AppSpec], made: &TargetFiles) {
    let back = self::apps(made);
    for app in apps {
        let name = app.name.as_str();
        let notes: Vec<_> = made.notes.iter().filter(|note| note.app == name).collect();
        let is_renamed = notes
            .iter()
            .any(|note| note.key == "name" && !matches!(note.fate, ExportFate::Same(_)));
        if is_renamed || app.instances > 1 && back.iter().all(|it| it.name != app.name) {
            continue;
        }
        let read = back.iter().find(|it| it.name == app.name);
        let read = read.unwrap_or_else(|| panic!("{name} is lost: {}", made.files[0].text));
        for note in notes.iter().filter(|note| matches!(note.fate, ExportFate::Same(_))) {
            match note.key.as_str() {
                "script" | "args" => {
                    let is_whole = !notes
                        .iter()
                        .any(|it| it.key == "args" && !matches!(it.fate, ExportFate::Same(_)));
                    assert!(
                        !is_whole || command(read) == command(app),
                        "{:?}\n{:?}\n{}",
                        command(read),
                        command(app),
                        made.files[0].text
                    );
                }
                "env" => variables(app, read, made),
                key => {
                    let row = options::key(key).unwrap();
                    assert_eq!(row.value(read), row.value(app), "{key}: {}", made.files[0].text);
                }
            }
        }
    }
}

fn variables(app: &AppSpec, read: &AppSpec, made: &TargetFiles) {
    for name in &app.declared_env {
        let name = name.display();
        let key = format!("env {name}");
        if made.notes.iter().all(|note| note.app != app.name.as_str() || note.key != key) {
            assert_eq!(read.env.get(&name), app.env.get(&name), "{name}: {}", made.files[0].text);
        }
    }
}
