//! What Compose has for its projects: `config`, and what `up` and `down` can be told.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::{ListArgs, ProfileFlag};

/// The heading of what Compose has.
pub(super) const COMPOSE: &str = "As in Compose";

/// `config --format json`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct ConfigArgs {
    /// A key of the settings, as for `conf` (PM2)
    #[arg(value_name = "KEY", hide = true)]
    pub(crate) key: Option<String>,
    /// Its value
    #[arg(value_name = "VALUE", hide = true, allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
    /// A Compose file; several are laid over each other. Default is the one that lies here
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What the project is called
    #[arg(short = 'p', long = "project-name", value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = ModelFormat::Yaml)]
    pub(crate) format: ModelFormat,
    /// Only look for mistakes
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
    /// What identifies each service, or this one: it is another where a container would be made anew
    #[arg(long, value_name = "SERVICE", num_args = 0..=1, default_missing_value = "*")]
    pub(crate) hash: Option<String>,
    /// The names of its services
    #[arg(long)]
    pub(crate) services: bool,
    /// The profiles that its services have
    #[arg(long)]
    pub(crate) profiles: bool,
    /// The images of its services
    #[arg(long)]
    pub(crate) images: bool,
    /// The names of its volumes
    #[arg(long)]
    pub(crate) volumes: bool,
    /// The names of its networks
    #[arg(long)]
    pub(crate) networks: bool,
    #[command(flatten)]
    pub(crate) on: ProfileFlag,
}

/// The language of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelFormat {
    Yaml,
    Json,
}

/// What `up` can be told as Compose's own.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct ComposeUpFlags {
    /// Return when all of them run and are healthy; exit code 1 if one ends or is unhealthy
    #[arg(long, help_heading = COMPOSE, conflicts_with = "no_wait")]
    pub(crate) wait: bool,
    /// That, and exit code 1 after so many seconds
    #[arg(long = "wait-timeout", value_name = "SECONDS", help_heading = COMPOSE, conflicts_with = "no_wait")]
    pub(crate) wait_timeout: Option<u64>,
    /// Restart what `develop.watch` says when its files change, until the next `up` without it
    #[arg(long, help_heading = COMPOSE)]
    pub(crate) watch: bool,
    /// So many instances of an app, whatever its file says
    #[arg(long, value_name = "NAME=N", help_heading = COMPOSE)]
    pub(crate) scale: Vec<String>,
    /// Nothing is shown of what they write; that is so anyway
    #[arg(short = 'd', long, hide = true)]
    detach: bool,
    /// What the file no longer names goes; that is so anyway
    #[arg(long = "remove-orphans", hide = true)]
    remove_orphans: bool,
}

/// What `down` can be told as Compose's own.
#[derive(Debug, Args)]
pub(crate) struct ComposeDownFlags {
    /// Also remove the volumes of a Compose project that it made
    #[arg(short = 'v', long, help_heading = COMPOSE)]
    pub(crate) volumes: bool,
    /// What the file does not name goes as well; that is so anyway
    #[arg(long = "remove-orphans", hide = true)]
    remove_orphans: bool,
}

/// `ps -a`.
#[derive(Debug, Args)]
pub(crate) struct PsArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Of the project of this Compose file instead of the one that lies here
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Also what does not run
    #[arg(short = 'a', long)]
    pub(crate) all: bool,
    /// Only ids
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
    /// Only the names of services
    #[arg(long)]
    pub(crate) services: bool,
    /// As a table, or as a line of JSON each
    #[arg(long, value_name = "FORMAT", value_parser = ["table", "json"])]
    pub(crate) format: Option<String>,
}

/// `wait migrate`.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X` or `project:X`
    #[arg(value_name = "APP", required = true)]
    pub(crate) apps: Vec<String>,
}

/// `exec web ./manage.py shell`.
#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    pub(crate) how: CommandFlags,
    /// In this instance of it; the first, 1, if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) index: Option<u16>,
    /// Name or id
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// The program and its arguments
    #[arg(last = true, value_name = "COMMAND", required = true)]
    pub(crate) command: Vec<OsString>,
}

/// How a command is run beside an app, or in its place.
#[derive(Debug, Args)]
pub(crate) struct CommandFlags {
    /// A further variable; without a value, that of this shell
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", help_heading = COMPOSE)]
    pub(crate) env: Vec<String>,
    /// As this user (name or number; with :GROUP)
    #[arg(short = 'u', long, value_name = "USER", help_heading = COMPOSE)]
    pub(crate) user: Option<String>,
    /// In this folder
    #[arg(short = 'w', long, value_name = "FOLDER", help_heading = COMPOSE)]
    pub(crate) workdir: Option<String>,
    /// Without a terminal in a container, although there is one here
    #[arg(short = 'T', long = "no-tty", alias = "no-TTY", help_heading = COMPOSE)]
    pub(crate) no_tty: bool,
}
