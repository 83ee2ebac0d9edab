//! What a row says, and what follows from it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Flag, Setting};
use crate::{AppSpec, Bytes, Span};

/// One key of an app.
#[derive(Debug)]
pub struct KeySpec {
    /// What the code and messages call it.
    pub name: &'static str,
    /// Its other spellings; where several are set, `name` wins unless `first` does, then the others in this order.
    pub aliases: &'static [&'static str],
    /// PM2's canonical spelling where it isn't `name`.
    pub first: Option<&'static str>,
    /// Whether it does what it says.
    pub support: Support,
    /// One line for the docs and the schema.
    pub doc: &'static str,
    /// Its flag on the command line.
    pub flag: Option<Flag>,
    /// What a change of it takes.
    pub effort: Effort,
    /// PM2's variable that says what holds where neither file nor flag does.
    pub knob: Option<&'static str>,
    /// Keys that are read together with it: with its flag on a known app, these stay as they are.
    pub beside: &'static [&'static str],
    /// Keys of a file that its flag puts out of force, besides itself.
    pub ousts: &'static [&'static str],
    /// How `describe` shows it.
    pub label: Label,
    /// How `jlist` and PM2's saved list have it.
    pub jlist: Jlist,
    /// What it is.
    pub kind: KeyKind,
}

/// What happens to a key that PM2 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does what PM2's manual says.
    Full,
    /// Never needed here, because of what is said: a warning names it unless its value asks for nothing.
    NoEffect(&'static str),
}

/// What it takes to bring a change about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Nothing: there is no change, or nobody but a reader sees it.
    Nothing,
    /// It holds from now on; the run goes on.
    Live,
    /// A new run.
    Renewal,
}

/// How `describe` shows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// On a line of its own, under its name, where it is not as usual.
    Name,
    /// On a line that is written apart, or nowhere, since it only makes other keys.
    Apart,
}

/// How `jlist` and PM2's saved list have a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jlist {
    /// Its value, under PM2's spelling.
    Always,
    /// The same, where it is not as usual.
    Changed,
    /// In a form that is written apart; PM2's list says it in the words of a file.
    Apart,
    /// Under another name, or not at all.
    Never,
}

/// Where a value stands in a spec.
#[derive(Debug)]
pub struct Access<T: 'static> {
    /// It.
    pub get: fn(&AppSpec) -> &T,
    /// It, to be changed.
    pub put: fn(&mut AppSpec) -> &mut T,
}

/// A key that is made in a way of its own.
#[derive(Debug)]
pub struct MadeKey {
    /// Its types in a file, as JSON Schema calls them.
    pub types: &'static [&'static str],
    /// All words it may be, if they can be counted.
    pub choices: &'static [&'static str],
    /// What it is set to; never set, if it only makes other keys.
    pub value: fn(&AppSpec) -> Setting,
    /// Takes over what its flag changed.
    pub take: fn(&mut AppSpec, &AppSpec),
}

/// What a key is: from it follow how it is read, compared, taken over and shown.
#[derive(Debug)]
pub enum KeyKind {
    /// True or false.
    Switch(Access<bool>),
    /// A whole number, not less than this.
    Count(Access<u32>, u32),
    /// A length of time.
    Span(Access<Span>),
    /// An amount; 0 and false: none.
    Size(Access<Option<Bytes>>),
    /// Exit codes.
    Codes(Access<BTreeSet<u8>>),
    /// A text or number: what it must be, for messages, and what sets it; false: this is none.
    Word(MadeKey, &'static str, fn(&mut AppSpec, &str) -> bool),
    /// The environment: variables are told one by one.
    Variables,
    /// What the reader of configs puts together itself.
    Special(MadeKey),
    /// Nothing of it is kept.
    Unused,
}

/// A key that works, with nothing else said.
pub(super) const fn key(name: &'static str, doc: &'static str, kind: KeyKind) -> KeySpec {
    KeySpec {
        name,
        aliases: &[],
        first: None,
        support: Support::Full,
        doc,
        flag: None,
        effort: Effort::Renewal,
        knob: None,
        beside: &[],
        ousts: &[],
        label: Label::Name,
        jlist: Jlist::Changed,
        kind,
    }
}

/// What a row may say, one after the other: `name(given) { field: value }`.
macro_rules! may_say {
    ($of:ident: $($name:ident($($given:ident: $type:ty)?) { $($field:ident: $value:expr),* })*) => {
        impl $of {
            $(pub(super) const fn $name(self, $($given: $type)?) -> Self {
                Self { $($field: $value,)* ..self }
            })*
        }
    };
}
pub(super) use may_say;

may_say! { KeySpec:
    aliases(all: &'static [&'static str]) { aliases: all }
    first(name: &'static str) { first: Some(name) }
    flag(flag: Flag) { flag: Some(flag) }
    live() { effort: Effort::Live }
    idle() { effort: Effort::Nothing }
    knob(name: &'static str) { knob: Some(name) }
    beside(keys: &'static [&'static str]) { beside: keys }
    ousts(keys: &'static [&'static str]) { ousts: keys }
    jlist(how: Jlist) { jlist: how }
    told_apart() { label: Label::Apart }
    nowhere() { label: Label::Apart, jlist: Jlist::Never }
}

