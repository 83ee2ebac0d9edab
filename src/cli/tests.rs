//! The grammar: every help text, every alias, and what must and must not be taken.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::{CommandFactory, Parser};

use pm_config::Typed;
use pm_pm2::CalledAs;

use super::closed::closed;
use super::{Cli, EXAMPLES, StartFlags, Verb, help};
use crate::golden;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    let words = std::iter::once("pm").chain(line.split(' ').filter(|word| !word.is_empty()));
    Cli::try_parse_from(closed(CalledAs::Pm, words.map(OsString::from).collect()))
}

fn command(line: &str) -> Verb {
    parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).command.unwrap()
}

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_is_as_it_should_be() {
    let mut pm = help::with_pages(Cli::command(), 80);
    golden::check("help/pm.txt", &pm.render_help().to_string());
    for command in pm.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        let name = command.get_name().replace(':', "-");
        golden::check(&format!("help/{name}.txt"), &command.render_help().to_string());
    }
}

#[test]
fn help_fits_a_terminal_and_shows_every_command_once() {
    for width in [40, 80, 100] {
        let mut pm = help::with_pages(Cli::command(), width);
        let mut pages = vec![pm.render_help().to_string()];
        pages.extend(pm.get_subcommands_mut().map(|it| it.render_help().to_string()));
        for page in pages {
            // Examples and usage lines are to be copied as they are.
            let text = page.split("\nExamples:").next().unwrap();
            let lines =
                text.lines().filter(|line| !line.starts_with("Usage:") && !line.starts_with('`'));
            for line in lines.filter(|line| line.trim_start().contains(' ')) {
                let is_name =
                    line.trim_start().starts_with('-') && !line.trim_start().contains("  ");
                assert!(is_name || line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
    let mut listed: Vec<_> = help::COMMANDS.iter().flat_map(|(_, names)| *names).copied().collect();
    let pm = help::with_pages(Cli::command(), 80);
    let shown = pm.get_subcommands().filter(|it| !it.is_hide_set());
    let mut shown: Vec<_> = shown.map(clap::Command::get_name).collect();
    listed.sort_unstable();
    shown.sort_unstable();
    assert_eq!(listed, shown);
}

#[test]
fn every_example_is_a_command_line() {
    for line in EXAMPLES.lines().filter_map(|line| line.strip_prefix("  pm ")) {
        let typed = line.split("  ").next().unwrap().split(" >").next().unwrap();
        let typed = typed.replace("\"npm run dev\"", "npm");
        assert!(parse(&typed).is_ok(), "{typed}");
        assert!(line.chars().count() <= 75, "{line}");
    }
}

#[test]
fn every_command_of_pm2_has_its_names() {
    for (line, name) in [
        ("list", "List"),
        ("ls", "List"),
        ("l", "List"),
        ("ps", "Ps"),
        ("status", "List"),
        ("del web", "Delete"),
        ("desc web", "Describe"),
        ("info web", "Describe"),
        ("show web", "Describe"),
        ("log", "Logs"),
        ("reload-logs", "ReloadLogs"),
        ("reloadLogs", "ReloadLogs"),
        ("imonit", "Monit"),
        ("dash", "Monit"),
        ("dashboard", "Monit"),
        ("dump", "Save"),
        ("updatePM2", "Update"),
        ("send-signal HUP web", "SendSignal"),
        ("sendSignal HUP web", "SendSignal"),
    ] {
        assert!(format!("{:?}", command(line)).starts_with(name), "{line}");
    }
}

#[test]
fn global_flags_may_stand_anywhere() {
    for line in ["-s --json list", "list -s --json", "--json list -s", "start a.py --silent --json"]
    {
        let global = parse(line).unwrap().global;
        assert!(global.silent && global.json, "{line}");
    }
    let Verb::Start(args) = command("start a.py -- --json -s") else { panic!() };
    assert_eq!(args.args, ["--json", "-s"], "but not behind --");
    assert!(!parse("start a.py -- --json").unwrap().global.json);
}

#[test]
fn p71_what_follows_two_dashes_reaches_the_app_byte_for_byte() {
    let odd = OsString::from_vec(b"\xff --name 'x'".to_vec());
    let words: Vec<OsString> =
        ["pm", "start", "a.py", "--", "--name", "", "--"].map(OsString::from).to_vec();
    let cli = Cli::try_parse_from(words.into_iter().chain([odd.clone()])).unwrap();
    let Some(Verb::Start(args)) = cli.command else { panic!() };
    assert_eq!(args.targets, ["a.py"]);
    assert_eq!(args.args, [OsString::from("--name"), "".into(), "--".into(), odd]);
}

/// The one word of a flag.
fn word(flags: &StartFlags, key: &str) -> String {
    match flags.keys.given.get(key) {
        Some(Typed::Words(words)) if words.len() == 1 => words[0].display().into_owned(),
        other => panic!("{key}: {other:?}"),
    }
}

#[test]
fn values_may_look_like_flags_where_pm2_has_such() {
    let Verb::Start(args) = command("start a.py -i -1 --node-args --inspect") else { panic!() };
    assert_eq!(word(&args.flags, "instances"), "-1");
    assert_eq!(word(&args.flags, "interpreter_args"), "--inspect");
    let Verb::Scale(args) = command("scale web -2") else { panic!() };
    assert_eq!(args.number, "-2");
    let Verb::Start(args) = command("start --watch a.py") else { panic!() };
    assert_eq!(args.targets, ["a.py"], "--watch takes no app for its value");
    assert_eq!(word(&args.flags, "watch"), "");
    let Verb::Start(args) = command("start a.py --log") else { panic!() };
    assert_eq!(word(&args.flags, "log_file"), "");
}

#[test]
fn an_option_given_twice_means_its_last_value() {
    let Verb::Start(args) =
        command("start a.py --name x --node-args=-a -n y --interpreter-args=-b")
    else {
        panic!()
    };
    assert_eq!(word(&args.flags, "name"), "y");
    assert_eq!(word(&args.flags, "interpreter_args"), "-b");
    let Verb::Start(args) = command("start a.py --only a --only b") else { panic!() };
    assert_eq!(args.flags.only, ["a", "b"], "but lists are lists");
}

#[test]
fn mistakes_are_refused_with_a_suggestion() {
    for (line, hint) in [
        ("strat web", "start"),
        ("lsit", "list"),
        ("stop", "required"),
        ("start a.py --nmae x", "--name"),
        ("logs --out --err", "cannot be used with"),
        ("completion tcsh", "fish"),
    ] {
        let error = parse(line).unwrap_err().to_string();
        assert!(error.contains(hint), "{line}: {error}");
    }
}
