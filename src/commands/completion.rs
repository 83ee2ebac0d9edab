//! `pm completion`: a script for a shell, which asks this program for what could come next. What that is follows from the
//! grammar; names of apps come from the daemon, if one runs.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory};
use pm_client::{DaemonConnection, Deadline};
use pm_protocol::{List, Row};

use crate::called;
use crate::cli::{Cli, CompletionArgs, parse};
use crate::prelude::{Failure, Report, Session};

/// Whoever waits for a completion does not wait for a daemon that is busy.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where files are meant, a line without a word says so.
const FILES: &str = "";

pub(super) fn run(session: &Session, args: &CompletionArgs) -> Result<Report, Failure> {
    if args.candidates {
        let words: Vec<_> =
            args.words.iter().map(OsString::as_os_str).map(|it| it.to_string_lossy()).collect();
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        return Ok(Report::text(session.console, candidates(&words, || known(session))));
    }
    let of_caller = || {
        let shell = PathBuf::from(std::env::var_os("SHELL")?);
        Some(shell.file_name()?.to_str()?.to_owned())
    };
    let script = match args.shell.clone().or_else(of_caller).as_deref() {
        Some("bash") => include_str!("completion/pm.bash"),
        Some("zsh") => include_str!("completion/pm.zsh"),
        Some("fish") => include_str!("completion/pm.fish"),
        Some(_) | None => {
            return Err(Failure::input("completion for which shell?")
                .hint("`pm completion bash`, zsh or fish"));
        }
    };
    Ok(Report::text(session.console, script.replace("PROGRAM", called::name())))
}

/// The names people may mean: of apps, of their groups, their ids. No daemon is started for that, and none is no error.
fn known(session: &Session) -> Vec<String> {
    let list = List { select: Vec::new(), usage: false, host: false };
    let rows: Vec<Row> = DaemonConnection::open(&session.home, PATIENCE)
        .ok()
        .and_then(|mut daemon| daemon.call(list, Deadline::after(PATIENCE)).ok())
        .map_or_else(Vec::new, |listing| listing.rows);
    let names: BTreeSet<_> =
        rows.iter().flat_map(|row| [&row.name, &row.namespace]).cloned().collect();
    let names = names.into_iter().filter(|name| name != "default");
    let all = (!rows.is_empty()).then(|| "all".to_owned());
    names.chain(rows.iter().map(|row| row.id.to_string())).chain(all).collect()
}

/// What the last of these words may become: a line each, with what it means behind a tab.
fn candidates(words: &[&str], known: impl FnOnce() -> Vec<String>) -> String {
    let (last, before) = words.split_last().unwrap_or((&"", &[]));
    let verb = before.iter().position(|word| !word.starts_with('-'));
    let grammar = verb.and_then(|at| parse::narrow(before[at]));
    let command = grammar.as_ref().and_then(parse::only);
    let rest = verb.map_or(&before[..0], |at| &before[at + 1..]);
    let all: Vec<(String, String)> = match command {
        _ if rest.contains(&"--") => vec![(FILES.into(), String::new())],
        None if verb.is_none() || before.first() == Some(&"help") => {
            if last.starts_with('-') {
                options(&Cli::command())
            } else {
                commands(&Cli::command())
            }
        }
        None => Vec::new(),
        Some(command) => match waiting(command, rest) {
            Some(arg) => values(arg, known),
            None if last.starts_with('-') => options(command),
            None => word(command, rest).map_or_else(Vec::new, |arg| values(arg, known)),
        },
    };
    let fits = |(word, _): &&(String, String)| word == FILES || word.starts_with(last);
    let line = |(word, told): &(String, String)| format!("{word}\t{told}\n");
    all.iter().filter(fits).map(line).collect()
}

fn commands(all: &Command) -> Vec<(String, String)> {
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set());
    let told = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    let help = ("help".to_owned(), String::new());
    shown.map(|command| (command.get_name().to_owned(), told(command))).chain([help]).collect()
}

fn options(command: &Command) -> Vec<(String, String)> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let told = |arg: &Arg| arg.get_help().map(ToString::to_string).unwrap_or_default();
    shown.filter_map(|arg| Some((format!("--{}", arg.get_long()?), told(arg)))).collect()
}

/// The option whose value comes next.
fn waiting<'c>(command: &'c Command, words: &[&str]) -> Option<&'c Arg> {
    let word = words.last()?;
    let is_it = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long_and_visible_aliases().is_some_and(|all| all.contains(&long)),
        None => word
            .strip_prefix('-')
            .is_some_and(|short| arg.get_short().is_some_and(|it| short == it.to_string())),
    };
    let needs = |arg: &&Arg| arg.get_num_args().is_some_and(|count| count.min_values() > 0);
    command.get_arguments().filter(is_it).find(needs)
}

/// The argument whose turn it is.
fn word<'c>(command: &'c Command, words: &[&str]) -> Option<&'c Arg> {
    let is_value = |at: usize| waiting(command, &words[..at]).is_some();
    let typed =
        (0..words.len()).filter(|at| !words[*at].starts_with('-') && !is_value(*at)).count();
    let places: Vec<_> = command.get_positionals().filter(|arg| !arg.is_last_set()).collect();
    let takes_more = |arg: &&Arg| arg.get_num_args().is_some_and(|count| count.max_values() > 1);
    places.get(typed).or(places.last().filter(|arg| takes_more(arg))).copied()
}

/// What may stand for an argument.
fn values(arg: &Arg, known: impl FnOnce() -> Vec<String>) -> Vec<(String, String)> {
    let plain = |word: String| (word, String::new());
    let choices = arg.get_possible_values();
    if !choices.is_empty() {
        return choices.iter().map(|choice| plain(choice.get_name().into())).collect();
    }
    match arg.get_value_names().and_then(<[_]>::first).map(clap::builder::Str::as_str) {
        Some("APP" | "ID") => known().into_iter().map(plain).collect(),
        Some("WHAT") => known().into_iter().chain([FILES.into()]).map(plain).collect(),
        Some("FILE" | "DIR" | "PATH") => vec![plain(FILES.into())],
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let words: Vec<_> = line.split(' ').collect();
        let known = || ["api", "web", "0", "1", "all"].map(String::from).to_vec();
        let told = candidates(&words, known);
        told.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_could_come_next_is_offered() {
        for (line, offered) in [
            ("sta", &["start", "startOrRestart", "startOrReload", "startup"][..]),
            ("guard", &[]),
            ("--js", &["--json"]),
            ("help whi", &[]),
            ("help wh", &["why"]),
            ("stop ", &["api", "web", "0", "1", "all"]),
            ("del w", &["web"]),
            ("logs --lines 5 a", &["api", "all"]),
            ("logs --lines ", &[]),
            ("logs -n ", &[]),
            ("scale web ", &[]),
            ("describe api w", &["web"]),
            ("describe --js", &["--json"]),
            ("start a", &["api", "all", FILES]),
            ("start --par", &[]),
            ("start --max-m", &["--max-memory-restart"]),
            ("start --output ", &[FILES]),
            ("start --config-runtime b", &["builtin"]),
            ("start x -- ", &[FILES]),
            ("start --json a", &["api", "all", FILES]),
            ("completion z", &["zsh"]),
            ("sendSignal HUP w", &["web"]),
            ("check ", &[FILES]),
            ("nonsense ", &[]),
        ] {
            assert_eq!(words(line), offered, "{line}");
        }
    }
}
