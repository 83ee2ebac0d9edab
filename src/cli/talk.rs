//! Verbs that talk with apps: over Node's channel, and by their standard input and output.

use std::ffi::OsString;

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

/// `send web reload now`.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// Id, name, namespace, `name:X`, `id:N`, `ns:X` or `all`
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// The line, without its end; several words are joined by blanks
    #[arg(
        value_name = "LINE",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) line: Vec<OsString>,
}

/// `attach 0`.
#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    /// Id, or a name with one instance
    #[arg(value_name = "ID")]
    pub(crate) app: String,
    /// What ends a line, instead of the line end
    #[arg(value_name = "SEPARATOR")]
    pub(crate) separator: Option<OsString>,
}
