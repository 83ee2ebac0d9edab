//! What both engines give back, and what both are told.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use pm_spec::ByteString;
use serde::{Deserialize, Deserializer};

use crate::caller::Caller;
use crate::json::Unplaced;
use crate::paths;
use crate::shape::Shape;
use crate::tree::Value;

/// What an engine tells, as JSON.
#[derive(Debug, Default, Deserialize)]
pub(super) struct EngineAnswer {
    #[serde(default)]
    pub(super) value: Option<Exported>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) error: Option<ThrownError>,
    /// Parts of Node that were touched and are not there.
    #[serde(default)]
    pub(super) lacks: Vec<String>,
    /// Files whose first line began with [`super::fault::WRAPPER`].
    #[serde(skip)]
    pub(super) wrapped: Vec<String>,
}

/// A value without places.
#[derive(Debug)]
pub(super) struct Exported(pub(super) Value);

impl<'de> Deserialize<'de> for Exported {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shape::<Unplaced>::deserialize(deserializer).map(|shape| Self(shape.0))
    }
}

/// What a config threw.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ThrownError {
    /// The error's name; empty if what was thrown is no error.
    pub(super) name: String,
    pub(super) message: String,
    pub(super) stack: String,
    /// It called `process.exit`.
    #[serde(default)]
    pub(super) exit: bool,
}

impl ThrownError {
    /// What it says. Node adds to a missing module the list of those who required it.
    pub(super) fn headline(&self) -> Option<&str> {
        self.message.lines().next()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum EngineFailure {
    #[error("it ran longer than {0:?}")]
    TooLong(std::time::Duration),
    #[cfg(feature = "js")]
    #[error("it used more than {0} MiB of memory")]
    TooLarge(usize),
    #[cfg(feature = "js")]
    #[error("it waits for something that never comes")]
    Waiting,
    #[error("it exports more than can be read")]
    TooMuch,
    #[cfg(feature = "js")]
    #[error("could not start the engine: {0}")]
    Engine(String),
    #[error("could not run {}: {}", .0.display(), paths::cause(.1))]
    Node(PathBuf, std::io::Error),
    #[error("node ended with {0} before the config was read")]
    Ended(std::process::ExitStatus),
    #[error("its answer can't be read: {0}")]
    Garbled(String),
}

/// So many MiB a config may use.
#[cfg(feature = "js")]
pub(super) const MEMORY: usize = 256;

pub(super) fn is_typescript(file: &Path) -> bool {
    let ending = file.extension().map(OsStr::to_ascii_lowercase);
    ending.is_some_and(|ending| ["ts", "mts", "cts"].iter().any(|known| ending == *known))
}

/// The words of `process.argv` behind our program.
pub(super) fn words(caller: &Caller) -> impl Iterator<Item = &ByteString> {
    caller.argv.iter().skip(1)
}

pub(super) fn program(caller: &Caller) -> String {
    caller.argv.first().map_or_else(|| "pm".into(), |program| program.display().into_owned())
}

/// What a config said is talk.
pub(super) fn tell(said: &[u8]) {
    // Who closed standard error does not want to know.
    std::io::stderr().write_all(shown(said).as_bytes()).ok();
}

/// Without what would move a terminal's cursor or worse: of all controls only ends of lines and tabs are left.
fn shown(said: &[u8]) -> String {
    let harms = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    String::from_utf8_lossy(said).replace(harms, "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_config_says_moves_no_cursor() {
        let said = "a\x1b[2J\u{9b}2J\r\x07b\tc\n\u{8ba2}\n";
        assert_eq!(shown(said.as_bytes()), "a?[2J?2J??b\tc\n\u{8ba2}\n");
    }
}
