//! What the command line says about apps: keys with values as typed, read exactly as in a file.

use pm_spec::ByteString;
use pm_spec::options::{self, FlagValue, KeySpec, Setting};

/// A value as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A flag that was given, or was given to switch off.
    Switch(bool),
    /// What stands behind the flag, for each time it was given; empty: nothing stands there.
    Words(Vec<ByteString>),
    /// Variables.
    Variables(Vec<(String, ByteString)>),
}

impl Typed {
    /// As an app has it.
    pub(crate) fn of(setting: &Setting) -> Self {
        if let Setting::Switch(on) = setting {
            Self::Switch(*on)
        } else {
            Self::Words(setting.words())
        }
    }

    /// One word.
    pub fn word(word: impl Into<ByteString>) -> Self {
        Self::Words(vec![word.into()])
    }
}

/// Keys that were given; each once.
#[derive(Clone, Debug, Default)]
pub struct Given(Vec<GivenKey>);

#[derive(Clone, Debug)]
pub(crate) struct GivenKey {
    pub(crate) key: &'static KeySpec,
    pub(crate) typed: Typed,
    /// Nobody typed it: it follows from the command.
    pub(crate) is_implied: bool,
}

impl Given {
    /// Sets a key, in place of what it was set to. No words are no value, and an unknown key is nobody's.
    pub fn set(&mut self, name: &str, typed: Typed) {
        self.remove(name);
        if let Some(key) = options::key(name).filter(|_| typed != Typed::Words(Vec::new())) {
            self.0.push(GivenKey { key, typed, is_implied: false });
        }
    }

    /// Takes a key away: nobody has given it.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|one| one.key.name != name);
    }

    /// Sets a key unless it is given.
    pub fn or(&mut self, name: &str, typed: impl FnOnce() -> Typed) {
        if !self.has(name) {
            self.set(name, typed());
            let own = self.0.iter_mut().filter(|one| one.key.name == name);
            own.for_each(|one| one.is_implied = true);
        }
    }

    /// What a key is set to.
    pub fn get(&self, name: &str) -> Option<&Typed> {
        self.iter().find(|one| one.key.name == name).map(|one| &one.typed)
    }

    /// Whether a key is given.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether no key is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static KeySpec> {
        self.iter().map(|one| one.key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &GivenKey> {
        self.0.iter()
    }
}

/// What people type to give a key.
pub fn flag_of(key: &KeySpec) -> &'static str {
    match (&key.flag, key.name) {
        (Some(flag), _) => flag.long,
        (None, "script") => "SCRIPT",
        (None, "env") => "--env",
        (None, _) => "--",
    }
}

/// What the flag of a key takes; one without a flag has words of its own.
pub(crate) fn takes(key: &KeySpec) -> FlagValue {
    key.flag.as_ref().map_or(FlagValue::Words, |flag| flag.value)
}
