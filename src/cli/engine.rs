//! `--config-runtime` and `--profile`, wherever configs are read.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use pm_config::ScriptEngine;

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
        help_heading = FILES,
        value_parser = engine()
    )]
    pub(crate) engine: ScriptEngine,
}

/// Which apps of configs are on.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ProfileFlag {
    /// Also the apps of these profiles (a,b; `*`: all); default is what `PM_PROFILES` says
    #[arg(long, value_name = "NAMES", help_heading = FILES)]
    pub(crate) profile: Vec<String>,
}

fn engine() -> impl TypedValueParser<Value = ScriptEngine> {
    PossibleValuesParser::new(["auto", "builtin", "node"]).map(|word| match word.as_str() {
        "builtin" => ScriptEngine::Builtin,
        "node" => ScriptEngine::Node,
        _ => ScriptEngine::Auto,
    })
}
