//! What became of another manager's file, line by line.

use pm_config::{Fate, ImportNote};
use serde_json::{Value, json};

use crate::render::text::{Paint, count};

/// What `pm import` did.
#[derive(Debug)]
pub(crate) struct ImportReport<'a> {
    /// The file that was written.
    pub(crate) file: Option<String>,
    pub(crate) apps: Vec<String>,
    pub(crate) notes: &'a [ImportNote],
}

impl ImportReport<'_> {
    fn count(&self, word: &str) -> usize {
        self.notes.iter().filter(|note| note.fate.word() == word).count()
    }
}

/// For people.
pub(crate) fn text(report: &ImportReport<'_>, colour: bool) -> String {
    let widest = |of: fn(&ImportNote) -> usize| report.notes.iter().map(of).max().unwrap_or(0);
    let (place, key) = (widest(|it| it.place.chars().count()), widest(|it| it.key.chars().count()));
    let mut text = String::new();
    for note in report.notes {
        let (word, why) = (note.fate.word(), note.fate.why());
        let paint = match note.fate {
            Fate::Same => Paint::Good,
            Fate::Idle(_) => Paint::Key,
            Fate::Changed(_) => Paint::Wait,
            Fate::Unsupported(_) => Paint::Bad,
        };
        let word = paint.on(&format!("{word:11}"), colour);
        let line = format!("{:place$}  {:key$}  {word}  {why}", note.place, note.key);
        text.extend([line.trim_end(), "\n"]);
    }
    let figures = ["same", "changed", "no effect", "unsupported"]
        .map(|word| format!("{} {word}", report.count(word)));
    let apps = count(report.apps.len(), "app");
    let done = match &report.file {
        Some(file) => format!("wrote {file}: {apps}: {}", report.apps.join(", ")),
        None => format!("{apps}: {}; nothing was written", report.apps.join(", ")),
    };
    format!("{text}{done}\n{} of its keys\n", figures.join(", "))
}

/// For programs.
pub(crate) fn document(report: &ImportReport<'_>) -> Value {
    let note = |note: &ImportNote| json!({ "place": note.place, "key": note.key, "fate": note.fate.word(), "why": note.fate.why() });
    let notes: Vec<_> = report.notes.iter().map(note).collect();
    json!({ "file": report.file, "apps": report.apps, "keys": notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_line() {
        let note = |place: &str, key: &str, fate| ImportNote {
            place: place.into(),
            key: key.into(),
            fate,
        };
        let notes = [
            note("s.conf:2", "[program:web] command", Fate::Same),
            note("s.conf:13", "[program:web] user", Fate::Changed("how")),
            note("d/x.conf:1", "[eventlistener:l]", Fate::Unsupported("why")),
        ];
        let report = ImportReport { file: None, apps: vec!["web".into()], notes: &notes };
        let expected = "\
s.conf:2    [program:web] command  same
s.conf:13   [program:web] user     changed      how
d/x.conf:1  [eventlistener:l]      unsupported  why
1 app: web; nothing was written
1 same, 1 changed, 0 no effect, 1 unsupported of its keys
";
        assert_eq!(text(&report, false), expected);
        assert_eq!(document(&report)["keys"][1]["fate"], "changed");
    }
}
