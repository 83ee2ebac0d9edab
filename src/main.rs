//! The command line: parse, dispatch, print, exit code. This is the one place that prints a result; what is done
//! lies in `commands`, how it looks in `render`.
#![forbid(unsafe_code)]

mod boot;
mod called;
mod cli;
mod commands;
mod console;
mod failure;
#[cfg(test)]
mod golden;
mod launch;
mod mailbox;
mod prelude;
mod render;
mod report;
mod session;
mod suggest;
mod supervisord;
mod words;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use pm_pm2::CalledAs;
use pm_protocol::Home;

use cli::{Cli, Global};
use console::Console;
use failure::{Exit, Failure};
use render::text::Paint;
use report::{Report, ReportExit};
use session::Session;

fn main() -> ExitCode {
    let program = std::env::args_os().next().unwrap_or_else(|| "pm".into());
    let called_as = CalledAs::of(&program);
    let name = Path::new(&program).file_name().unwrap_or_default();
    if name == "supervisorctl" {
        return supervisorctl(&program);
    }
    let is_supervisord = name == "supervisord";
    let words = std::env::args_os();
    let words = if is_supervisord { supervisord::argv(words.skip(1)) } else { words.collect() };
    let supervised =
        words.get(2).filter(|_| is_supervisord && words[1] == "start").map(PathBuf::from);
    let parsed = cli::parse::parse(called_as, words);
    let cli = match parsed.cli {
        Ok(cli) => cli,
        Err(error) => return explain(&error, called_as),
    };
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut flags = cli.global.clone();
    // PM2's variable for scripts that can't pass a flag.
    flags.silent |= variable("PM2_SILENT").is_some_and(|value| value == "true");
    let console = Console::new(&flags, variable);
    let Some(command) = cli.command else {
        console.complain(&usage());
        return ExitCode::from(Exit::Failed as u8);
    };
    for idle in &parsed.idle {
        let message = format!("{idle} has no effect on this command");
        if !called_as.is_pm2() {
            console.complain(&Failure::input(message).to_string());
            return ExitCode::from(Exit::Input as u8);
        }
        // Scripts made for PM2 give them anywhere, and PM2 takes them.
        console.talk(&format!("warning: {message}"));
    }
    let done = home(&program).and_then(|home| {
        let session = Session { console, home, called_as };
        if !flags.on.hosts.is_empty() {
            return commands::hosts::run(
                &session,
                &flags.on,
                &command,
                std::env::args_os().skip(1).collect(),
            );
        }
        if let Some(file) = &supervised {
            commands::web::rpc::of_file(&session, file)?;
        }
        commands::run(&session, command)
    });
    match done {
        Ok(report) => print(&report, console, called_as),
        Err(failure) => {
            console.complain(&failure.to_string());
            exit_code(failure.exit, called_as)
        }
    }
}

/// As Supervisor's users know it: everything goes to standard output, and the exit codes are its own.
fn supervisorctl(program: &OsStr) -> ExitCode {
    let console = Console::new(&Global::default(), |name| std::env::var_os(name));
    let words: Vec<_> = std::env::args().skip(1).collect();
    let called_as = CalledAs::Pm;
    let done = home(program)
        .map(|home| commands::supervisorctl::run(&Session { console, home, called_as }, &words));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            console.complain(&failure.to_string());
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// PM2 knows success and 1 only, and scripts made for it compare with that.
fn exit_code(exit: Exit, called_as: CalledAs) -> ExitCode {
    ExitCode::from(if called_as.is_pm2() { Exit::Failed as u8 } else { exit as u8 })
}

/// Shows a report; what it says did not come true becomes the exit code.
fn print(report: &Report, console: Console, called_as: CalledAs) -> ExitCode {
    // A reader that left early (`| head`) has what it wanted.
    if console::show(&report.shown).is_ok() && !report.aside.is_empty() {
        console.complain(report.aside.trim_end());
    }
    match report.ending {
        ReportExit::Well => ExitCode::SUCCESS,
        ReportExit::Not(exit) => exit_code(exit, called_as),
        ReportExit::App(code) => ExitCode::from(code),
    }
}

/// clap's own answers: help and version are data, anything else is your input.
fn explain(error: &clap::Error, called_as: CalledAs) -> ExitCode {
    if error.kind() == ErrorKind::DisplayVersion {
        // As PM2: nothing but the version. A reader that left has no use for it.
        console::show(concat!(env!("CARGO_PKG_VERSION"), "\n")).ok();
        return ExitCode::SUCCESS;
    }
    let console = Console::new(&Global::default(), |name| std::env::var_os(name));
    if error.kind() == ErrorKind::DisplayHelp {
        let is_heading = |line: &str| line.ends_with([':', '：']) && !line.starts_with(' ');
        let line = |line| Paint::Key.on(line, console.look.colour && is_heading(line)) + "\n";
        // Nobody is left to tell that the terminal went away.
        console::show(&error.to_string().lines().map(line).collect::<String>()).ok();
        return ExitCode::SUCCESS;
    }
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) {
        let message = if called_as.is_pm2() { "Command not found:" } else { "there is no command" };
        let hint = suggest::command(word).map(|hint| format!("hint: {hint}\n"));
        let hint = hint.unwrap_or_default();
        console.complain(&format!("error: {message} {word}\n{hint}{}", usage()));
    } else {
        console.complain(&mistake(error));
    }
    exit_code(Exit::Input, called_as)
}

