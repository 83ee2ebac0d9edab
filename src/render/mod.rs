//! What is shown: text for people, documents for programs. Pure: how wide, whether coloured and what time it is are
//! inputs.

pub(crate) mod added;
pub(crate) mod describe;
pub(crate) mod domains;
pub(crate) mod events;
pub(crate) mod exported;
pub(crate) mod imported;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod mini;
pub(crate) mod outcomes;
pub(crate) mod plan;
pub(crate) mod processes;
mod pulse;
pub(crate) mod rehearsal;
pub(crate) mod round;
pub(crate) mod services;
mod table;
pub(crate) mod takeover;
pub(crate) mod text;
pub(crate) mod usage;
pub(crate) mod why;

pub(crate) use text::{Paint, safe, safe_text, width as columns};

/// Each with its line feed.
pub(crate) fn lines(lines: impl IntoIterator<Item = impl Into<String>>) -> String {
    lines.into_iter().map(|line| line.into() + "\n").collect()
}

#[cfg(test)]
mod page_tests;