impl KeySpec {
    /// What PM2 calls it.
    pub fn pm2_name(&self) -> &'static str {
        self.first.unwrap_or(self.name)
    }

    /// All its spellings, the strongest first.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.first.into_iter().chain([self.name]).chain(self.aliases.iter().copied())
    }

    /// What it is set to.
    pub fn value(&self, app: &AppSpec) -> Setting {
        match &self.kind {
            KeyKind::Switch(at) => Setting::Switch(*(at.get)(app)),
            KeyKind::Count(at, _) => Setting::Count((*(at.get)(app)).into()),
            KeyKind::Span(at) => Setting::Span(*(at.get)(app)),
            KeyKind::Size(at) => (at.get)(app).map_or(Setting::Unset, Setting::Size),
            KeyKind::Codes(at) => {
                let codes: Vec<u64> = (at.get)(app).iter().map(|code| (*code).into()).collect();
                Setting::Counts(codes)
            }
            KeyKind::Word(made, ..) | KeyKind::Special(made) => (made.value)(app),
            KeyKind::Variables | KeyKind::Unused => Setting::Unset,
        }
    }

    /// What it is set to, unless `usual` has the same.
    pub fn changed(&self, app: &AppSpec, usual: &AppSpec) -> Option<Setting> {
        let value = self.value(app);
        (value != self.value(usual)).then_some(value)
    }

    /// Takes it over from a spec that was read with its flag.
    pub fn take(&self, app: &mut AppSpec, from: &AppSpec) {
        match &self.kind {
            KeyKind::Switch(at) => *(at.put)(app) = *(at.get)(from),
            KeyKind::Count(at, _) => *(at.put)(app) = *(at.get)(from),
            KeyKind::Span(at) => *(at.put)(app) = *(at.get)(from),
            KeyKind::Size(at) => *(at.put)(app) = *(at.get)(from),
            KeyKind::Codes(at) => (at.put)(app).clone_from((at.get)(from)),
            KeyKind::Word(made, ..) | KeyKind::Special(made) => (made.take)(app, from),
            KeyKind::Variables | KeyKind::Unused => {}
        }
    }
}

/// A kind by the path of its field: `field!(Span, stop.timeout)`.
macro_rules! field {
    ($kind:ident, $($field:ident).+ $(, $more:expr)?) => {
        $crate::options::KeyKind::$kind(
            $crate::options::Access {
                get: |app| &app.$($field).+,
                put: |app| &mut app.$($field).+,
            }
            $(, $more)?
        )
    };
}

/// A word by the path of its field: with its choices, or how it is read and how it is shown.
macro_rules! word {
    (@of $choices:expr, $($field:ident).+, $what:expr, $read:expr, $show:expr) => {
        $crate::options::KeyKind::Word($crate::options::MadeKey {
            types: &["string", "integer"],
            choices: &$choices,
            value: |app| ($show)(&app.$($field).+),
            take: |app, from| app.$($field).+.clone_from(&from.$($field).+),
        }, $what, |app, text| ($read)(text).map(|value| app.$($field).+ = value).is_some())
    };
    ($($field:ident).+, $what:expr, [$($text:literal = $choice:path),+]) => {
        $crate::options::row::word!(@of [$($text),+], $($field).+, $what, |text| match text {
            $($text => Some($choice),)+
            _ => None,
        }, |value: &_| match value {
            $($choice => $crate::options::Setting::text(Some($text)),)+
        })
    };
    ($($field:ident).+, $what:expr, $read:expr, $show:expr) => {
        $crate::options::row::word!(@of [], $($field).+, $what, $read, $show)
    };
}

/// A key that the reader puts together: `special!(["string"], |app| value, |app, from| take)`.
macro_rules! special {
    ([$($type:literal),*] of $choices:expr, $value:expr, $take:expr) => {
        $crate::options::KeyKind::Special($crate::options::MadeKey {
            types: &[$($type),*],
            choices: &$choices,
            value: $value,
            take: $take,
        })
    };
    ($types:tt, $value:expr, $take:expr) => {
        $crate::options::row::special!($types of [], $value, $take)
    };
}

/// The same with a field of its own.
macro_rules! made {
    ($types:tt, $($field:ident).+) => {
        $crate::options::row::special!($types, |app| (&app.$($field).+).into(), |app, from| {
            app.$($field).+.clone_from(&from.$($field).+);
        })
    };
}

/// The same for one that only helps to make the field of another.
macro_rules! via {
    ($types:tt, $($field:ident).+) => {
        $crate::options::row::special!($types, |_| $crate::options::Setting::Unset, |app, from| {
            app.$($field).+.clone_from(&from.$($field).+);
        })
    };
}

pub(super) use {field, made, special, via, word};
