//! `import supervisord.conf`.

use std::path::PathBuf;

use clap::Args;

/// `import /etc/supervisor --to ecosystem.yaml`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The file of another manager, or the folder it lies in
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The ecosystem file to write; its ending says the format
    #[arg(long, value_name = "FILE", default_value = "ecosystem.json5")]
    pub(crate) to: PathBuf,
    /// Replace a file that is there
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Only tell what becomes of each key, and write nothing
    #[arg(long = "dry-run")]
    pub(crate) dry_run: bool,
}
