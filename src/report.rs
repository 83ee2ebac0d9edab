//! What a verb ends with: a text or a document for stdout, what is said beside it, and an exit code.

use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::Exit;
use crate::words::talk;

/// The result of a verb, in the form that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// For stdout, with its final newline.
    pub(crate) shown: String,
    /// For stderr, once that is shown.
    pub(crate) aside: String,
    /// What becomes the exit code.
    pub(crate) ending: ReportExit,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReportExit {
    /// As wished.
    #[default]
    Well,
    /// Something did not come true.
    Not(Exit),
    /// As an app ended: its exit code, whatever we are called.
    App(u8),
}

impl Report {
    /// Shown as `text` for people, as the document `json` for programs.
    pub(crate) fn new(
        console: Console,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> Value,
    ) -> Self {
        let shown = if console.json { format!("{}\n", json()) } else { text() };
        Self { shown, ..Self::default() }
    }

    /// As [`new`](Self::new), for what only says that something was done: `--silent` leaves that out.
    pub(crate) fn talk(
        console: Console,
        text: impl FnOnce() -> String,
        json: impl FnOnce() -> Value,
    ) -> Self {
        let said = || talk(&text()).into_owned();
        Self::new(console, || if console.silent { String::new() } else { said() }, json)
    }

    /// A sentence on its own; `done` is its name in JSON.
    pub(crate) fn said(console: Console, done: &str, text: &str) -> Self {
        let json = || json!({ "done": done, "message": text });
        Self::talk(console, || format!("{text}\n"), json)
    }

    /// A text that is shown as it is.
    pub(crate) fn text(console: Console, text: String) -> Self {
        let json = json!({ "text": &text });
        Self::new(console, || text, || json)
    }

    /// Everything was shown already; an app's exit code becomes ours.
    pub(crate) fn ended(code: u8) -> Self {
        Self { ending: ReportExit::App(code), ..Self::default() }
    }

    /// With what did not come true, if anything did not.
    pub(crate) fn ending(self, failure: Option<Exit>) -> Self {
        Self { ending: failure.map_or(ReportExit::Well, ReportExit::Not), ..self }
    }
}
