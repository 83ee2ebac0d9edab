//! `export compose`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use pm_export::ExportTarget;

/// `export systemd ecosystem.json5 -o units`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Where the apps go
    #[arg(value_name = "TARGET", value_parser = targets())]
    pub(crate) target: ExportTarget,
    /// An ecosystem file, or names of apps; default is the file that lies here, or all that run
    #[arg(value_name = "FILE|APP")]
    pub(crate) apps: Vec<OsString>,
    /// The folder to write into; default is to print
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Replace files that are there
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
}

fn targets() -> impl TypedValueParser<Value = ExportTarget> {
    PossibleValuesParser::new(ExportTarget::ALL.iter().map(|target| target.name()))
        .try_map(|name| ExportTarget::named(&name).ok_or("nothing is called so"))
}
