//! The narrow grammars against the whole one: same words, same meaning, same refusals.

use std::collections::BTreeSet;

use clap::Arg;

use super::*;

/// Lines for any command; `NAME` is its name, `ARGS` what it can't do without.
const LINES: [&str; 26] = [
    "NAME",
    "NAME ARGS",
    "-s --json NAME ARGS",
    "NAME ARGS -m --no-color --silent",
    "NAME ARGS --json --json",
    "NAME ARGS --no-colour",
    "--name w NAME ARGS",
    "NAME -n w -i -1 ARGS --max-memory-restart 1G --trace",
    "NAME ARGS --watch --log x --sort cpu:desc",
    "NAME ARGS -- --json -v --help",
    "NAME -- ARGS",
    "NAME ARGS --",
    "NAME ARGS a b c d e",
    "NAME ARGS -1",
    "NAME -",
    "NAME --help",
    "NAME -h",
    "-h NAME",
    "help NAME",
    "NAME help",
    "NAME ARGS --version",
    "-v NAME",
    "NAME ARGS --nonsense 3",
    "--jsno NAME ARGS",
    "NAME ARGS --silent=yes --name=",
    "NAME ARGS -sZ",
];

/// What is meant by the grammar of all commands, and what is left out.
fn by_all(called_as: CalledAs, argv: Vec<OsString>, all: &clap::Command) -> Parsed {
    let line = CommandLine::new(called_as, closed(called_as, argv));
    let verb = line.verb().filter(|verb| *verb != "help");
    let command = verb.and_then(|verb| all.find_subcommand(verb));
    let words = line.words(called_as, command);
    Parsed { cli: read(whole(&words.argv), &words.argv), idle: words.idle }
}

fn told(parsed: &Parsed) -> String {
    match &parsed.cli {
        Ok(cli) => format!("{cli:?} {:?}", parsed.idle),
        Err(error) => format!("{:?}: {error} {:?}", error.kind(), parsed.idle),
    }
}

/// Holds both against each other; whether the line was understood.
fn is_the_same(called_as: CalledAs, argv: &[&str], all: &clap::Command) -> bool {
    let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let parsed = parse(called_as, argv.clone());
    assert_eq!(
        told(&parsed),
        told(&by_all(called_as, argv.clone(), all)),
        "{called_as:?} {argv:?}"
    );
    let line = CommandLine::new(called_as, closed(called_as, argv.clone()));
    if let (Ok(_), Some(grammar)) = (&parsed.cli, line.verb().and_then(narrow)) {
        let words = line.words(called_as, only(&grammar));
        assert!(read(grammar, &words.argv).is_ok(), "{argv:?} is not for the grammar of all");
    }
    parsed.cli.is_ok()
}

fn all() -> clap::Command {
    let mut all = Cli::command();
    all.build();
    all
}

/// A value that an argument takes.
fn value(arg: &Arg) -> String {
    let values = arg.get_possible_values();
    values.first().map_or_else(|| "1".to_owned(), |value| value.get_name().to_owned())
}

/// The words a command can't do without.
fn needed(command: &clap::Command) -> Vec<String> {
    let needed = command.get_arguments().filter(|arg| arg.is_required_set());
    let words = needed.map(|arg| match arg.get_long() {
        Some(long) => format!("--{long}={}", value(arg)),
        None => value(arg),
    });
    words.collect()
}

/// An option alone, in every form it has.
fn forms(arg: &Arg) -> Vec<Vec<String>> {
    let longs = arg.get_long_and_visible_aliases().unwrap_or_default();
    let hidden = arg.get_all_aliases().unwrap_or_default();
    let longs: BTreeSet<_> = longs.into_iter().chain(hidden).collect();
    let names = longs.iter().map(|long| format!("--{long}"));
    let names = names.chain(arg.get_short().map(|short| format!("-{short}")));
    let both = |name: String| {
        [vec![name.clone(), value(arg)], vec![format!("{name}={}", value(arg))], vec![name]]
    };
    names.flat_map(both).collect()
}

#[test]
fn every_command_means_the_same_by_its_own_grammar_as_by_that_of_all() {
    let all = all();
    for command in all.get_subcommands().filter(|command| command.get_name() != "help") {
        let needed = needed(command).join(" ");
        let main = command.get_name();
        let names = std::iter::once(main).chain(command.get_all_aliases());
        let as_pm = names.map(|name| (name, "pm", CalledAs::Pm));
        for (name, program, called_as) in as_pm.chain([(main, "pm2", CalledAs::Pm2)]) {
            for line in LINES {
                let line = line.replace("NAME", name).replace("ARGS", &needed);
                let argv: Vec<_> =
                    std::iter::once(program).chain(line.split_ascii_whitespace()).collect();
                is_the_same(called_as, &argv, &all);
            }
            let line = format!("{program} {name} {needed}");
            let argv: Vec<_> = line.split_ascii_whitespace().collect();
            assert!(is_the_same(called_as, &argv, &all), "{line} should be understood");
        }
    }
}

#[test]
fn every_option_means_the_same_by_the_grammar_of_its_command_as_by_that_of_all() {
    let all = all();
    let mut understood = 0;
    for command in all.get_subcommands().filter(|command| command.get_name() != "help") {
        let needed = needed(command);
        for form in command.get_arguments().flat_map(forms) {
            let words = form.iter().chain(&needed).map(String::as_str);
            let argv: Vec<_> = ["pm", command.get_name()].into_iter().chain(words).collect();
            understood += usize::from(is_the_same(CalledAs::Pm, &argv, &all));
        }
    }
    assert!(understood > 500, "{understood}");
}

#[test]
fn the_names_that_are_verbs_mean_the_same_by_both() {
    let all = all();
    for (program, called_as) in [("pm2-runtime", CalledAs::Runtime), ("pm2-dev", CalledAs::Dev)] {
        for line in LINES {
            for name in ["", "start", "list", "nosuch"] {
                let line = line.replace("NAME", name).replace("ARGS", "a.js");
                let argv: Vec<_> =
                    std::iter::once(program).chain(line.split_ascii_whitespace()).collect();
                is_the_same(called_as, &argv, &all);
            }
        }
    }
}

#[test]
fn what_names_no_command_is_for_the_grammar_of_all() {
    let all = all();
    for line in [
        "pm",
        "pm --help",
        "pm -v",
        "pm help",
        "pm help help",
        "pm strat web",
        "pm --",
        "pm -x",
        "",
    ] {
        let argv: Vec<_> = line.split_ascii_whitespace().collect();
        is_the_same(CalledAs::Pm, &argv, &all);
        is_the_same(CalledAs::Pm2, &argv, &all);
    }
    assert!(narrow("help").is_none() && narrow("strat").is_none());
}
