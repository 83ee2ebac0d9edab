//! App names and namespaces.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A name people type: 1 to 255 bytes of text without control characters.
///
/// Slashes and blanks are allowed (PM2 allows them); file names are made with [`AppName::in_file_names`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppName(Arc<str>);

/// A file's name has 255 bytes, and `-error-65535.log` and the parts of a rotation follow the app's.
const LONGEST: usize = 180;

/// Why a text is no app name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing in it.
    #[error("a name must not be empty")]
    Empty,
    /// More than 255 bytes.
    #[error("a name has at most 255 bytes")]
    TooLong,
    /// A control character, which would confuse terminals and lists.
    #[error("a name must not hold control characters")]
    Control,
}

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

    /// Keeps one copy of both, if they are equal.
    pub(crate) fn share(&mut self, other: &Self) {
        if self == other {
            self.0 = Arc::clone(&other.0);
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as part of a file's name, a different one for each name: letters of all scripts stay. Only what can't be in a
    /// file's name or troubles tools becomes `%` and its code: `/`, `%` itself, and `.` or `-` at the beginning.
    pub fn in_file_names(&self) -> String {
        let mut all = String::with_capacity(self.0.len());
        for (at, letter) in self.0.char_indices() {
            match letter {
                '/' => all.push_str("%2F"),
                '%' => all.push_str("%25"),
                '.' if at == 0 => all.push_str("%2E"),
                '-' if at == 0 => all.push_str("%2D"),
                _ => all.push(letter),
            }
        }
        if all.len() <= LONGEST {
            return all;
        }
        let end = (0..=LONGEST).rev().find(|end| all.is_char_boundary(*end)).unwrap_or(0);
        all.truncate(end);
        all + &self.mark()
    }

    /// The name as PM2 writes it into file names, if it is ASCII: all outside `[A-Za-z0-9.-]` becomes `-`. Names that differ
    /// may be alike there.
    pub fn in_file_names_of_pm2(&self) -> Option<String> {
        let keep = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
        let written = || self.0.chars().map(|c| if keep(c) { c } else { '-' }).collect();
        self.0.is_ascii().then(written)
    }

    /// What tells files of names apart that would be alike: a number made from the name (FNV-1a).
    pub fn mark(&self) -> String {
        alloc::format!("~{:016x}", fingerprint(self.0.as_bytes()))
    }

    /// The namespace of apps that name none (PM2: `default`).
    pub fn default_namespace() -> Self {
        Self("default".into())
    }
}

/// FNV-1a, 64 bits: only to make a short file name.
pub fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
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
        String::from(&*name.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed() {
        assert_eq!(AppName::parse(" web app ").unwrap().as_str(), "web app");
        assert_eq!(AppName::parse("  "), Err(NameError::Empty));
        assert_eq!(AppName::parse("a\x1bb"), Err(NameError::Control));
        assert_eq!(AppName::parse(&"x".repeat(256)), Err(NameError::TooLong));
    }

    #[test]
    fn files_of_different_names_are_different_and_letters_of_any_script_stay() {
        let long = ["\u{8ba2}".repeat(84) + "a", "\u{8ba2}".repeat(84) + "b"];
        let names = [
            ("\u{8ba2}\u{5355}", "\u{8ba2}\u{5355}"),
            ("\u{7528}\u{6237}", "\u{7528}\u{6237}"),
            ("a b", "a b"),
            ("a_b", "a_b"),
            ("a-b", "a-b"),
            ("a/b", "a%2Fb"),
            ("a%2Fb", "a%252Fb"),
            (".a", "%2Ea"),
            ("..", "%2E."),
            ("-a", "%2Da"),
        ];
        let of = |name: &str| AppName::parse(name).unwrap().in_file_names();
        for (name, file) in names {
            assert_eq!(of(name), file, "{name}");
        }
        assert_ne!(of(&long[0]), of(&long[1]));
        assert!(of(&long[0]).len() < 220);
        assert!(of(&"/".repeat(255)).len() < 220);
    }

    #[test]
    fn pm2_writes_ascii_names_its_own_way() {
        let of = |name: &str| AppName::parse(name).unwrap().in_file_names_of_pm2();
        assert_eq!(of("web_app/1").as_deref(), Some("web-app-1"));
        assert_eq!(of("\u{7528}"), None);
    }
}
