//! Verbs around a project and a machine: add, init, pull, forward, backward, logrotate.

use std::path::PathBuf;

use clap::Args;

/// `add ./shop --port 8000`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The folder of a project, or one with several
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Its name; default is the folder's
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Its TCP port; default is what its files say, or the next that is free
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Which app object (module:object) or script it is, where several could be
    #[arg(long, value_name = "OBJECT")]
    pub(crate) app: Option<String>,
    /// Only these of what is found (a,b)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// What makes the venv: a version (3.12) or a program
    #[arg(long, value_name = "PYTHON")]
    pub(crate) python: Option<String>,
    /// The ecosystem file it goes into; default is the one in the folder
    #[arg(long, value_name = "FILE")]
    pub(crate) into: Option<PathBuf>,
    /// Make everything ready, but start nothing
    #[arg(long = "no-start")]
    pub(crate) no_start: bool,
    /// Do it without asking
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
    /// Show what was found and what would be done, and do nothing
    #[arg(long = "dry-run", conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

/// `init simple`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// `simple`: only what an app needs
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// js, json5 or yaml; default is json5 where apps are found, else js
    #[arg(long, value_name = "FORMAT", value_parser = ["js", "json5", "yaml"])]
    pub(crate) format: Option<String>,
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
