//! The command line: parse, dispatch, print, exit code. This is the one place that prints a result; what is done
//! lies in `commands`, how it looks in `render`.
#![forbid(unsafe_code)]

mod boot;
mod called;
mod cli;
mod commands;
mod failure;
#[cfg(test)]
mod golden;
mod launch;
mod render;
mod report;
mod stage;
mod suggest;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use pm_protocol::Home;

use cli::{Cli, Global, Guise};
use failure::{Exit, Failure};
use report::Report;
use stage::Stage;

fn main() -> ExitCode {
    let called_as = std::env::args_os().next().unwrap_or_else(|| "pm".into());
    let guise = Guise::of(&called_as);
    let parsed = cli::parse(guise, std::env::args_os().collect());
    let cli = match parsed.cli {
        Ok(cli) => cli,
        Err(error) => return explain(&error, guise),
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
    for idle in &parsed.idle {
        let message = format!("{idle} has no effect on this command");
        if !guise.is_pm2() {
            stage.complain(&Failure::input(message).to_string());
            return ExitCode::from(Exit::Input as u8);
        }
        // Scripts made for PM2 give them anywhere, and PM2 takes them.
        stage.talk(&format!("warning: {message}"));
    }
    let done = home(&called_as).and_then(|home| commands::run(command, stage, home, guise));
    match done {
        Ok(report) => print(&report, stage, guise),
        Err(failure) => {
            stage.complain(&failure.to_string());
            exit_code(failure.exit, guise)
        }
    }
}

/// PM2 knows success and 1 only, and scripts made for it compare with that.
fn exit_code(exit: Exit, guise: Guise) -> ExitCode {
    ExitCode::from(if guise.is_pm2() { Exit::Failed as u8 } else { exit as u8 })
}

/// Shows a report; what it says did not come true becomes the exit code.
fn print(report: &Report, stage: Stage, guise: Guise) -> ExitCode {
    let text = if stage.json {
        render::json(report)
    } else if stage.silent && (report.is_talk() || guise.is_pm2() && report.is_for_people()) {
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
    if let Report::Ended(code) = report {
        // An app's, whatever we are called.
        return ExitCode::from(*code);
    }
    report.failure().map_or(ExitCode::SUCCESS, |exit| exit_code(exit, guise))
}

/// clap's own answers: help and version are data, anything else is your input.
fn explain(error: &clap::Error, guise: Guise) -> ExitCode {
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
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => {
            let message = if guise.is_pm2() { "Command not found:" } else { "there is no command" };
            let hint = suggest::command(word).map(|hint| format!("hint: {hint}\n"));
            let hint = hint.unwrap_or_default();
            stage.complain(&format!("error: {message} {word}\n{hint}{}", usage()));
        }
        Some(_) | None => stage.complain(&house_style(&error.to_string())),
    }
    exit_code(Exit::Input, guise)
}

/// clap's words in our form: `error:`, then `hint:`, then the usage.
fn house_style(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("For more"));
    let line = |line: &str| match line.trim_start().strip_prefix("tip: ") {
        Some(tip) => format!("hint: {}", suggest::tip(tip).unwrap_or_else(|| tip.into())),
        None => suggest::plain(&line.replacen("Usage:", "usage:", 1)),
    };
    lines.map(line).collect::<Vec<_>>().join("\n")
}

fn usage() -> String {
    let name = called::name();
    let mut command = Cli::command().bin_name(name);
    format!(
        "{}\n\n  {name} start ecosystem.json5   start the apps of a file\n  {name} start app.py -- --port 80\n  \
         {name} list | logs | monit     see how they are\n  {name} --help                  everything else",
        command.render_usage()
    )
}

fn home(called_as: &OsStr) -> Result<Home, Failure> {
    let called_as = Path::new(called_as).file_name().unwrap_or_default().to_string_lossy();
    let variable = |name: &str| {
        let set = std::env::var_os(name).filter(|value| !value.is_empty());
        set.or_else(|| if name == "HOME" { users_home() } else { None })
    };
    Home::find(&called_as, variable).map_err(|error| {
        Failure::could_not(Exit::Input, &error).hint("set PM_HOME to an absolute path")
    })
}

/// What passwd(5) says, for who is called without variables (cron, `env -i`). `/` is what accounts have that have none.
fn users_home() -> Option<OsString> {
    let account = pm_os::user::by_number(rustix::process::geteuid().as_raw()).ok()?;
    (account.home != Path::new("/")).then(|| account.home.into_os_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn mistakes_are_told_in_our_form() {
        let error = Cli::try_parse_from(["pm", "stop", "--onyl", "x"]).unwrap_err();
        let told = house_style(&error.to_string());
        let words: Vec<_> = told.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(words, ["error:", "hint:", "usage:"], "{told}");
    }
}
