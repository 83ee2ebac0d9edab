//! Every key of an app, one row each. What is read from a file, typed as a flag, compared, taken over, shown, saved and
//! documented follows from the rows; a new key is a field and a row.

mod checks;
mod environment;
mod flag;
mod hooks;
mod kernel;
mod lifecycle;
mod logs;
mod program;
mod row;
mod setting;
mod triggers;
mod unused;

pub use flag::{Flag, FlagValue};
pub use row::{Access, Effort, Jlist, KeyKind, KeySpec, Label, MadeKey, Support};
pub use setting::Setting;

/// Keys that belong together, under one heading in help and docs.
#[derive(Debug)]
pub struct KeyGroup {
    /// The heading.
    pub heading: &'static str,
    /// In the order of the manual.
    pub keys: &'static [KeySpec],
}

/// All groups, in the order of the manual.
pub static GROUPS: [KeyGroup; 10] = [
    KeyGroup { heading: "Program", keys: program::KEYS },
    KeyGroup { heading: "Environment", keys: environment::KEYS },
    KeyGroup { heading: "Start, restart and stop", keys: lifecycle::KEYS },
    KeyGroup { heading: "Ready and well", keys: checks::KEYS },
    KeyGroup { heading: "Restart by memory, clock and files", keys: triggers::KEYS },
    KeyGroup { heading: "Commands run before, and for what happens", keys: hooks::KEYS },
    KeyGroup { heading: "Output", keys: logs::KEYS },
    KeyGroup { heading: "User", keys: program::USER_KEYS },
    KeyGroup { heading: "Limits", keys: kernel::KEYS },
    KeyGroup { heading: "Known from PM2, without effect", keys: unused::KEYS },
];

/// All keys, in the order of the manual.
pub fn keys() -> impl Iterator<Item = &'static KeySpec> + Clone {
    GROUPS.iter().flat_map(|group| group.keys)
}

/// The key of this name; aliases are for readers.
pub fn key(name: &str) -> Option<&'static KeySpec> {
    keys().find(|key| key.name == name)
}
