//! Procfiles: each line is an app, run by a shell, with the variables of the `.env` beside it and a PORT of its own, as foreman does it.

use std::path::Path;

use pm_spec::ByteString;

use super::foreign_file::ForeignFile;
use super::found::ForeignApps;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::dotenv::{self, Dialect};
use crate::import_note::Fate;
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What the first process is told to listen on, if nobody says otherwise.
const FIRST_PORT: u32 = 5000;

/// From each kind of process to the next.
const PORTS_EACH: u32 = 100;

/// Whoever has more variables than that has another kind of file.
const LARGEST_ENV: usize = 1 << 20;

const AGAIN: &str =
    "it is started again when it ends, instead of ending all others; `pm scale` makes more of it";
const RELEASE: &str =
    "it is only made known, to be run before a release: `pm start release` runs it";

/// Whether a file is one: each of its lines is a process, and it is called so, or has neither an ending nor the right to be executed.
pub(super) fn is_one(path: &Path, text: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_called =
        name == "procfile" || name.starts_with("Procfile") || name.ends_with(".procfile");
    let mut lines = text.lines().filter(|line| is_said(line)).peekable();
    let is_bare = !name.contains('.') && !paths::is_executable(path);
    match (is_called, is_bare) {
        (true, _) => lines.any(|line| process(line).is_some()),
        (false, true) => lines.peek().is_some() && lines.all(|line| process(line).is_some()),
        (false, false) => false,
    }
}

fn is_said(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The name of a process and its command.
fn process(line: &str) -> Option<(&str, &str)> {
    let (name, command) = line.split_once(':')?;
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let command = command.trim();
    (is_name && !command.is_empty()).then_some((name, command))
}

pub(super) fn read(file: &ForeignFile<'_>, findings: &mut Findings) -> ForeignApps {
    let mut found = ForeignApps::default();
    let first = first_port(file);
    let lines = file.text.lines().enumerate().filter(|(_, line)| is_said(line));
    let mut index: u32 = 0;
    for (number, line) in lines {
        let at = ConfigPlace::Line { line: number + 1, column: 1 };
        let Some((name, command)) = process(line) else {
            let message = "this is no process: a line is `NAME: COMMAND`";
            findings.add(Finding::ignored(at, message, file.strict));
            continue;
        };
        let port = first.saturating_add(index.saturating_mul(PORTS_EACH));
        index += 1;
        let offset = line.len() - line.trim_end_matches('\r').trim_end().len();
        let before = line.len() - offset - command.len();
        let column = line.get(..before).map_or(1, |before| before.chars().count() + 1);
        let command_at = ConfigPlace::Line { line: number + 1, column };
        if port > u32::from(u16::MAX) {
            let message = format!("{} has no port: there are none above 65535", quoted(name));
            let hint = format!("each process has {PORTS_EACH} ports, from {first} on");
            findings.add(Finding::error(at, message).hint(hint));
            continue;
        }
        found.app(at, entries(file, (name, at), (command, command_at), port));
        let fate = if name == "release" { Fate::Changed(RELEASE) } else { Fate::Changed(AGAIN) };
        found.note((file.source.origin, findings), (name.to_owned(), at), fate);
    }
    found
}

/// A process as an app.
fn entries(
    file: &ForeignFile<'_>,
    (name, at): (&str, ConfigPlace),
    (command, command_at): (&str, ConfigPlace),
    port: u32,
) -> Vec<TableEntry> {
    let folder = || paths::to_bytes(file.source.folder);
    let dotenv = paths::to_bytes(&file.source.folder.join(".env"));
    let dotenv = vec![
        TableEntry::new("path", at, Value::text(dotenv)),
        TableEntry::new("required", at, Value::Bool(false)),
    ];
    let dotenv = ConfigNode { at, value: Value::Table(dotenv) };
    // To a shell one word is a program of PATH, neither a file that lies here nor a word of ours.
    let lies_here = !command.contains('/') && paths::is_file(&file.source.folder.join(command));
    let command = if command == crate::program::SERVE || lies_here {
        format!("exec {command}")
    } else {
        command.to_owned()
    };
    let mut entries = vec![
        TableEntry::new("name", at, Value::text(name)),
        TableEntry::new("script", command_at, Value::text(command)),
        TableEntry::new("cwd", at, Value::text(folder())),
        TableEntry::new("env_file", at, Value::List(vec![dotenv])),
        TableEntry::new("port", at, Value::Integer(port.into())),
        TableEntry::new("increment_var", at, Value::text("PORT")),
        TableEntry::new("kill_signal", at, Value::text("SIGTERM")),
        TableEntry::new("kill_timeout", at, Value::Integer(5000)),
    ];
    if name == "release" {
        entries.push(TableEntry::new("autostart", at, Value::Bool(false)));
        entries.push(TableEntry::new("autorestart", at, Value::Bool(false)));
    }
    entries
}

/// PORT of the `.env` beside the file, else of the shell, else 5000.
fn first_port(file: &ForeignFile<'_>) -> u32 {
    let path = file.source.folder.join(".env");
    let bytes = paths::head(&path, LARGEST_ENV).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    // What is wrong with it is told by who reads it for the apps.
    let (variables, _) = dotenv::parse(&text, Dialect::Compose, &file.caller.env);
    let own = variables.into_iter().rfind(|variable| variable.name == "PORT");
    let own = own.and_then(|variable| variable.value);
    let port = own.or_else(|| file.caller.env.get("PORT").cloned());
    let number = |text: ByteString| text.display().trim().parse().ok();
    port.and_then(number).unwrap_or(FIRST_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_a_command() {
        for (line, read) in [
            ("web: bundle exec puma -p $PORT", Some(("web", "bundle exec puma -p $PORT"))),
            ("web:x", Some(("web", "x"))),
            ("a-b_1:\tcmd: with colon \r", Some(("a-b_1", "cmd: with colon"))),
            ("web:", None),
            (": x", None),
            ("two words: x", None),
            ("no colon", None),
        ] {
            assert_eq!(process(line), read, "{line}");
        }
    }

    #[test]
    fn it_is_known_by_what_is_in_it() {
        for (name, text, is) in [
            ("Procfile", "# c\n\nweb: x\n", true),
            ("Procfile.dev", "web: x\nrubbish\n", true),
            ("a/b.procfile", "web: x", true),
            ("Procfile", "rubbish", false),
            ("Procfile", "", false),
            ("processes", "web: x\nworker: y\n", true),
            ("processes", "web: x\nrubbish\n", false),
            ("notes.txt", "web: x\n", false),
            ("empty", "", false),
        ] {
            assert_eq!(is_one(Path::new(name), text), is, "{name}: {text}");
        }
    }
}
