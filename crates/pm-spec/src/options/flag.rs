//! The flag of a key.

use super::row::may_say;

/// A flag of the command line.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// With its dashes.
    pub long: &'static str,
    /// One letter.
    pub short: Option<char>,
    /// Other spellings, without dashes.
    pub aliases: &'static [&'static str],
    /// Another spelling that help shows.
    pub shown_alias: Option<&'static str>,
    /// What help calls the value.
    pub value_name: &'static str,
    /// What it takes.
    pub value: FlagValue,
    /// One line for help.
    pub help: &'static str,
    /// A value one could give, for docs and tests; empty: any of its kind.
    pub example: &'static str,
    /// Whether PM2 lets it act on the apps of a config file.
    pub over_file: bool,
    /// The key whose flag means the contrary: the later one counts.
    pub or: Option<&'static str>,
}

/// What a flag takes, and how that is written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagValue {
    /// Nothing: the key is true.
    On,
    /// Nothing: the key is false.
    Off,
    /// One word.
    Word,
    /// One word, which may look like a flag.
    AnyWord,
    /// A path.
    Path,
    /// A duration; a number is seconds, unlike in a file (PM2).
    Seconds,
    /// Words, one for each time it is given.
    Words,
    /// The same, and each is split at commas and blanks.
    List,
    /// A path, or nothing: the key is true.
    MaybePath,
    /// The same with `=` only, also several times.
    MaybeWords,
}

/// A flag with a word.
pub(super) const fn flag(long: &'static str, value_name: &'static str, help: &'static str) -> Flag {
    Flag {
        long,
        short: None,
        aliases: &[],
        shown_alias: None,
        value_name,
        value: FlagValue::Word,
        help,
        example: "",
        over_file: false,
        or: None,
    }
}

/// A flag without a value.
pub(super) const fn on(long: &'static str, help: &'static str) -> Flag {
    flag(long, "", help).takes(FlagValue::On)
}

/// A flag without a value that switches off.
pub(super) const fn off(long: &'static str, help: &'static str) -> Flag {
    flag(long, "", help).takes(FlagValue::Off)
}

may_say! { Flag:
    takes(value: FlagValue) { value: value }
    short(letter: char) { short: Some(letter) }
    aliases(all: &'static [&'static str]) { aliases: all }
    shown_alias(name: &'static str) { shown_alias: Some(name) }
    such_as(example: &'static str) { example: example }
    over_file() { over_file: true }
    or(other: &'static str) { or: Some(other) }
}

impl Flag {
    /// Without its dashes.
    pub fn name(&self) -> &'static str {
        self.long.trim_start_matches('-')
    }
}
