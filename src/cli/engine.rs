//! `--config-runtime`, wherever configs are read.

/// What runs configs that are programs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct EngineFlag {
    /// What runs a JavaScript config: the built-in engine and node for what that lacks, or one of them only
    #[arg(
        long = "config-runtime",
        value_name = "WHAT",
        default_value = "auto",
        hide_default_value = true
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
