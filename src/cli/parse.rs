//! From what was typed to what is meant. Most command lines are understood by the grammar of their one command; help,
//! mistakes and whatever else that doesn't understand is for the grammar of all commands, which is several times larger.

use std::convert::Infallible;
use std::ffi::OsString;

use clap::{CommandFactory, Error, FromArgMatches, Subcommand};
use pm_pm2::CalledAs;
use pm_pm2::dialect::CommandLine;

use super::closed::closed;
use super::{Cli, Grammar, Verb, help};

/// What is meant.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// Or what is to be told instead: help, the version, a mistake.
    pub(crate) cli: Result<Cli, Error>,
    /// Options of PM2 that mean nothing for this command, as typed.
    pub(crate) idle: Vec<String>,
}

/// Parses a whole command line, the program's name included.
pub(crate) fn parse(called_as: CalledAs, argv: Vec<OsString>) -> Parsed {
    let line = CommandLine::new(called_as, closed(called_as, argv));
    let narrow = line.verb().and_then(narrow);
    let words = line.words(called_as, narrow.as_ref().and_then(only));
    let understood = narrow.and_then(|grammar| read(grammar, &words.argv).ok());
    let cli = understood.map_or_else(|| read(whole(&words.argv), &words.argv), Ok);
    Parsed { cli, idle: words.idle }
}

/// The grammar with one command only, built. It is put together from the definitions of the whole one.
pub(crate) fn narrow(verb: &str) -> Option<clap::Command> {
    let all = Verb::augment_subcommands(clap::Command::new("all"));
    let command = all.find_subcommand(verb)?.clone();
    let mut grammar = Grammar::<Infallible>::command().disable_help_subcommand(true);
    grammar = grammar.subcommand(command);
    grammar.build();
    Some(grammar)
}

/// The grammar of all commands; the pages of help are only made where one may be asked for.
fn whole(argv: &[OsString]) -> clap::Command {
    let asks = argv.iter().any(|word| ["help", "--help", "-h"].iter().any(|help| word == help));
    if asks { help::grammar() } else { Cli::command() }
}

/// The command of a narrow grammar.
pub(crate) fn only(grammar: &clap::Command) -> Option<&clap::Command> {
    grammar.get_subcommands().next()
}

fn read(grammar: clap::Command, argv: &[OsString]) -> Result<Cli, Error> {
    let mut matches = grammar.try_get_matches_from(argv)?;
    Cli::from_arg_matches_mut(&mut matches)
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod dialect_tests;
