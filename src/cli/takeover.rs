//! `takeover supervisor`.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

/// `takeover supervisor web --dry-run`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "independent flags")]
pub(crate) struct TakeoverArgs {
    /// Whose programs: supervisor, pm2, systemd, procfile
    #[arg(value_name = "FROM", value_parser = former)]
    pub(crate) from: Option<FormerKind>,
    /// Only these programs; of systemd these units
    #[arg(value_name = "PROGRAM")]
    pub(crate) programs: Vec<String>,
    /// Its file, if it is not where Supervisor looks for it, or not the Procfile that lies here
    #[arg(short = 'c', long, value_name = "FILE")]
    pub(crate) configuration: Option<PathBuf>,
    /// Only show what would be done
    #[arg(long = "dry-run")]
    pub(crate) dry_run: bool,
    /// Do it without asking
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
    /// Stop all there, then start all here, not one after the other
    #[arg(long, conflicts_with = "undo")]
    pub(crate) all: bool,
    /// Give back what was taken over: stopped and deleted here, started there
    #[arg(long)]
    pub(crate) undo: bool,
}

/// Who runs programs besides us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormerKind {
    /// A running supervisord
    Supervisor,
    /// The daemon of a real PM2
    Pm2,
    /// The systemd of the machine, or of a user
    Systemd,
    /// Whoever runs a Procfile
    Procfile,
}

/// Whom a word means; of others why they can't be asked, and what to do.
fn former(word: &str) -> Result<FormerKind, String> {
    match word {
        "supervisor" | "supervisord" => Ok(FormerKind::Supervisor),
        "pm2" => Ok(FormerKind::Pm2),
        "systemd" => Ok(FormerKind::Systemd),
        "procfile" | "foreman" | "honcho" | "overmind" => Ok(FormerKind::Procfile),
        _ => Err("wanted is supervisor, pm2, systemd or procfile".into()),
    }
}

impl FormerKind {
    /// As it is typed.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
            Self::Pm2 => "pm2",
            Self::Systemd => "systemd",
            Self::Procfile => "procfile",
        }
    }

    /// As people call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Supervisor => "Supervisor",
            Self::Pm2 => "PM2",
            Self::Systemd => "systemd",
            Self::Procfile => "the Procfile's runner",
        }
    }
}
