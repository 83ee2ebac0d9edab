//! What reading an app stands on.

use std::collections::BTreeSet;
use std::path::Path;

use pm_spec::AppName;

use crate::caller::{Caller, Overrides};
use crate::diagnose::ConfigPlace;
use crate::tree::TableEntry;

/// What is the same for all apps of a config.
#[derive(Clone, Copy)]
pub(crate) struct ConfigGround<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) overrides: &'a Overrides,
    /// Variables that the config, being a program, set or removed itself.
    pub(crate) scripted: &'a BTreeSet<String>,
    /// Variables of the `deploy` section that count least.
    pub(crate) deployed: &'a [TableEntry],
    /// Values that nobody is shown, by their places.
    pub(crate) secrets: &'a BTreeSet<ConfigPlace>,
    /// The folder of the config file; the caller's for a script.
    pub(crate) folder: &'a Path,
    /// The names of all apps of the config, in its order.
    pub(crate) names: &'a [Option<AppName>],
    /// The config file.
    pub(crate) source: Option<&'a Path>,
    /// Whether what an app runs, and where, is only looked for when it starts (Supervisor): what is missing is warned of.
    pub(crate) starts_later: bool,
    /// The project that the config is of.
    pub(crate) project: Option<&'a AppName>,
}
