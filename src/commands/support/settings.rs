//! The settings of this home (PM2: `module_conf.json`), and what they mean for
//! apps: `NAME:key` is a variable of the apps called NAME.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::process::Command;

use pm_pm2::settings::{SettingKey, Settings, plain};
use pm_pm2::{modules, shell};
use pm_protocol::{Existing, Outcomes, Patience, Restart, Start, Status};
use pm_spec::{AppSpec, ByteString, Environment, Rotation, Select};
use serde_json::Value;

use crate::called;
use crate::commands::support::{described, listing, progress, resend};
use crate::console::Console;
use crate::launch;
use crate::prelude::{Failure, Report, Session};
use crate::words;

/// Whether a setting of our own says `true`. A file that can't be read says nothing.
pub(crate) fn is_on(session: &Session, key: &str) -> bool {
    let book = Settings::load(&session.home.module_conf());
    let value = book.ok().zip(SettingKey::parse(key).ok());
    value.is_some_and(|(book, key)| book.get(&key).is_some_and(|it| plain(it) == "true"))
}

/// Lays the settings of each app over its environment, as each start in PM2 does: `KEY` for each, and all of them as JSON
/// in a variable of the app's name. A file that can't be read starts no app worse: it is told.
pub(crate) fn lay_over(session: &Session, apps: &mut [AppSpec]) {
    match Settings::load(&session.home.module_conf()) {
        Ok(book) => {
            let wish = modules::rotation(&book);
            if let Err(error) = &wish {
                session.console.talk(&format!("warning: {}", error.message));
            }
            for app in apps {
                if let Ok(wish) = &wish {
                    modules::steer(&mut app.logs.rotation, &Rotation::default(), wish);
                }
                let env = variables(&book, app.name.as_str());
                app.env.merge(&env);
                let names = env.iter().map(|(name, _)| ByteString::from(name));
                app.declared_env.extend(names);
                app.declared_env.sort();
                app.declared_env.dedup();
            }
        }
        Err(failure) => session.console.talk(&format!("warning: {}", failure.message)),
    }
}

fn variables(book: &Settings, app: &str) -> Environment {
    let mut env = Environment::new();
    let Some(Value::Object(own)) = book.get(&SettingKey::of_app(app)) else { return env };
    if own.is_empty() {
        return env;
    }
    for (name, value) in own {
        env.set(name, plain(value).as_str());
    }
    env.set(app, Value::Object(own.clone()).to_string().as_str());
    env
}

/// Sets, then restarts the apps that are meant (PM2).
pub(crate) fn change(session: &Session, pairs: &[(SettingKey, String)]) -> Result<Report, Failure> {
    let tongue = SettingKey::parse(words::SETTING).ok().filter(|_| !session.called_as.is_pm2());
    let odd = |(key, value): &&(SettingKey, String)| {
        tongue.as_ref() == Some(key) && !words::SETTINGS.contains(&value.as_str())
    };
    if let Some((_, odd)) = pairs.iter().find(odd) {
        return Err(Failure::input(format!("could not speak `{odd}`"))
            .hint("zh, en, or auto: as the environment says"));
    }
    let book = store(session, |book| {
        for (key, value) in pairs {
            book.set(key, value);
        }
    })?;
    for (key, _) in pairs {
        if let Some(why) = modules::idle(key) {
            session.console.talk(&format!("warning: this has no effect: {why}"));
        }
    }
    let apps: BTreeSet<&str> = pairs.iter().filter_map(|(key, _)| key.app()).collect();
    for app in apps {
        restart(session, &book, app)?;
    }
    Ok(page(session.console, &book, None))
}

/// Changes the file. What that asks of log rotation reaches the apps that run at once, as PM2's module would; a value
/// that means nothing there is refused before anything is written.
pub(crate) fn store(
    session: &Session,
    change: impl Fn(&mut Settings),
) -> Result<Settings, Failure> {
    launch::prepare(&session.home)?;
    let file = session.home.module_conf();
    let mut book = Settings::load(&file)?;
    let before = modules::rotation(&book).unwrap_or_default();
    change(&mut book);
    let wish = modules::rotation(&book)?;
    let book = Settings::change(&file, change)?;
    if wish != before {
        rotate(session, (&before, &wish))?;
    }
    Ok(book)
}

/// Has the apps that run rotate their logs so; those that are down take it over with the next start of their file.
fn rotate(session: &Session, (before, wish): (&Rotation, &Rotation)) -> Result<(), Failure> {
    let Some(mut client) = session.find()? else { return Ok(()) };
    let mut apps: BTreeMap<_, AppSpec> = BTreeMap::new();
    let mut down = BTreeSet::new();
    for one in described::known(&mut client)?.descriptions {
        let key = (one.row.name, one.row.namespace);
        // What is down would be started with its new spec.
        if one.row.status != Status::Online {
            down.insert(key.clone());
        }
        let app = apps.entry(key).or_insert(one.spec);
        modules::steer(&mut app.logs.rotation, before, wish);
    }
    apps.retain(|key, _| !down.contains(key));
    if apps.is_empty() {
        return Ok(());
    }
    resend::change(&mut client, apps.into_values().collect()).map(drop)
}

