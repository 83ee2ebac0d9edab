//! Verbs of PM2 that need its hosted dashboard, npm or its JavaScript daemon: taken, and answered with what there is
//! instead.

use clap::Args;

/// Whatever follows such a verb.
#[derive(Debug, Args)]
pub(crate) struct AnyArgs {
    /// Not looked at
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) words: Vec<String>,
}
