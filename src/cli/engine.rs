//! `--config-runtime` and `--profile`, wherever configs are read.

/// The heading of what is about config files.
pub(super) const FILES: &str = "Config files";

/// What runs configs that are programs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct EngineFlag {
    /// What runs JavaScript: the built-in engine, node for what that lacks, or one of them only
    #[arg(
        long = "config-runtime",
        value_name = "WHAT",
        default_value = "auto",
        hide_default_value = true,
        help_heading = FILES
    )]
    pub(crate) engine: Engine,
}

/// Which apps of configs are on.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ProfileFlag {
    /// Also the apps of these profiles (a,b; `*`: all); default is what `PM_PROFILES` says
    #[arg(long, value_name = "NAMES", help_heading = FILES)]
    pub(crate) profile: Vec<String>,
}

/// As typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Engine {
    Auto,
    Builtin,
    Node,
}
