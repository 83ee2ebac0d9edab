//! Verbs about settings: set, get, unset, multiset, conf.

use clap::Args;

/// `set web:port 8080`.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Name of the setting; `app:name` is a variable of that app. Without one the file is edited
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Its value
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub(crate) value: Option<String>,
}

/// `get web:port`.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Name of a setting, or of an app; everything if left out
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,
}

/// `unset web:port`.
#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    /// Name of a setting, or of an app, or `all`
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}

/// `multiset "web:port 8080 web:host ::1"`.
#[derive(Debug, Args)]
pub(crate) struct MultisetArgs {
    /// Keys and values in turn, in one word or in several
    #[arg(value_name = "KEY VALUE", required = true, allow_hyphen_values = true)]
    pub(crate) pairs: Vec<String>,
}
