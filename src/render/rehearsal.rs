//! `pm startup --verify`: one line an app, then what there is to say about it.

use crate::console::Look;
use crate::render::text::{Paint, safe_text};
use crate::report::Rehearsal;

/// The whole of it.
pub(super) fn rehearsal(it: &Rehearsal, look: Look) -> String {
    let mut text = String::new();
    say(&mut text, look, "", (&it.problems, &it.warnings, &[]));
    for app in &it.apps {
        let (sign, paint, word) = match (app.problems.is_empty(), app.is_wanted) {
            (false, _) => ("✗", Paint::Bad, "would not start"),
            (true, true) => ("✓", Paint::Good, "would start"),
            (true, false) => ("-", Paint::Dim, "is saved as stopped"),
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
