//! Where the output of a program of Supervisor goes.

use pm_spec::AppName;

use super::options::{SectionOptions, shown};
use super::values;
use crate::caller::Caller;
use crate::diagnose::Finding;
use crate::paths;
use crate::tree::{TableEntry, Value};

/// Where one stream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
    /// A file of ours.
    Own,
    Nowhere,
    File(String),
}

/// The entries of an app's table that say so.
pub(crate) fn entries(
    options: &mut SectionOptions<'_>,
    name: &AppName,
    caller: &Caller,
) -> Vec<TableEntry> {
    let mut out = destination(options, "stdout", caller);
    let mut error = destination(options, "stderr", caller);
    if options.switch("redirect_stderr", false) {
        if out == Destination::Own {
            let file = caller.logs.join(format!("{}-out.log", name.in_file_names()));
            out = Destination::File(shown(&file));
        }
        if matches!(error, Destination::File(_)) {
            let at = options.place("stderr_logfile");
            let message = "`stderr_logfile` has no effect beside `redirect_stderr`";
            options.findings.add(Finding::warning(at, message));
        }
        error = out.clone();
    }
    let mut entries = Vec::new();
    for (key, option, to) in
        [("out_file", "stdout_logfile", &out), ("error_file", "stderr_logfile", &error)]
    {
        let at = options.place(option);
        match to {
            Destination::Own => {}
            Destination::Nowhere => entries.push(TableEntry::new(key, at, Value::text("NULL"))),
            Destination::File(path) => {
                entries.push(TableEntry::new(key, at, Value::text(path.as_str())));
            }
        }
    }
    entries.extend(rotation(options, &out, &error));
    entries
}

fn destination(options: &mut SectionOptions<'_>, stream: &str, caller: &Caller) -> Destination {
    let syslog = options.switch(&format!("{stream}_syslog"), false);
    let Some(text) = options.text(&format!("{stream}_logfile")) else { return Destination::Own };
    match text.to_lowercase().as_str() {
        // What was to go to syslog alone is not lost.
        "none" | "off" if !syslog => Destination::Nowhere,
        "none" | "off" | "auto" | "syslog" => Destination::Own,
        _ if values::is_own_output(&text) => Destination::Own,
        _ => Destination::File(shown(&paths::written(&text.into(), &caller.cwd, &caller.env))),
    }
}

/// One rule serves both streams here: the larger of both, if they differ.
fn rotation(
    options: &mut SectionOptions<'_>,
    out: &Destination,
    error: &Destination,
) -> Vec<TableEntry> {
    const SIZE: u64 = 50 << 20;
    const KEPT: i64 = 10;
    let mut of = |stream: &str| {
        let size = options.read(&format!("{stream}_logfile_maxbytes"), WHAT, values::size);
        (size.unwrap_or(SIZE), options.number(&format!("{stream}_logfile_backups"), KEPT, 0))
    };
    let (first, second) = (of("stdout"), of("stderr"));
    let is_one = out == error || *error == Destination::Nowhere || first == second;
    let (size, kept) = if *out == Destination::Nowhere {
        second
    } else if is_one {
        first
    } else {
        let said = |key: &&&str| options.option(key).is_some();
        let key = ["stderr_logfile_maxbytes", "stderr_logfile_backups", "stdout_logfile_maxbytes"];
        let at = key.iter().find(said).map_or(options.section.at, |key| options.place(key));
        let message =
            "standard output and error have other limits; the larger one counts for both here";
        options.findings.add(Finding::warning(at, message));
        let endless = first.0 == 0 || second.0 == 0;
        (if endless { 0 } else { first.0.max(second.0) }, first.1.max(second.1))
    };
    let size_at = options.place("stdout_logfile_maxbytes");
    let kept_at = options.place("stdout_logfile_backups");
    let size = if size == 0 { Value::Bool(false) } else { Value::Integer(size.into()) };
    vec![
        TableEntry::new("log_max_size", size_at, size),
        TableEntry::new("log_keep", kept_at, Value::Integer(kept.into())),
        TableEntry::new("log_compress", options.section.at, Value::Bool(false)),
    ]
}

const WHAT: &str = "a size such as 50MB, 0 for none";
