//! `set`, `get`, `unset`, `multiset`, `conf`: the settings of this home (PM2: `module_conf.json`), and what they mean for
//! apps: `NAME:key` is a variable of the apps called NAME.

mod book;

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::process::Command;

use pm_protocol::{List, Restart, Wait};
use pm_spec::{AppSpec, ByteString, Environment, Select};
use serde_json::Value;

use crate::boot::shell;
use crate::called;
use crate::cli::{GetArgs, MultisetArgs, SetArgs, UnsetArgs};
use crate::commands::settings::book::{Book, Key};
use crate::commands::support::{progress, resend};
use crate::commands::{Session, quick};
use crate::failure::{Exit, Failure};
use crate::launch;
use crate::report::Report;

/// `pm set KEY VALUE`; without both, the file is edited.
pub(super) fn set(session: &Session, args: &SetArgs) -> Result<Report, Failure> {
    match (&args.key, &args.value) {
        (Some(key), Some(value)) => change(session, &[(Key::parse(key)?, value.clone())]),
        (Some(key), None) => Err(Failure::input(format!("set {key} to what?")).hint(format!(
            "`pm set {key} VALUE`; `pm get {key}` shows it, `pm unset {key}` removes it"
        ))),
        (None, _) => edit(session),
    }
}

/// `pm conf`: `set`, `get` or the editor, by what is given (PM2).
pub(super) fn conf(session: &Session, args: &SetArgs) -> Result<Report, Failure> {
    match (&args.key, &args.value) {
        (Some(key), None) => get(session, &GetArgs { key: Some(key.clone()) }),
        (_, _) => set(session, args),
    }
}

/// `pm multiset "KEY VALUE KEY VALUE"`.
pub(super) fn multiset(session: &Session, args: &MultisetArgs) -> Result<Report, Failure> {
    let (words, is_line) = match args.pairs.as_slice() {
        [line] => (book::words(line)?, true),
        words => (words.to_vec(), false),
    };
    let mut pairs = Vec::new();
    for pair in words.chunks(2) {
        let [key, value] = pair else {
            let last = pair.first().map_or("", String::as_str);
            return Err(Failure::input(format!("{last} has no value: nothing was set")));
        };
        let value = if is_line { value.replace('"', "") } else { value.clone() };
        pairs.push((Key::parse(key)?, value));
    }
    change(session, &pairs)
}

/// Whether a setting of our own says `true`. A file that can't be read says nothing.
pub(super) fn is_on(session: &Session, key: &str) -> bool {
    let book = Book::load(&session.home.module_conf());
    let value = book.ok().zip(Key::parse(key).ok());
    value.is_some_and(|(book, key)| book.get(&key).is_some_and(|it| book::plain(it) == "true"))
}

/// `pm unset KEY`; what was not set is no error (PM2).
pub(super) fn unset(session: &Session, args: &UnsetArgs) -> Result<Report, Failure> {
    launch::prepare(&session.home)?;
    let key = Key::parse(&args.key)?;
    let book = Book::change(&session.home.module_conf(), |book| {
        if args.key == "all" { book.clear() } else { book.unset(&key) }
    })?;
    Ok(page(&book, None))
}

/// `pm get [KEY]`.
pub(super) fn get(session: &Session, args: &GetArgs) -> Result<Report, Failure> {
    let book = Book::load(&session.home.module_conf())?;
    let Some(word) = args.key.as_deref().filter(|key| *key != "all") else {
        return Ok(page(&book, None));
    };
    let key = Key::parse(word)?;
    match book.get(&key) {
        None => Err(Failure::new(Exit::Failed, format!("there is no setting {word}"))
            .hint("`pm get` shows all there are")),
        Some(Value::Object(_)) => Ok(page(&book, Some(&key))),
        Some(value) => Ok(Report::Page { text: book::plain(value) + "\n", json: value.clone() }),
    }
}

/// Lays the settings of each app over its environment, as each start in PM2 does: `KEY` for each, and all of them as JSON
/// in a variable of the app's name. A file that can't be read starts no app worse: it is told.
pub(super) fn lay_over(session: &Session, apps: &mut [AppSpec]) {
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
        env.set(name, book::plain(value).as_str());
    }
    env.set(app, Value::Object(own.clone()).to_string().as_str());
    env
}

/// Sets, then restarts the apps that are meant (PM2).
fn change(session: &Session, pairs: &[(Key, String)]) -> Result<Report, Failure> {
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
    Ok(page(&book, None))
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
        return Err(
            Failure::new(Exit::Failed, message).hint(format!("`pm logs {}` says why", outcome.id))
        );
    }
    session.console.talk(&format!("{app} restarted with its settings"));
    Ok(())
}

/// Settings as lines that set them again.
fn page(book: &Book, only: Option<&Key>) -> Report {
    let (text, json) = book.lines(only);
    let name = called::name();
    let line =
        |(key, value): (String, String)| format!("{name} set {} {}\n", shell(&key), shell(&value));
    let text = text.into_iter().map(line);
    Report::Page { text: text.collect(), json }
}

/// Has the caller edit a copy; it is taken if it is still JSON.
fn edit(session: &Session) -> Result<Report, Failure> {
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
        Ok(status) if status.success() => Book::take(&copy, &file),
        Ok(_) => Err(Failure::new(Exit::Failed, "the editor failed: nothing was changed")),
        Err(error) => Err(Failure::new(Exit::Failed, format!("could not run sh: {error}"))),
    };
    // Taken over or not, the copy has served.
    std::fs::remove_file(&copy).ok();
    book.map(|book| page(&book, None))
}
