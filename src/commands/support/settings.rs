//! The settings of this home (PM2: `module_conf.json`), and what they mean for
//! apps: `NAME:key` is a variable of the apps called NAME.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::Command;

use pm_pm2::settings::{Book, Key, plain};
use pm_pm2::shell;
use pm_protocol::{List, Restart, Wait};
use pm_spec::{AppSpec, ByteString, Environment, Select};
use serde_json::Value;

use crate::called;
use crate::commands::support::{progress, resend};
use crate::console::Console;
use crate::launch;
use crate::prelude::{Failure, Report, Session, quick};

/// Whether a setting of our own says `true`. A file that can't be read says nothing.
pub(crate) fn is_on(session: &Session, key: &str) -> bool {
    let book = Book::load(&session.home.module_conf());
    let value = book.ok().zip(Key::parse(key).ok());
    value.is_some_and(|(book, key)| book.get(&key).is_some_and(|it| plain(it) == "true"))
}

/// Lays the settings of each app over its environment, as each start in PM2 does: `KEY` for each, and all of them as JSON
/// in a variable of the app's name. A file that can't be read starts no app worse: it is told.
pub(crate) fn lay_over(session: &Session, apps: &mut [AppSpec]) {
    match Book::load(&session.home.module_conf()) {
        Ok(book) => {
            for app in apps {
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

fn variables(book: &Book, app: &str) -> Environment {
    let mut env = Environment::new();
    let Some(Value::Object(own)) = book.get(&Key::of_app(app)) else { return env };
    for (name, value) in own {
        env.set(name, plain(value).as_str());
    }
    env.set(app, Value::Object(own.clone()).to_string().as_str());
    env
}

/// Sets, then restarts the apps that are meant (PM2).
pub(crate) fn change(session: &Session, pairs: &[(Key, String)]) -> Result<Report, Failure> {
    launch::prepare(&session.home)?;
    let book = Book::change(&session.home.module_conf(), |book| {
        for (key, value) in pairs {
            book.set(key, value);
        }
    })?;
    let apps: BTreeSet<&str> = pairs.iter().filter_map(|(key, _)| key.app()).collect();
    for app in apps {
        restart(session, &book, app)?;
    }
    Ok(page(session.console, &book, None))
}

/// Restarts the apps of this name, if there are any, with their settings.
fn restart(session: &Session, book: &Book, app: &str) -> Result<(), Failure> {
    let Some(mut client) = session.find()? else { return Ok(()) };
    let list = List { select: Vec::new(), usage: false, host: false };
    if !quick(&mut client, &list)?.rows.iter().any(|row| row.name == app) {
        return Ok(());
    }
    let select = vec![Select::Name(app.to_owned())];
    let call = Restart { select, env: Some(variables(book, app)), wait: Wait::Settled };
    let done = progress::during(session, "restarting", || resend::renew(&mut client, &call))?;
    let failed = done.outcomes.iter().find(|outcome| outcome.what.is_failure());
    if let Some(outcome) = failed {
        let message = format!("it is set, but {app} did not come up again");
        return Err(Failure::failed(message).hint(format!("`pm logs {}` says why", outcome.id)));
    }
    session.console.talk(&format!("{app} restarted with its settings"));
    Ok(())
}

/// Settings as lines that set them again.
pub(crate) fn page(console: Console, book: &Book, only: Option<&Key>) -> Report {
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
    let copy = Book::load(&file)?.copy(&file)?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(std::env::var_os);
    let editor = editor.unwrap_or_else(|| "vi".into());
    // The variable is the user's own shell line (environ(7)); the file is an argument of it.
    let mut command = Command::new("sh");
    command.arg("-c").arg("eval \"$0 \\\"\\$1\\\"\"").arg(editor).arg(&copy);
    let edited = command.status();
    let book = match edited {
        Ok(status) if status.success() => Book::take(&copy, &file).map_err(Failure::from),
        Ok(_) => Err(Failure::failed("the editor failed: nothing was changed")),
        Err(error) => Err(Failure::failed(format!("could not run sh: {error}"))),
    };
    // Taken over or not, the copy has served.
    std::fs::remove_file(&copy).ok();
    book.map(|book| page(session.console, &book, None))
}
