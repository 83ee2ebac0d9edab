//! Where an app's output goes, as written in a config, with PM2's defaults.

use std::path::{Path, PathBuf};

use pm_spec::{AppName, AppSpec, ByteString, LogFormat, LogTarget};

use crate::caller::{Beside, Caller};
use crate::diagnose::{Finding, quoted};
use crate::fields::AppFields;
use crate::ground::ConfigGround;
use crate::paths;
use crate::tree::Value;

/// What the rows do not say: where to, in which form, and whether instances share a file; and the pid file.
pub(crate) fn settle(
    app: &mut AppFields<'_>,
    name: Option<&AppName>,
    ground: &ConfigGround<'_>,
    spec: &mut AppSpec,
) {
    let cwd = paths::from_bytes(&spec.cwd).to_path_buf();
    let mut folder = LogFolder { cwd: &cwd, caller: ground.caller, derived: &mut spec.derived };
    let logs = &mut spec.logs;
    let file = name.map(|name| file_name(name, ground)).unwrap_or_default();
    let default = |ending: &str| ground.caller.logs.join(format!("{file}{ending}"));
    logs.out = folder.target(app, "out_file", &default("-out.log"));
    logs.error = folder.target(app, "error_file", &default("-error.log"));
    logs.combined = folder.combined(app, default(".log")).as_deref().map(paths::to_bytes);
    if app.switch("disable_logs") == Some(true) {
        (logs.out, logs.error, logs.combined) = (LogTarget::Discard, LogTarget::Discard, None);
        folder.derived.clear();
    }
    // PM2's table: one file unless the number of instances was thought of.
    if app.get("merge_logs").is_none() {
        logs.merge = app.get("instances").is_none();
        folder.derive("merge_logs");
    }
    logs.format = format(app);
    let pid_file = ground.caller.pids.join(format!("{file}.pid"));
    spec.pid_file = match folder.target(app, "pid_file", &pid_file) {
        LogTarget::File(path) => name.map(|_| path),
        LogTarget::Discard => None,
    };
}

/// What an app's files are called by default. As PM2 calls them where we are called so, unless another app, known or before it
/// in the file, is called alike there.
fn file_name(name: &AppName, ground: &ConfigGround<'_>) -> String {
    let alike = name.in_file_names_of_pm2().filter(|_| ground.overrides.beside == Beside::Pm2s);
    let Some(alike) = alike else { return name.in_file_names() };
    let all = ground.caller.names.iter().chain(ground.names.iter().flatten());
    let first = all.into_iter().find(|it| it.in_file_names_of_pm2().as_ref() == Some(&alike));
    if first.is_none_or(|first| first == name) { alike } else { alike + &name.mark() }
}

struct LogFolder<'a> {
    cwd: &'a Path,
    caller: &'a Caller,
    /// The keys that nobody wrote.
    derived: &'a mut Vec<ByteString>,
}

impl LogFolder<'_> {
    fn derive(&mut self, key: &'static str) {
        self.derived.push(key.into());
    }

    fn target(&mut self, app: &mut AppFields<'_>, key: &'static str, default: &Path) -> LogTarget {
        let Some(text) = app.bytes(key).filter(|text| !text.is_empty()) else {
            self.derive(key);
            return LogTarget::File(paths::to_bytes(default));
        };
        if matches!(text.as_bytes(), b"NULL" | b"/dev/null") {
            return LogTarget::Discard;
        }
        let path = paths::written(text, self.cwd, &self.caller.env);
        refuse_folder(app, key, &path);
        LogTarget::File(paths::to_bytes(&path))
    }

    /// `log_file`: a path, or true for the default one.
    fn combined(&mut self, app: &mut AppFields<'_>, default: PathBuf) -> Option<PathBuf> {
        let field = app.get("log_file")?;
        match &field.node.value {
            Value::Bool(true) => {
                self.derive("log_file");
                Some(default)
            }
            Value::Bool(false) => None,
            Value::Text(text) if matches!(text.as_bytes(), b"" | b"NULL" | b"/dev/null") => None,
            Value::Text(text) => {
                let path = paths::written(text, self.cwd, &self.caller.env);
                refuse_folder(app, "log_file", &path);
                Some(path)
            }
            Value::Null
            | Value::Integer(_)
            | Value::Float(_)
            | Value::List(_)
            | Value::Table(_) => app.refuse(field, "a path, or true for the usual one"),
        }
    }
}

fn refuse_folder(app: &mut AppFields<'_>, key: &'static str, path: &Path) {
    if matches!(paths::look(path), paths::PathKind::Folder) {
        let at = app.place(key);
        let message = format!("`{key}` {} is a folder", path.display());
        app.findings.add(Finding::error(at, message).hint("name a file in it"));
    }
}

/// What `time: true` means in PM2.
const TIME: &str = "YYYY-MM-DDTHH:mm:ss";

fn format(app: &mut AppFields<'_>) -> LogFormat {
    let mut stamp = match app.get("log_date_format").map(|field| &field.node.value) {
        // Falsy in JavaScript: no stamp.
        Some(Value::Bool(false)) => None,
        _ => app.text("log_date_format").map(str::to_owned),
    };
    if app.switch("time") == Some(true) {
        if stamp.as_deref().is_some_and(|stamp| stamp != TIME) {
            let at = app.place("time");
            app.warn(at, "`time` overrides `log_date_format`, as in PM2");
        }
        stamp = Some(TIME.to_owned());
    }
    match app.text("log_type") {
        Some("json") => return LogFormat::Json(stamp),
        None | Some("raw") => {}
        Some(other) => {
            let at = app.place("log_type");
            let message = format!("`log_type` {} is written as raw, as in PM2", quoted(other));
            app.findings.add(Finding::warning(at, message).hint("write \"json\" or \"raw\""));
        }
    }
    stamp.map_or(LogFormat::Raw, LogFormat::Stamped)
}
