//! The value of one key, whatever its type.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::{AppName, ByteString, Bytes, LogTarget, Span};

/// What a key is set to; `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Nothing.
    Unset,
    /// On or off.
    Switch(bool),
    /// A number.
    Count(u64),
    /// A number that may be negative.
    Integer(i64),
    /// A length of time.
    Span(Span),
    /// An amount of memory or disk.
    Size(Bytes),
    /// Text or a path.
    Text(ByteString),
    /// Several words.
    Words(Vec<ByteString>),
    /// Several numbers.
    Counts(Vec<u64>),
}

impl Setting {
    /// Text, if there is some.
    pub fn text(text: Option<impl Into<ByteString>>) -> Self {
        text.map_or(Self::Unset, |text| Self::Text(text.into()))
    }

    /// On, or nothing.
    pub fn on(on: bool) -> Self {
        if on { Self::Switch(true) } else { Self::Unset }
    }

    /// False if there is nothing, also no word of several.
    pub fn is_set(&self) -> bool {
        match self {
            Self::Unset => false,
            Self::Words(words) => !words.is_empty(),
            Self::Counts(counts) => !counts.is_empty(),
            Self::Switch(_)
            | Self::Count(_)
            | Self::Integer(_)
            | Self::Span(_)
            | Self::Size(_)
            | Self::Text(_) => true,
        }
    }

    /// As one would write it in a file or on a command line.
    pub fn words(&self) -> Vec<ByteString> {
        match self {
            Self::Unset => Vec::new(),
            Self::Words(words) => words.clone(),
            Self::Text(text) => [text.clone()].into(),
            Self::Size(size) => [size.get().to_string().into()].into(),
            Self::Counts(counts) => counts.iter().map(|it| it.to_string().into()).collect(),
            Self::Switch(_) | Self::Count(_) | Self::Integer(_) | Self::Span(_) => {
                [self.to_string().into()].into()
            }
        }
    }
}

/// Fields that are settings as they are.
macro_rules! settings {
    ($($type:ty: |$field:ident| $setting:expr;)*) => {
        $(impl From<&$type> for Setting {
            fn from($field: &$type) -> Self {
                $setting
            }
        })*
    };
}

settings! {
    bool: |on| Self::Switch(*on);
    u16: |count| Self::Count((*count).into());
    AppName: |name| Self::Text(name.as_str().into());
    ByteString: |text| Self::Text(text.clone());
    Option<ByteString>: |text| Self::text(text.clone());
    Vec<ByteString>: |words| Self::Words(words.clone());
    LogTarget: |target| match target {
        LogTarget::File(path) => Self::Text(path.clone()),
        LogTarget::Discard => Self::Unset,
    };
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => Ok(()),
            Self::Switch(on) => on.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Span(span) => span.fmt(f),
            Self::Size(size) => size.fmt(f),
            Self::Text(text) => f.write_str(&text.display()),
            Self::Words(_) | Self::Counts(_) => {
                let words: Vec<String> =
                    self.words().iter().map(|word| word.display().into_owned()).collect();
                f.write_str(&words.join(" "))
            }
        }
    }
}
