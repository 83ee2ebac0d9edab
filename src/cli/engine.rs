//! `--config-runtime`, wherever configs are read.

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

/// As typed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Engine {
    Auto,
    Builtin,
    Node,
}
