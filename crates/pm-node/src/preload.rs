//! Our script for cluster workers, loaded before the app: it lets connections run out before the worker leaves.

/// The script. It does nothing where [`MARK`] is not set, so processes that a worker makes are left alone.
pub const PRELOAD: &str = include_str!("preload.js");

/// The variable that switches the script on; it removes it.
pub const MARK: &str = "PM_NODE_PRELOAD";
