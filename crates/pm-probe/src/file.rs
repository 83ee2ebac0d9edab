//! Whether there is something of a path.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pm_spec::ByteString;

use crate::door::words;

/// Whether something is there, links followed; else what is in the way.
pub async fn exists(path: &ByteString) -> Result<(), String> {
    let found = tokio::fs::metadata(Path::new(OsStr::from_bytes(path.as_bytes()))).await;
    found.map(drop).map_err(|error| words(&error))
}