/// Restarts the apps of this name, if there are any, with their settings.
fn restart(session: &Session, book: &Settings, app: &str) -> Result<(), Failure> {
    let Some(mut client) = session.find()? else { return Ok(()) };
    if !listing::rows(&mut client)?.iter().any(|row| row.name == app) {
        return Ok(());
    }
    let select = vec![Select::Name(app.to_owned())];
    let call = Restart {
        select,
        env: Some(variables(book, app)),
        wait: Patience::Settled,
        no_deps: false,
    };
    let done = progress::during(session, "restarting", || resend::renew(&mut client, &call))?;
    told(session, app, &done, "set")
}

/// Removes one, or all; apps that had variables by them have these no longer.
pub(crate) fn remove(session: &Session, key: Option<&SettingKey>) -> Result<Report, Failure> {
    let before = Settings::load(&session.home.module_conf())?;
    let book = store(session, |book| match key {
        Some(key) => book.unset(key),
        None => book.clear(),
    })?;
    for app in before.apps() {
        let (had, has) = (variables(&before, app), variables(&book, app));
        let gone: Vec<_> = had.iter().filter(|(name, _)| has.get(name).is_none()).collect();
        if !gone.is_empty() {
            let names: Vec<_> = gone.iter().map(|(name, _)| *name).collect();
            take_away(session, app, &names, &has)?;
        }
    }
    Ok(page(session.console, &book, None))
}

/// Restarts the apps of this name that run, without these variables. Of what is down it is only said: it would be
/// started with its new spec.
fn take_away(
    session: &Session,
    app: &str,
    names: &[&str],
    others: &Environment,
) -> Result<(), Failure> {
    let Some(mut client) = session.find()? else { return Ok(()) };
    let mut specs: BTreeMap<_, AppSpec> = BTreeMap::new();
    let mut up = BTreeSet::new();
    for one in described::known(&mut client)?.descriptions {
        if one.row.name == app && names.iter().any(|name| one.spec.env.get(name).is_some()) {
            if one.row.pid != 0 {
                up.insert(one.row.namespace.clone());
            }
            specs.insert(one.row.namespace, one.spec);
        }
    }
    if specs.keys().any(|namespace| !up.contains(namespace)) {
        let names = names.join(", ");
        session.console.talk(&format!(
            "warning: {app} is down and keeps {names} until it is started from its file or script again"
        ));
    }
    specs.retain(|namespace, _| up.contains(namespace));
    for spec in specs.values_mut() {
        for name in names {
            spec.env.unset(name);
        }
        spec.env.merge(others);
        spec.declared_env.retain(|known| !names.iter().any(|it| it.as_bytes() == known.as_bytes()));
    }
    if specs.is_empty() {
        return Ok(());
    }
    let apps = specs.into_values().collect();
    let start =
        Start { apps, existing: Existing::Restart, wait: Patience::Settled, no_deps: false };
    let done = progress::during(session, "restarting", || resend::start(&mut client, start))?;
    told(session, app, &done, "unset")
}

/// How a restart of an app ended that its settings asked for.
fn told(session: &Session, app: &str, done: &Outcomes, verb: &str) -> Result<(), Failure> {
    let failed = done.outcomes.iter().find(|outcome| outcome.what.is_failure());
    if let Some(outcome) = failed {
        let message = format!("it is {verb}, but {app} did not come up again");
        return Err(Failure::failed(message).hint(format!("`pm logs {}` says why", outcome.id)));
    }
    session.console.talk(&format!("{app} restarted with its settings"));
    Ok(())
}

/// Settings as lines that set them again.
pub(crate) fn page(console: Console, book: &Settings, only: Option<&SettingKey>) -> Report {
    let (text, json) = book.lines(only);
    let name = called::name();
    let line =
        |(key, value): (String, String)| format!("{name} set {} {}\n", shell(&key), shell(&value));
    let text = text.into_iter().map(line);
    Report::new(console, || text.collect(), || json)
}

/// Has the caller edit a copy; it is taken if it is still JSON.
pub(crate) fn edit(session: &Session) -> Result<Report, Failure> {
    let file = session.home.module_conf();
    if !std::io::stdin().is_terminal() {
        return Err(Failure::input("set what?").hint(format!(
            "`pm set KEY VALUE`; an editor for {} needs a terminal",
            file.display()
        )));
    }
    launch::prepare(&session.home)?;
    let copy = Settings::load(&file)?.copy(&file)?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(std::env::var_os);
    let editor = editor.unwrap_or_else(|| "vi".into());
    // The variable is the user's own shell line (environ(7)); the file is an argument of it.
    let mut command = Command::new("sh");
    command.arg("-c").arg("eval \"$0 \\\"\\$1\\\"\"").arg(editor).arg(&copy);
    let edited = command.status();
    let book = match edited {
        Ok(status) if status.success() => Settings::take(&copy, &file).map_err(Failure::from),
        Ok(_) => Err(Failure::failed("the editor failed: nothing was changed")),
        Err(error) => Err(Failure::failed(format!("could not run sh: {error}"))),
    };
    // Taken over or not, the copy has served.
    std::fs::remove_file(&copy).ok();
    book.map(|book| page(session.console, &book, None))
}