/// In the usage of verbs that pass options on to a program.
const ARGS: &str = "[-- <ARGS>...]";

/// Any other mistake; an option nobody knows may be meant for the program.
fn mistake(error: &clap::Error) -> String {
    let wrong = match error.get(ContextKind::InvalidValue).or(error.get(ContextKind::InvalidArg)) {
        Some(ContextValue::String(word)) => word,
        _ => "",
    };
    let mut told = house_style(&error.to_string(), wrong);
    if wrong == "--all" {
        told += "\nhint: all apps are named by `all`, without dashes";
    }
    let is_told = told.contains("after `--`") || !told.contains(ARGS);
    if error.kind() != ErrorKind::UnknownArgument || is_told {
        return told;
    }
    told + &format!("\nhint: options of a program itself come after `--`: `-- {wrong}`")
}

/// clap's words in our form: `error:`, then `hint:`, then the usage.
fn house_style(text: &str, wrong: &str) -> String {
    let takes_args = text.contains(ARGS);
    let is_idle = |line: &str| {
        line.is_empty()
            || line.starts_with("For more")
            || !takes_args && line.contains("as a value, use ")
    };
    let lines = text.lines().filter(|line| !is_idle(line));
    // What is like nothing that was written is no help, and stands in the usage as well.
    let far: Vec<_> =
        text.lines().filter_map(|line| line.trim_start().strip_prefix("tip: ")).collect();
    let far: Vec<_> = far.iter().flat_map(|tip| suggest::far(tip, wrong)).collect();
    let line = |line: &str| match line.trim_start().strip_prefix("tip: ") {
        Some(tip) => {
            let plain = || (!tip.contains("similar ")).then(|| tip.to_owned());
            Some(format!("hint: {}", suggest::tip(tip, wrong).or_else(plain)?))
        }
        None if line.starts_with("Usage:") => {
            Some(usual(line, &far).replacen("Usage:", "usage:", 1))
        }
        None => Some(suggest::plain(line)),
    };
    lines.filter_map(line).collect::<Vec<_>>().join("\n")
}

/// clap's usage without options that nobody meant, each with its value.
fn usual(line: &str, far: &[&str]) -> String {
    let mut words = line.split(' ').peekable();
    let mut usual = Vec::new();
    while let Some(word) = words.next() {
        if far.contains(&word) {
            usual.push("[OPTIONS]");
            words.next_if(|value| value.starts_with('<') && value.ends_with('>'));
        } else {
            usual.push(word);
        }
    }
    usual.join(" ")
}

fn usage() -> String {
    let name = called::name();
    let mut command = Cli::command().bin_name(name);
    format!(
        "{}\n\n  {name} start ecosystem.json5   {}\n  {name} start app.py -- --port 80\n  \
         {name} list | logs | monit     {}\n  {name} --help                  {}",
        words::usage(&command.render_usage().to_string()),
        words::say("start the apps of a file"),
        words::say("see how they are"),
        words::say("everything else")
    )
}

fn home(program: &OsStr) -> Result<Home, Failure> {
    called::home(program).map_err(|error| {
        Failure::could_not(Exit::Input, &error).hint("set PM_HOME to an absolute path")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn mistakes_are_told_in_our_form() {
        let error = Cli::try_parse_from(["pm", "stop", "--onyl", "x"]).unwrap_err();
        let told = mistake(&error);
        let words: Vec<_> = told.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(words, ["error:", "hint:", "usage:"], "{told}");
    }

    #[test]
    fn an_option_of_the_program_is_told_where_it_belongs_and_is_taken_for_no_other() {
        for (words, hint) in [
            (&["start", "gunicorn", "--bind", "0:80"][..], "after `--`: `-- --bind`"),
            (&["start", "gunicorn", "-b", "4"], "after `--`: `-- -b`"),
            (&["start", "app.py", "--nmae", "a"], "did you mean `--name`?"),
        ] {
            let error = Cli::try_parse_from([&["pm"], words].concat()).unwrap_err();
            let told = mistake(&error);
            assert!(told.contains(hint) && !told.contains("--gid"), "{told}");
        }
    }
}
