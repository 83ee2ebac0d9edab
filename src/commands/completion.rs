//! `pm completion`: scripts made from the grammar.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::called;
use crate::cli::{Cli, CompletionArgs};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &CompletionArgs) -> Result<Report, Failure> {
    let of_caller = || {
        let shell = PathBuf::from(std::env::var_os("SHELL")?);
        Some(shell.file_name()?.to_str()?.to_owned())
    };
    let shell = match args.shell.clone().or_else(of_caller).as_deref() {
        Some("bash") => Shell::Bash,
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        Some(_) | None => {
            return Err(Failure::input("completion for which shell?")
                .hint("`pm completion bash`, zsh or fish"));
        }
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), called::name(), &mut script);
    Ok(Report::text(session.console, String::from_utf8_lossy(&script).into_owned()))
}
