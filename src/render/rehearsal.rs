//! `pm startup --verify`: one line an app, then what there is to say about it.

use crate::console::Look;
use crate::render::text::{Paint, safe_text};

/// How a boot would go: problems keep something from starting, warnings might, notes say what will be different.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Rehearsal {
    pub(crate) problems: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) apps: Vec<Rehearsed>,
}

/// One app of it.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Rehearsed {
    pub(crate) name: String,
    /// Whether it is to be up after the boot.
    pub(crate) is_wanted: bool,
    pub(crate) fate: BootFate,
    pub(crate) problems: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// What a boot makes of an app of the saved list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BootFate {
    /// It is started.
    Starts,
    /// Its schedule goes on, and nothing runs before its next time.
    Waits,
    /// It had ended by itself, and stays down.
    Rests,
    /// Somebody had stopped it.
    #[default]
    Stopped,
}

impl Rehearsal {
    /// Whether everything that is wanted would start.
    pub(crate) fn is_well(&self) -> bool {
        self.problems.is_empty() && self.apps.iter().all(|app| app.problems.is_empty())
    }
}

/// The whole of it.
pub(crate) fn rehearsal(it: &Rehearsal, look: Look) -> String {
    let mut text = String::new();
    say(&mut text, look, "", (&it.problems, &it.warnings, &[]));
    for app in &it.apps {
        let (sign, paint, word) = match (app.problems.is_empty(), app.fate) {
            (false, _) => ("✗", Paint::Bad, "would not start"),
            (true, BootFate::Starts) => ("✓", Paint::Good, "would start"),
            (true, BootFate::Waits) => ("✓", Paint::Good, "would wait for its next time"),
            (true, BootFate::Rests) => ("-", Paint::Dim, "had run to its end, and stays down"),
            (true, BootFate::Stopped) => ("-", Paint::Dim, "is saved as stopped"),
        };
        let name = Paint::Key.on(&safe_text(&app.name), look.colour);
        text.extend([&paint.on(sign, look.colour), " ", &name, " ", word, "\n"]);
        say(&mut text, look, "  ", (&app.problems, &app.warnings, &app.notes));
    }
    text
}

fn say(
    text: &mut String,
    look: Look,
    indent: &str,
    (problems, warnings, notes): (&[String], &[String], &[String]),
) {
    for (word, paint, lines) in [
        ("error", Paint::Bad, problems),
        ("warning", Paint::Wait, warnings),
        ("note", Paint::Dim, notes),
    ] {
        for line in lines {
            let word = paint.on(&format!("{word}:"), look.colour);
            text.extend([indent, &word, " ", &safe_text(line), "\n"]);
        }
    }
}
