//! Commands that are run when something happens to an app, as written in a config.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pm_spec::{ByteString, Environment, HookCommands, HookEvent};

use crate::fields::AppFields;
use crate::paths;
use crate::tree::Value;

/// Reads them all: text is a line for the shell, a list a program with its arguments.
pub(crate) fn read(app: &mut AppFields<'_>, cwd: &Path, env: &Environment) -> HookCommands {
    let one = |event: HookEvent| Some((event, command(app, event.key(), (cwd, env))?));
    HookEvent::ALL.into_iter().filter_map(one).collect()
}

fn command(
    app: &mut AppFields<'_>,
    key: &'static str,
    (cwd, env): (&Path, &Environment),
) -> Option<Vec<ByteString>> {
    const WHAT: &str = "a shell line, or a list: a program and its arguments";
    let field = app.get(key)?;
    match &field.node.value {
        Value::Text(_) => {
            let line = app.bytes(key).filter(|line| !line.is_empty())?;
            Some(vec!["/bin/sh".into(), "-c".into(), line.clone()])
        }
        Value::List(_) => {
            let mut words = app.words(key);
            let Some(program) = words.first_mut() else { return app.refuse(field, WHAT) };
            let name = OsStr::from_bytes(program.as_bytes());
            let found = if program.as_bytes().contains(&b'/') {
                let path = paths::written(program, cwd, env);
                Some(path).filter(|path| paths::is_executable(path))
            } else {
                paths::search(name, env, cwd)
            };
            let Some(found) = found else {
                let what = format!("`{key}`: there is no program {}", name.display());
                app.error(field.node.at, what);
                return None;
            };
            *program = paths::to_bytes(&found);
            Some(words)
        }
        Value::Null => None,
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Table(_) => {
            app.refuse(field, WHAT)
        }
    }
}
