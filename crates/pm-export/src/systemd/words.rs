//! What all units have.

use pm_spec::Span;

/// Their first line.
pub(super) const ABOUT: &str = "written by pm export";

/// Milliseconds, as systemd reads them.
pub(super) fn time(span: Span) -> String {
    format!("{}ms", span.as_millis())
}
