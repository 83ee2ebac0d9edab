//! An app that fails, and how its words are read.

use std::path::{Path, PathBuf};

use pm_pm2::shell;
use pm_protocol::Description;
use pm_spec::AppSpec;

/// What an app is and the last it wrote.
pub(super) struct Failing<'a> {
    pub(super) one: &'a Description,
    pub(super) lines: &'a [String],
}

/// What stands in quotes behind some words, or the first word there.
pub(super) fn quoted<'a>(line: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(before)?;
    let rest = rest.trim_start_matches([':', ' ']);
    let quote = rest.chars().next().filter(|first| matches!(first, '\'' | '"' | '`'));
    let word = match quote {
        Some(quote) => rest[1..].split(quote).next(),
        None => rest.split([' ', ',', ')', ';']).next(),
    };
    word.filter(|word| !word.is_empty())
}

/// Where it runs.
pub(super) fn cwd(spec: &AppSpec) -> PathBuf {
    PathBuf::from(spec.cwd.display().into_owned())
}

/// A path as a word of a command that is shown: what an app says is copied into a shell by whoever believes it.
pub(super) fn typed(path: impl AsRef<Path>) -> String {
    shell(&path.as_ref().to_string_lossy())
}

/// An app that failed.
#[cfg(test)]
pub(super) fn described() -> Description {
    crate::golden::described(pm_testkit::samples::row(0, "web", pm_protocol::Status::Errored))
}
