//! What a service file says.

use std::path::PathBuf;

use super::platform::Platform;

/// Stands in every file of ours, so that one of somebody else is not overwritten without a copy.
pub(crate) const MARK: &str = "Written by `pm startup`; `pm unstartup` removes it.";

/// What a service file says.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) platform: Platform,
    /// Name of the service, without an ending.
    pub(crate) service: String,
    /// Who runs it.
    pub(crate) user: String,
    /// The folder of their state.
    pub(crate) home: PathBuf,
    /// What leads our program to it: `PM_HOME`, or `PM2_HOME` and what moves a part of it elsewhere.
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
    /// The `pm` binary: the only file of ours that is named (pain 45).
    pub(crate) program: PathBuf,
    /// Wait for an address.
    pub(crate) wait_ip: bool,
    /// Where units of one's own lie: `$XDG_CONFIG_HOME`, or `.config` in one's home.
    pub(crate) config: PathBuf,
}
