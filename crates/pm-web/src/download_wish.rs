//! What a ticket for a download is for.

use crate::app_pattern::AppPattern;
use crate::logs::WantedLogs;

/// What is to be fetched; who may see what was looked at when it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct DownloadWish {
    pub(crate) wanted: WantedLogs,
    pub(crate) apps: AppPattern,
    /// As `grep` in the address of a page of logs.
    pub(crate) grep: Option<String>,
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
}
