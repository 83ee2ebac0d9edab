//! What the daemon says about itself: lines on standard error, which the guardian points at `pm.log` and caps.

use std::fmt;
use std::io::Write;

use chrono::Local;

/// Writes one line. A diary that can't be written stops nobody.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    let stamp = Local::now().format("%Y-%m-%dT%H:%M:%S%.3f");
    let line = format!("{stamp} daemon {}: {text}\n", std::process::id());
    std::io::stderr().write_all(line.as_bytes()).ok();
}
