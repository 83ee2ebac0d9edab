//! Verbs around a project and a machine: init, pull, forward, backward, logrotate.

use std::path::PathBuf;

use clap::Args;

/// `init simple`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// `simple`: only what an app needs
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// js, json5 or yaml
    #[arg(long, value_name = "FORMAT", value_parser = ["js", "json5", "yaml"], default_value = "js")]
    pub(crate) format: String,
    /// Replace a file that is there
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
}

/// `pull web 1a2b3c4`.
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// Name or id
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// A commit, branch or tag; default is the newest of the branch
    #[arg(value_name = "COMMIT")]
    pub(crate) commit: Option<String>,
}

/// `logrotate -u deploy`.
#[derive(Debug, Args)]
pub(crate) struct LogrotateArgs {
    /// Whose logs; default is you
    #[arg(short = 'u', long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Print the file, write nothing
    #[arg(long)]
    pub(crate) print: bool,
    /// Only say which file would be written
    #[arg(long = "dry-run", conflicts_with = "print")]
    pub(crate) dry_run: bool,
    /// Where logrotate looks for files
    #[arg(long, value_name = "DIR", default_value = "/etc/logrotate.d", hide = true)]
    pub(crate) folder: PathBuf,
}
