//! Which apps a command is about.

use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Serialize};

/// A selector as typed: `all`, `web`, `3`, `name:3`, `id:3`, `ns:backend`, `/regex/` is left to the next release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// Every app.
    All,
    /// A word with PM2's precedence: name (or the script's path), then namespace, then, if numeric, id.
    Word(String),
    /// Exactly this name.
    Name(String),
    /// Exactly this instance id.
    Id(u32),
    /// Everything in this namespace.
    Namespace(String),
}

/// Why a text selects nothing that could exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` selects nothing; write a name, an id, ns:NAMESPACE or all")]
pub struct SelectError(String);

impl Select {
    /// Reads a selector.
    pub fn parse(text: &str) -> Result<Self, SelectError> {
        let fail = || SelectError(text.to_string());
        let word = text.trim();
        let selected = match word.split_once(':') {
            Some(("name", rest)) if !rest.is_empty() => Self::Name(rest.into()),
            Some(("ns" | "namespace", rest)) if !rest.is_empty() => Self::Namespace(rest.into()),
            Some(("id", rest)) => Self::Id(rest.parse().map_err(|_| fail())?),
            _ if word == "all" => Self::All,
            _ if word.is_empty() => return Err(fail()),
            _ => Self::Word(word.into()),
        };
        Ok(selected)
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Word(word) => f.write_str(word),
            Self::Name(name) => write!(f, "name:{name}"),
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Namespace(namespace) => write!(f, "ns:{namespace}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read() {
        assert_eq!(Select::parse("all"), Ok(Select::All));
        assert_eq!(Select::parse("3"), Ok(Select::Word("3".into())));
        assert_eq!(Select::parse("id:3"), Ok(Select::Id(3)));
        assert_eq!(Select::parse("name:all"), Ok(Select::Name("all".into())));
        assert_eq!(Select::parse("ns:x"), Ok(Select::Namespace("x".into())));
        assert_eq!(Select::parse("web:1"), Ok(Select::Word("web:1".into())));
        assert!(Select::parse("").is_err() && Select::parse("id:x").is_err());
    }
}
