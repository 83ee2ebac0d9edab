//! What becomes of a key in another engine's file.

use std::borrow::Cow;

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportFate {
    /// It means the same there: as what it is written.
    Same(Cow<'static, str>),
    /// It acts, in another way: how.
    Changed(Cow<'static, str>),
    /// There is nothing like it: why, and what instead.
    Missing(Cow<'static, str>),
}

impl ExportFate {
    /// For tables of them.
    pub(crate) const fn same(to: &'static str) -> Self {
        Self::Same(Cow::Borrowed(to))
    }

    /// For tables of them.
    pub(crate) const fn changed(how: &'static str) -> Self {
        Self::Changed(Cow::Borrowed(how))
    }

    /// For tables of them.
    pub(crate) const fn missing(why: &'static str) -> Self {
        Self::Missing(Cow::Borrowed(why))
    }

    /// In one or two words.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Same(_) => "same",
            Self::Changed(_) => "changed",
            Self::Missing(_) => "no counterpart",
        }
    }

    /// As what, how, or why and what instead.
    pub fn why(&self) -> &str {
        match self {
            Self::Same(why) | Self::Changed(why) | Self::Missing(why) => why,
        }
    }
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportNote {
    /// Whose it is.
    pub app: String,
    /// What it is called: `kill_timeout`, `env DB_PASSWORD`.
    pub key: String,
    /// What becomes of it.
    pub fate: ExportFate,
}
