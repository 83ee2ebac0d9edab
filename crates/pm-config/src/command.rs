//! Commands as written in a config: text is a line for the shell, a list a program with its arguments, and an object says
//! how long it may take.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pm_spec::{ByteString, Environment, Span, TimedCommand};

use crate::checks;
use crate::diagnose::quoted;
use crate::fields::{AppFields, Field};
use crate::paths;
use crate::tree::Value;

const WHAT: &str = "a shell line, or a list: a program and its arguments";

/// What programs are looked for with: a folder and the variables of the app.
pub(crate) type CommandPlace<'a> = (&'a Path, &'a Environment);

/// The program, as an absolute path, and its arguments. `None`: the finding is among the others.
pub(crate) fn words(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    (folder, env): CommandPlace<'_>,
) -> Option<Vec<ByteString>> {
    let nodes = match &field.node.value {
        Value::Text(line) if line.as_bytes().contains(&0) => return app.refuse(field, WHAT),
        Value::Text(line) if !line.is_empty() => {
            return Some(vec!["/bin/sh".into(), "-c".into(), line.clone()]);
        }
        Value::List(nodes) => nodes,
        Value::Text(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Table(_) => return app.refuse(field, WHAT),
    };
    let words: Option<Vec<_>> = nodes.iter().map(|node| app.word(field.key, node)).collect();
    let mut words = words?;
    let Some(program) = words.first_mut() else { return app.refuse(field, WHAT) };
    let name = OsStr::from_bytes(program.as_bytes());
    let found = if program.as_bytes().contains(&b'/') {
        let path = paths::written(program, folder, env);
        Some(path).filter(|path| paths::is_executable(path))
    } else {
        paths::search(name, env, folder)
    };
    let Some(found) = found else {
        let what = format!("`{}`: there is no program {}", field.key, name.display());
        app.error(field.node.at, what);
        return None;
    };
    *program = paths::to_bytes(&found);
    Some(words)
}

/// The same with its time: `{ command, timeout }`, or one of the short forms.
pub(crate) fn timed(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    place: CommandPlace<'_>,
) -> Option<TimedCommand> {
    let mut timeout = TimedCommand::TIMEOUT;
    let Value::Table(entries) = &field.node.value else {
        return words(app, field, place).map(|command| TimedCommand { command, timeout });
    };
    if let Some(odd) = entries.iter().find(|it| !matches!(it.key.as_str(), "command" | "timeout")) {
        let what = format!("unknown key {} in `{}`", quoted(&odd.key), field.key);
        let finding = crate::diagnose::Finding::error(odd.at, what);
        app.findings.add(finding.hint("it has `command` and `timeout`"));
        return None;
    }
    let Some(command) = entries.iter().find(|entry| entry.key == "command") else {
        return app.refuse(field, "an object with a `command`");
    };
    checks::span(app, field, "timeout", &mut timeout)?;
    if timeout == Span::ZERO {
        let node = field.node.value.get("timeout").unwrap_or(field.node);
        return app.refuse(Field { key: "timeout", node }, "more than 0");
    }
    words(app, Field::of(command), place).map(|command| TimedCommand { command, timeout })
}
