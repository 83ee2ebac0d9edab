//! Where an app's output goes and in which form.

use super::Setting;
use super::flag::{Flag, FlagValue};
use super::row::{Jlist, KeySpec, field, special, word};
use crate::{LogFormat, LogFull, LogTarget};

pub(super) const KEYS: &[KeySpec] = &[
    KeySpec::new(
        "out_file",
        "standard output, seen from `cwd`; `NULL`: nowhere; default: logs/NAME-out.log in PM_HOME",
        special!(["string"], |app| target(&app.logs.out), |app, from| {
            app.logs.out = from.logs.out.clone();
        }),
    )
    .aliases(&["out", "output", "out_log"])
    .told_apart()
    .jlist(Jlist::Never)
    .ousts(&["disable_logs"])
    .flag(
        Flag::word("--output", "FILE", "File for standard output").such_as("given-out.log")
            .takes(FlagValue::Path)
            .short('o')
            .aliases(&["out-file"]),
    ),
    KeySpec::new(
        "error_file",
        "standard error likewise; default: logs/NAME-error.log in PM_HOME",
        special!(["string"], |app| target(&app.logs.error), |app, from| {
            app.logs.error = from.logs.error.clone();
        }),
    )
    .aliases(&["error", "err", "err_file", "err_log"])
    .told_apart()
    .jlist(Jlist::Never)
    .ousts(&["disable_logs"])
    .flag(
        Flag::word("--error", "FILE", "File for standard error").such_as("given-error.log")
            .takes(FlagValue::Path)
            .short('e')
            .aliases(&["error-file"]),
    ),
    KeySpec::new(
        "log_file",
        "true or a path: both streams in one file as well",
        special!(["string", "boolean"], |app| Setting::text(app.logs.combined.clone()), |app, from| {
            app.logs.combined.clone_from(&from.logs.combined);
        }),
    )
    .aliases(&["log"])
    .told_apart()
    .jlist(Jlist::Never)
    .ousts(&["disable_logs"])
    .flag(
        Flag::word("--log", "FILE", "File for both, in addition").such_as("given.log")
            .takes(FlagValue::MaybePath)
            .short('l')
            .aliases(&["log-file"]),
    ),
    KeySpec::new(
        "merge_logs",
        "true: one file for all instances instead of one each with -ID; default: unless `instances` is set",
        field!(Switch, logs.merge),
    )
    .aliases(&["combine_logs"])
    .jlist(Jlist::Always)
    .flag(Flag::on("--merge-logs", "One file for all instances")),
    KeySpec::new(
        "disable_logs",
        "true: all output is dropped",
        special!(["boolean"], |_| Setting::Unset, |app, from| {
            app.logs.out = from.logs.out.clone();
            app.logs.error = from.logs.error.clone();
            app.logs.combined.clone_from(&from.logs.combined);
        }),
    )
    .told_apart()
    .jlist(Jlist::Apart)
    .flag(Flag::on("--disable-logs", "Keep no output")),
    KeySpec::new(
        "log_type",
        "`json`: one object a line",
        special!(
            ["string"],
            |app| match &app.logs.format {
                LogFormat::Json(_) => Setting::text(Some("json")),
                LogFormat::Raw | LogFormat::Stamped(_) => Setting::Unset,
            },
            |app, from| app.logs.format = from.logs.format.clone()
        ),
    )
    .beside(&["log_date_format"])
    .told_apart()
    .flag(Flag::word("--log-type", "TYPE", "How lines are written: raw or json").such_as("json")),
    KeySpec::new(
        "log_date_format",
        "stamps each line; day.js tokens",
        special!(
            ["string", "boolean"],
            |app| match &app.logs.format {
                LogFormat::Stamped(stamp) | LogFormat::Json(Some(stamp)) => {
                    Setting::text(Some(stamp.as_str()))
                }
                LogFormat::Raw | LogFormat::Json(None) => Setting::Unset,
            },
            |app, from| app.logs.format = from.logs.format.clone()
        ),
    )
    .beside(&["log_type"])
    .told_apart()
    .ousts(&["time"])
    .flag(Flag::word(
        "--log-date-format",
        "FORMAT",
        "A time before each line, in this day.js format",
    ).such_as("YYYY-MM-DD")),
    KeySpec::new(
        "time",
        "true: the stamp YYYY-MM-DDTHH:mm:ss",
        special!(["boolean"], |_| Setting::Unset, |app, from| {
            app.logs.format = from.logs.format.clone();
        }),
    )
    .beside(&["log_type"])
    .nowhere()
    .ousts(&["log_date_format"])
    .flag(Flag::on("--time", "A time before each line")),
    KeySpec::new(
        "log_max_size",
        "a file of this size is rotated; false: never",
        field!(Size, logs.rotation.max_size),
    )
    .live(),
    KeySpec::new(
        "log_keep",
        "so many rotated files are kept",
        field!(Count, logs.rotation.keep, 1),
    )
    .live(),
    KeySpec::new("log_compress", "rotated files are gzipped", field!(Switch, logs.rotation.compress))
        .live(),
    KeySpec::new(
        "log_full",
        "while the disk is full: `drop` counts output and drops it, `block` lets the app wait",
        word!(
            logs.full,
            "\"drop\" or \"block\"",
            ["drop", "block"],
            |text| match text {
                "drop" => Some(LogFull::Drop),
                "block" => Some(LogFull::Block),
                _ => None,
            },
            |full: &LogFull| Setting::text(Some(match full {
                LogFull::Drop => "drop",
                LogFull::Block => "block",
            }))
        ),
    )
    .live(),
    KeySpec::new(
        "pid_file",
        "holds its pid while it runs, -ID before the dot; default: pids/NAME.pid in PM_HOME",
        special!(["string"], |app| Setting::text(app.pid_file.clone()), |app, from| {
            app.pid_file.clone_from(&from.pid_file);
        }),
    )
    .aliases(&["pid"])
    .told_apart()
    .jlist(Jlist::Never)
    .flag(
        Flag::word("--pid", "FILE", "File that holds the pid").such_as("given.pid")
            .takes(FlagValue::Path)
            .short('p')
            .aliases(&["pid-file"]),
    ),
];

fn target(target: &LogTarget) -> Setting {
    match target {
        LogTarget::File(path) => Setting::Text(path.clone()),
        LogTarget::Discard => Setting::Unset,
    }
}
