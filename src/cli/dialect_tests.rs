//! What the grammar is given for what people type.

use std::ffi::{OsStr, OsString};

use clap::CommandFactory;
use pm_pm2::CalledAs;
use pm_pm2::dialect::Line;

use crate::cli::Cli;

/// The words of a line, in the grammar's form, and what was left out.
fn put(called_as: CalledAs, line: &str) -> (String, Vec<String>) {
    let argv = line.split(' ').map(OsString::from).collect();
    let mut grammar = Cli::command();
    grammar.build();
    let line = Line::new(called_as, argv);
    let command = line.verb().and_then(|verb| grammar.find_subcommand(verb));
    let words = line.words(called_as, command);
    let argv: Vec<_> = words.argv.iter().map(|word| word.to_string_lossy()).collect();
    (argv.join(" "), words.idle)
}

#[test]
fn options_of_pm2_may_stand_anywhere() {
    for (typed, meant) in [
        (
            "pm2 --name w -i -1 start app.js -- --name x",
            "pm2 start --name=w --instances=-1 app.js -- --name x",
        ),
        ("pm2 start app.js -n w", "pm2 start app.js --name=w"),
        ("pm2 -s jlist", "pm2 jlist --silent"),
        ("pm2 list --silent=yes", "pm2 list --silent"),
        ("pm2 ls --sort cpu:desc -m", "pm2 ls --sort=cpu:desc --mini-list"),
        ("pm2 logs -n 5 web", "pm2 logs -n 5 web"),
        ("pm2 start app.js --log", "pm2 start app.js --log"),
        ("pm2 start app.js --log x.log", "pm2 start app.js --log=x.log"),
        ("pm2 start --log app.js", "pm2 start --log app.js"),
        ("pm2 scale web -2", "pm2 scale web -2"),
        ("pm2 restart a --update-env b", "pm2 restart a --update-env b"),
        ("pm2 start app.js --node-args=--inspect", "pm2 start app.js --node-args=--inspect"),
    ] {
        assert_eq!(put(CalledAs::Pm2, typed), (meant.to_owned(), Vec::new()), "{typed}");
    }
}

#[test]
fn options_that_mean_nothing_for_a_command_are_left_out_and_named() {
    let (line, idle) = put(CalledAs::Pm, "pm --name x stop web --max-memory-restart 1G -s");
    assert_eq!(line, "pm stop web --silent");
    assert_eq!(idle, ["--name", "--max-memory-restart"]);
    let (line, idle) = put(CalledAs::Pm, "pm stop web --nonsense 3");
    assert_eq!((line.as_str(), idle.len()), ("pm stop web --nonsense 3", 0), "for the grammar");
}

#[test]
fn what_is_no_command_stays_as_it_was() {
    for line in ["pm2", "pm2 --help", "pm2 nosuch --name x", "pm2 -i", "pm2 -- start"] {
        assert_eq!(put(CalledAs::Pm2, line), (line.to_owned(), Vec::new()));
    }
    assert_eq!(put(CalledAs::Pm2, "pm2 list -v").0, "pm2 --version");
    assert_eq!(put(CalledAs::Pm2, "pm2 start a -- -v").0, "pm2 start a -- -v");
}

#[test]
fn other_names_are_verbs() {
    for (name, called_as) in [
        ("/usr/bin/pm2", CalledAs::Pm2),
        ("pm2-runtime", CalledAs::Runtime),
        ("pm2-docker", CalledAs::Runtime),
        ("./pm2-dev", CalledAs::Dev),
        ("pm", CalledAs::Pm),
        ("pm2x", CalledAs::Pm),
    ] {
        assert_eq!(CalledAs::of(OsStr::new(name)), called_as, "{name}");
    }
    assert_eq!(
        put(CalledAs::Runtime, "pm2-runtime start app.js -i 2").0,
        "pm2-runtime runtime app.js --instances=2"
    );
    assert_eq!(put(CalledAs::Runtime, "pm2-docker app.js").0, "pm2-docker runtime app.js");
    assert_eq!(put(CalledAs::Dev, "pm2-dev app.js --raw").0, "pm2-dev dev app.js --raw");
    let (line, idle) =
        put(CalledAs::Runtime, "pm2-runtime --trace -n web --deep-monitoring app.js");
    assert_eq!(line, "pm2-runtime runtime --name=web app.js");
    assert_eq!(idle, ["--trace", "--deep-monitoring"], "as with pm2, nobody is told");
    let (line, _) = put(CalledAs::Runtime, "pm2-runtime app.js -- --trace -v");
    assert_eq!(line, "pm2-runtime runtime app.js -- --trace -v");
}
