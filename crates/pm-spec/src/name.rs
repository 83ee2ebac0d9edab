//! App names and namespaces.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A name people type: 1 to 255 bytes of text without control characters.
///
/// Slashes and blanks are allowed (PM2 allows them); file names are made with [`AppName::in_file_names`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppName(String);

/// Why a text is no app name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// There is nothing in it.
    Empty,
    /// More than 255 bytes.
    TooLong,
    /// A control character, which would confuse terminals and lists.
    Control,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a name must not be empty",
            Self::TooLong => "a name has at most 255 bytes",
            Self::Control => "a name must not hold control characters",
        })
    }
}

impl core::error::Error for NameError {}

impl AppName {
    /// Reads a name; surrounding blanks are not part of it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > 255 {
            return Err(NameError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NameError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as PM2 writes it into file names: all outside `[A-Za-z0-9.-]` becomes `-`.
    pub fn in_file_names(&self) -> String {
        let keep = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        self.0.chars().map(|c| if keep(c) { c } else { '-' }).collect()
    }

    /// The namespace of apps that name none (PM2: `default`).
    pub fn default_namespace() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl TryFrom<String> for AppName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<AppName> for String {
    fn from(name: AppName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed() {
        assert_eq!(AppName::parse(" web app/1 ").unwrap().in_file_names(), "web-app-1");
        assert_eq!(AppName::parse("  "), Err(NameError::Empty));
        assert_eq!(AppName::parse("a\x1bb"), Err(NameError::Control));
        assert_eq!(AppName::parse(&"x".repeat(256)), Err(NameError::TooLong));
    }
}
