//! Where an app's output goes and in which form.

use super::Setting;
use super::flag::{
    FlagValue::{MaybePath, Path},
    flag, on,
};
use super::row::{
    Jlist::{Always, Apart, Never},
    KeySpec, field, key, made, special, via, word,
};
use crate::{AppSpec, LogFormat, LogFull};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("out_file", "standard output, seen from `cwd`; `NULL`: nowhere; default: logs/NAME-out.log in PM_HOME", made!(["string"], logs.out))
        .aliases(&["out", "output", "out_log"]).ousts(&["disable_logs"]).told_apart().jlist(Never)
        .flag(flag("--output", "FILE", "File for standard output").such_as("given-out.log").takes(Path).short('o').aliases(&["out-file"])),
    key("error_file", "standard error likewise; default: logs/NAME-error.log in PM_HOME", made!(["string"], logs.error))
        .aliases(&["error", "err", "err_file", "err_log"]).ousts(&["disable_logs"]).told_apart().jlist(Never)
        .flag(flag("--error", "FILE", "File for standard error").such_as("given-error.log").takes(Path).short('e').aliases(&["error-file"])),
    key("log_file", "true or a path: both streams in one file as well", made!(["string", "boolean"], logs.combined))
        .aliases(&["log"]).ousts(&["disable_logs"]).told_apart().jlist(Never)
        .flag(flag("--log", "FILE", "File for both, in addition").such_as("given.log").takes(MaybePath).short('l').aliases(&["log-file"])),
    key("merge_logs", "true: one file for all instances instead of one each with -ID; default: unless `instances` is set", field!(Switch, logs.merge))
        .aliases(&["combine_logs"]).jlist(Always)
        .flag(on("--merge-logs", "One file for all instances")),
    key("disable_logs", "true: all output is dropped", special!(["boolean"], |_| Setting::Unset, discarded))
        .told_apart().jlist(Apart)
        .flag(on("--disable-logs", "Keep no output")),
    key("log_type", "`json`: one object a line",
        special!(["string"], |app| match &app.logs.format {
            LogFormat::Json(_) => Setting::text(Some("json")),
            LogFormat::Raw | LogFormat::Stamped(_) => Setting::Unset,
        }, |app, from| app.logs.format = from.logs.format.clone()))
        .beside(&["log_date_format"]).told_apart()
        .flag(flag("--log-type", "TYPE", "How lines are written: raw or json").such_as("json")),
    key("log_date_format", "stamps each line; day.js tokens",
        special!(["string", "boolean"], |app| match &app.logs.format {
            LogFormat::Stamped(stamp) | LogFormat::Json(Some(stamp)) => Setting::text(Some(stamp.as_str())),
            LogFormat::Raw | LogFormat::Json(None) => Setting::Unset,
        }, |app, from| app.logs.format = from.logs.format.clone()))
        .beside(&["log_type"]).ousts(&["time"]).told_apart()
        .flag(flag("--log-date-format", "FORMAT", "A time before each line, in this day.js format").such_as("YYYY-MM-DD")),
    key("time", "true: the stamp YYYY-MM-DDTHH:mm:ss", via!(["boolean"], logs.format))
        .beside(&["log_type"]).ousts(&["log_date_format"]).nowhere()
        .flag(on("--time", "A time before each line")),
    key("log_max_size", "a file of this size is rotated; false: never", field!(Size, logs.rotation.max_size)).live(),
    key("log_keep", "so many rotated files are kept", field!(Count, logs.rotation.keep, 1)).live(),
    key("log_compress", "rotated files are gzipped", field!(Switch, logs.rotation.compress)).live(),
    key("log_full", "while the disk is full: `drop` counts output and drops it, `block` lets the app wait",
        word!(logs.full, "\"drop\" or \"block\"", ["drop" = LogFull::Drop, "block" = LogFull::Block]))
        .live(),
    key("pid_file", "holds its pid while it runs, -ID before the dot; default: pids/NAME.pid in PM_HOME", made!(["string"], pid_file))
        .aliases(&["pid"]).told_apart().jlist(Never)
        .flag(flag("--pid", "FILE", "File that holds the pid").such_as("given.pid").takes(Path).short('p').aliases(&["pid-file"])),
];

fn discarded(app: &mut AppSpec, from: &AppSpec) {
    app.logs.out = from.logs.out.clone();
    app.logs.error = from.logs.error.clone();
    app.logs.combined.clone_from(&from.logs.combined);
}
