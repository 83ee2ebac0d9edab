//! `config`, as Compose has it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::ProfileFlag;

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
