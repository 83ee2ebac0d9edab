//! The flag of a key.

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

impl Flag {
    const fn new(
        long: &'static str,
        value: FlagValue,
        value_name: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            long,
            short: None,
            aliases: &[],
            shown_alias: None,
            value_name,
            value,
            help,
            example: "",
            over_file: false,
            or: None,
        }
    }

    /// A flag without a value.
    pub(super) const fn on(long: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagValue::On, "", help)
    }

    /// A flag without a value that switches off.
    pub(super) const fn off(long: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagValue::Off, "", help)
    }

    /// A flag with a word.
    pub(super) const fn word(long: &'static str, name: &'static str, help: &'static str) -> Self {
        Self::new(long, FlagValue::Word, name, help)
    }

    /// What it takes, if not a word.
    pub(super) const fn takes(self, value: FlagValue) -> Self {
        Self { value, ..self }
    }

    pub(super) const fn short(self, short: char) -> Self {
        Self { short: Some(short), ..self }
    }

    pub(super) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    pub(super) const fn shown_alias(self, alias: &'static str) -> Self {
        Self { shown_alias: Some(alias), ..self }
    }

    /// A value one could give.
    pub(super) const fn such_as(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    pub(super) const fn over_file(self) -> Self {
        Self { over_file: true, ..self }
    }

    pub(super) const fn or(self, other: &'static str) -> Self {
        Self { or: Some(other), ..self }
    }

    /// Without its dashes.
    pub fn name(&self) -> &'static str {
        self.long.trim_start_matches('-')
    }
}
