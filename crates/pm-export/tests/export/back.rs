//! Reading back what was written, and comparing what the report calls the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pm_config::{Caller, Overrides, read};
use pm_export::{ExportFate, ExportNote, TargetFiles, command};
use pm_spec::{AppSpec, Environment, options};

/// The apps of files, as `pm start` would read them.
pub(crate) fn apps(made: &TargetFiles) -> Vec<AppSpec> {
    let folder = tempfile::tempdir().unwrap();
    for file in &made.files {
        fs::write(folder.path().join(&file.name), &file.text).unwrap();
    }
    let mut env = Environment::new();
    env.set("PATH", "/usr/bin:/bin");
    let mut caller = Caller::new(folder.path().into(), env, folder.path().join("home"));
    // Who there is on this machine must not matter.
    let users = ["passwd", "group"].map(|name| folder.path().join(name));
    fs::write(&users[0], "app:x:1000:1000::/home/app:/bin/sh\n").unwrap();
    fs::write(&users[1], "app:x:1000:\nstaff:x:50:\n").unwrap();
    [caller.passwd, caller.group] = users;
    let names = made.files.iter().map(|file| Path::new(&file.name));
    // All units are read together; what several instances are made from is none.
    let is_unit = |path: &Path| path.extension().is_some_and(|it| it == "service" || it == "timer");
    let mut read: Vec<_> = names.clone().filter(|path| is_unit(path)).collect();
    let has_units = !read.is_empty();
    read.retain(|path| !path.to_string_lossy().contains('@'));
    if !has_units {
        read.extend(names.take(1));
    }
    let [first, rest @ ..] = read.as_slice() else { return Vec::new() };
    let read = read::load_all(first, rest, &caller, &Overrides::default());
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
                // The same may be said by a word or by several keys.
                "restart" => assert_eq!(read.restart.autorestart, app.restart.autorestart),
                "stop_exit_codes" if !app.restart.autorestart => {}
                // A unit that is named is started.
                "autostart" if made.files[0].name.ends_with(".service") => {}
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

/// Each of these does the same as it did, where the report names no other difference.
pub(crate) fn runs_alike(apps: &[AppSpec], made: &TargetFiles) {
    let back = self::apps(made);
    for app in apps {
        let name = app.name.as_str();
        let is_same = |note: &&ExportNote| {
            note.app != name || note.key != "args" && !note.key.starts_with("env ")
        };
        if !made.notes.iter().all(|note| is_same(&note) || matches!(note.fate, ExportFate::Same(_)))
        {
            continue;
        }
        let read = back.iter().find(|it| it.name == app.name).unwrap();
        assert_eq!(said(read), said(app), "{}", made.files[0].text);
    }
}

/// What an app says when it is run.
fn said(app: &AppSpec) -> String {
    let mask = app.umask.map_or_else(String::new, |mask| format!("umask {mask:03o}; "));
    let mut run = Command::new("/bin/sh");
    let words = command(app).into_iter().map(|word| word.display().into_owned());
    run.args(["-c", &format!("{mask}exec \"$@\""), "sh"]).args(words);
    // The folder of what was read is gone, which must not matter.
    let cwd = PathBuf::from(app.cwd.display().into_owned());
    run.current_dir(Some(cwd).filter(|cwd| cwd.is_dir()).unwrap_or("/usr/bin".into())).env_clear();
    run.envs(app.env.iter().map(|(name, value)| (name, value.display().into_owned())));
    String::from_utf8_lossy(&run.output().unwrap().stdout).into_owned()
}
