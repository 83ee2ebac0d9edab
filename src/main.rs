//! The command line: parse, dispatch, print, exit code. This is the one place that prints a result; what is done
//! lies in `commands`, how it looks in `render`.
#![forbid(unsafe_code)]

mod boot;
mod cli;
mod commands;
mod failure;
#[cfg(test)]
mod golden;
mod launch;
mod render;
mod report;
mod stage;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use pm_protocol::Home;

use cli::{Cli, Global};
use failure::{Exit, Failure};
use report::Report;
use stage::Stage;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut flags = cli.global.clone();
    // PM2's variable for scripts that can't pass a flag.
    flags.silent |= variable("PM2_SILENT").is_some_and(|value| value == "true");
    let stage = Stage::new(&flags, variable);
    let Some(command) = cli.command else {
        stage.complain(&usage());
        return ExitCode::from(Exit::Failed as u8);
    };
    let done = home().and_then(|home| commands::run(command, stage, home));
    match done {
        Ok(report) => print(&report, stage),
        Err(failure) => {
            stage.complain(&failure.to_string());
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Shows a report; what it says did not come true becomes the exit code.
fn print(report: &Report, stage: Stage) -> ExitCode {
    let text = if stage.json {
        render::json(report)
    } else if stage.silent && report.is_talk() {
        String::new()
    } else {
        render::text(report, stage.look, stage.mini)
    };
    // A reader that left early (`| head`) has what it wanted.
    let shown = stage::show(&text);
    if !stage.json && shown.is_ok() {
        let tails = render::tails(report, stage.look, stage.silent);
        if !tails.is_empty() {
            stage.complain(tails.trim_end());
        }
    }
    report.failure().map_or(ExitCode::SUCCESS, |exit| ExitCode::from(exit as u8))
}

/// clap's own answers: help and version are data, anything else is your input.
fn explain(error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::DisplayVersion {
        // As PM2: nothing but the version. A reader that left has no use for it.
        stage::show(concat!(env!("CARGO_PKG_VERSION"), "\n")).ok();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelp {
        // Nobody is left to tell that the terminal went away.
        error.print().ok();
        return ExitCode::SUCCESS;
    }
    let stage = Stage::new(&Global::default(), |name| std::env::var_os(name));
    stage.complain(&house_style(&error.to_string()));
    ExitCode::from(Exit::Input as u8)
}

/// clap's words in our form: `error:`, then `hint:`, then the usage.
fn house_style(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("For more"));
    let line = |line: &str| match line.trim_start().strip_prefix("tip: ") {
        Some(tip) => format!("hint: {tip}"),
        None => line.replacen("Usage:", "usage:", 1),
    };
    lines.map(line).collect::<Vec<_>>().join("\n")
}

fn usage() -> String {
    let mut command = Cli::command();
    format!(
        "{}\n\n  pm start ecosystem.json5   start the apps of a file\n  pm start app.py -- --port 80\n  \
         pm list | logs | monit     see how they are\n  pm --help                  everything else",
        command.render_usage()
    )
}

fn home() -> Result<Home, Failure> {
    let called_as = std::env::args_os().next().unwrap_or_else(|| OsString::from("pm"));
    let called_as = Path::new(&called_as).file_name().unwrap_or_default().to_string_lossy();
    Home::find(&called_as, |name| std::env::var_os(name)).map_err(|error| {
        Failure::could_not(Exit::Input, &error).hint("set PM_HOME to an absolute path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_in_our_form() {
        let error = Cli::try_parse_from(["pm", "strat"]).unwrap_err();
        let told = house_style(&error.to_string());
        let words: Vec<_> = told.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(words, ["error:", "hint:", "usage:"], "{told}");
    }
}
