//! What became of apps in another engine's files, key by key.

use std::path::Path;

use pm_export::{ExportFate, ExportNote, ExportedFile, TargetFiles};
use serde_json::{Value, json};

use crate::render::text::{Paint, count};

/// The files one after the other; where there are several, a comment says which one follows.
pub(crate) fn files(made: &TargetFiles) -> String {
    if let [file] = made.files.as_slice() {
        return file.text.clone();
    }
    // JSON has no comments.
    let is_json = |name: &str| Path::new(name).extension().is_some_and(|it| it == "json");
    let file = |file: &ExportedFile| {
        if is_json(&file.name) {
            file.text.clone()
        } else {
            format!("# {}\n{}\n", file.name, file.text)
        }
    };
    made.files.iter().map(file).collect()
}

/// The report, for people.
pub(crate) fn told(made: &TargetFiles, folder: Option<&Path>, colour: bool) -> String {
    let widest = |of: fn(&ExportNote) -> usize| made.notes.iter().map(of).max().unwrap_or(0);
    let (app, key) = (widest(|it| it.app.chars().count()), widest(|it| it.key.chars().count()));
    let mut text = String::new();
    let mut figures = [0; 3];
    for note in &made.notes {
        let (at, paint) = match note.fate {
            ExportFate::Same(_) => (0, Paint::Good),
            ExportFate::Changed(_) => (1, Paint::Wait),
            ExportFate::Missing(_) => (2, Paint::Bad),
        };
        figures[at] += 1;
        let word = paint.on(&format!("{:14}", note.fate.word()), colour);
        let line = format!("{:app$}  {:key$}  {word}  {}", note.app, note.key, note.fate.why());
        text.extend([line.trim_end(), "\n"]);
    }
    if let Some(folder) = folder {
        let names: Vec<_> =
            made.files.iter().map(|file| folder.join(&file.name).display().to_string()).collect();
        text.extend([format!("wrote {}: {}\n", count(names.len(), "file"), names.join(", "))]);
    }
    let [same, changed, missing] = figures;
    text + &format!("{same} same, {changed} changed, {missing} with no counterpart\n")
}

/// For programs.
pub(crate) fn document(made: &TargetFiles) -> Value {
    let file = |it: &ExportedFile| json!({ "name": it.name, "text": it.text });
    let note = |it: &ExportNote| json!({ "app": it.app, "key": it.key, "fate": it.fate.word(), "why": it.fate.why() });
    let files: Vec<_> = made.files.iter().map(file).collect();
    let notes: Vec<_> = made.notes.iter().map(note).collect();
    json!({ "files": files, "keys": notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_export::ExportedFile;

    #[test]
    fn each_key_has_its_line_and_each_file_its_name() {
        let note = |key: &str, fate| ExportNote { app: "web".into(), key: key.into(), fate };
        let file = |name: &str| ExportedFile { name: name.into(), text: "x\n".into() };
        let mut made = TargetFiles {
            files: vec![file("a.service")],
            notes: vec![
                note("script", ExportFate::Same("ExecStart".into())),
                note("env DB_PASSWORD", ExportFate::Changed("how".into())),
                note("watch", ExportFate::Missing("why".into())),
            ],
        };
        let expected = "\
web  script           same            ExecStart
web  env DB_PASSWORD  changed         how
web  watch            no counterpart  why
wrote 1 file: out/a.service
1 same, 1 changed, 1 with no counterpart
";
        assert_eq!(told(&made, Some(Path::new("out")), false), expected);
        assert_eq!(files(&made), "x\n");
        made.files.push(file("b.timer"));
        assert_eq!(files(&made), "# a.service\nx\n\n# b.timer\nx\n\n");
    }
}
