//! What all units have.

use pm_spec::Span;

use super::quote;

/// Their first line.
pub(super) const ABOUT: &str = "written by pm export";

/// Milliseconds, as systemd reads them.
pub(super) fn time(span: Span) -> String {
    format!("{}ms", span.as_millis())
}

/// A program and its words in one line.
pub(super) fn commands(words: &[String]) -> String {
    let (first, rest) =
        words.split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
    let rest = rest.iter().map(|it| quote::word(it));
    [quote::program(first)].into_iter().chain(rest).collect::<Vec<_>>().join(" ")
}
