//! Verbs that talk with apps: over Node's channel.

use clap::Args;

/// `trigger web db:clean all`.
#[derive(Debug, Args)]
pub(crate) struct TriggerArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X` or `all`
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// What it is to do, by the name it offers it under; `describe` shows them
    #[arg(value_name = "ACTION")]
    pub(crate) action: String,
    /// A parameter, passed as it is
    #[arg(value_name = "PARAM", allow_hyphen_values = true)]
    pub(crate) param: Option<String>,
    /// Wait so long for answers
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) timeout: String,
}
