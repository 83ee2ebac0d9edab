//! What a Compose file may say: every key with the kind of its value, in the order in which Compose prints them.
//!
//! From this one table follow reading, merging and printing (compose-spec's JSON schema, compose-go's types and merge rules).

use self::Kind::{Any, List, Map, Pairs, Short, Table, Texts};

/// The kind of a value in its long form.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// As it stands.
    Any,
    /// Text; a number or a switch as Go prints it.
    Text,
    Int,
    Float,
    Bool,
    /// A time, as Go prints it: `1m30s`.
    Span,
    /// A number of bytes, as text.
    Size,
    /// Permissions, printed in octal.
    Mode,
    /// A path of this machine, absolute once it is read.
    Path,
    /// A path of this machine, or the address of something elsewhere.
    Source,
    /// A command: a list of words, or a line that is split into them. It replaces what was there.
    Words,
    /// `healthcheck.test`.
    Test,
    /// A list of texts, or one.
    Texts(Unique),
    /// Names with values, as a table or as a list of `NAME=VALUE`.
    Pairs(Bare),
    /// Hosts with addresses.
    Hosts,
    /// A table with these keys.
    Table(&'static [KeyRow]),
    /// A table with any keys.
    Map(&'static Kind),
    List(&'static Kind, Unique),
    /// What may also be written shorter.
    Short(ShortForm, &'static Kind),
}

/// What a list holds once only: of two the later counts, at the place of the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unique {
    No,
    /// Texts that are equal up to a `=`.
    Text,
    /// Tables with the same value of this key.
    By(&'static str),
    /// Mounted files: `target`, or this folder and `source`.
    Mount(&'static str),
    Port,
}

/// What a name without a value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bare {
    /// That of the shell; if there is none, it stays without.
    Shell,
    /// That of the shell; if there is none, it is dropped.
    ShellOrNothing,
    Empty,
}

/// A short way to write something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortForm {
    /// A path for `{ KEY: path }`.
    Key(&'static str),
    /// A list of names for a table of nothing.
    Names,
    DependsOn,
    Ports,
    Volume,
    Device,
    Gpus,
    EnvFiles,
    Ssh,
    External,
    /// A text or a list.
    One,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRow {
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
    /// Whether it is printed although it says nothing.
    pub(crate) zero: Zero,
}

/// When a value that says nothing (0, false, an empty list) is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zero {
    Never,
    /// If it was said.
    Said,
    /// Always: `{}`, or nothing at all for a command.
    Always,
    /// Always in JSON only.
    AlwaysInJson,
    /// In YAML only, as Compose does.
    NotInJson,
    /// Compose forgets it.
    Unprinted,
    /// Always; in JSON with a capital, as Compose has it.
    Capital,
}

pub(crate) const fn row(key: &'static str, kind: Kind) -> KeyRow {
    KeyRow { key, kind, zero: Zero::Never }
}

pub(crate) const fn said(key: &'static str, kind: Kind) -> KeyRow {
    KeyRow { key, kind, zero: Zero::Said }
}

pub(crate) const fn always(key: &'static str, kind: Kind) -> KeyRow {
    KeyRow { key, kind, zero: Zero::Always }
}

pub(crate) const fn in_json(key: &'static str, kind: Kind) -> KeyRow {
    KeyRow { key, kind, zero: Zero::AlwaysInJson }
}

pub(crate) const fn hidden(key: &'static str, kind: Kind) -> KeyRow {
    KeyRow { key, kind, zero: Zero::NotInJson }
}

pub(crate) const fn capital(key: &'static str, kind: Kind) -> KeyRow {
    KeyRow { key, kind, zero: Zero::Capital }
}

/// A list of texts.
pub(crate) const LIST: Kind = Texts(Unique::No);
pub(crate) const SET: Kind = Texts(Unique::Text);
pub(crate) const LABELS: Kind = Pairs(Bare::Empty);
pub(crate) const OPTIONS: Kind = Pairs(Bare::Empty);

/// The row of a key.
pub(crate) fn find(rows: &'static [KeyRow], key: &str) -> Option<&'static KeyRow> {
    rows.iter().find(|row| row.key == key)
}

/// What stands at these keys below something of this kind.
pub(crate) fn below(kind: &'static Kind, key: &str) -> &'static Kind {
    match kind {
        Table(rows) => find(rows, key).map_or(&Any, |row| &row.kind),
        Map(inner) | List(inner, _) => inner,
        Short(_, inner) => below(inner, key),
        _ => &Any,
    }
}
