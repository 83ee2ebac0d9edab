//! What starts an app anew although it runs.

use alloc::format;
use alloc::vec::Vec;

use super::Setting;
use super::flag::{
    FlagValue::{MaybeWords, Seconds},
    flag, on,
};
use super::row::{Jlist::Apart, KeySpec, field, key, special, word};
use crate::{AppSpec, ByteString, Ignore, Overlap, Span, Watch};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("max_memory_restart", "restarted when its processes together take more", field!(Size, limits.memory))
        .live()
        .flag(flag("--max-memory-restart", "SIZE", "Restart when the process tree uses more")),
    key("schedule", "a job: it runs to its end at these times, never when it is started, and by `pm run`; written as for `cron_restart`",
        special!(["string", "integer", "boolean"], |app| pattern_of(app, true), as_job))
        .beside(&["cron_timezone", "cron_after_stop", "catch_up", "random_delay"]).ousts(&["cron_restart"]).live().told_apart()
        .flag(flag("--schedule", "PATTERN", "Run it to its end at the times of this cron pattern, and not before").such_as("0 3 * * *")),
    key("overlap", "what becomes of a time of a `schedule` while it still runs: \"skip\", \"queue\" (once more, when it has ended), \"kill\"",
        word!(job.overlap, "\"skip\", \"queue\" or \"kill\"", ["skip" = Overlap::Skip, "queue" = Overlap::Queue, "kill" = Overlap::Kill]))
        .live()
        .flag(flag("--overlap", "HOW", "What a time of a schedule does while the job still runs: skip, queue or kill").such_as("queue")),
    key("time_limit", "a run of what is to end (`schedule`, `autorestart: false`) that takes longer is ended and has failed",
        special!(["integer", "string"], |app| app.job.time_limit.map_or(Setting::Unset, Setting::Span), |app, from| app.job.time_limit = from.job.time_limit))
        .live()
        .flag(flag("--time-limit", "TIME", "A run of a job that takes longer is ended and has failed").such_as("30m")),
    key("retries", "so often a run of what is to end is tried again if it failed; the pause is `restart_delay`, by default 1 s, 2 s ... 1 min",
        field!(Count, job.retries, 0))
        .live()
        .flag(flag("--retries", "N", "So often a job that failed is tried again").such_as("3")),
    key("cron_restart", "at these times: five fields, or six with seconds first; 0: never",
        special!(["string", "integer", "boolean"], |app| pattern_of(app, false), scheduled))
        .aliases(&["cron"]).beside(&["cron_timezone", "cron_after_stop", "catch_up", "random_delay"]).ousts(&["schedule"]).live().told_apart()
        .flag(flag("--cron-restart", "PATTERN", "Restart at the times of this cron pattern; 0: never").such_as("0 3 * * *").short('c').aliases(&["cron"])),
    key("cron_timezone", "a name such as Europe/Berlin; default: the machine's time zone",
        special!(["string"], |app| Setting::text(app.schedule.as_ref().and_then(|it| it.zone.as_deref())), scheduled))
        .aliases(&["cron_tz"]).beside(&["schedule", "cron_restart", "cron_after_stop", "catch_up", "random_delay"]).live().told_apart()
        .flag(flag("--cron-timezone", "ZONE", "Time zone of the pattern, such as Europe/Berlin; default: the machine's").such_as("UTC").aliases(&["cron-tz"])),
    key("cron_after_stop", "true: it is also started at these times after `pm stop`, as PM2 does",
        special!(["boolean"], |app| Setting::on(app.schedule.as_ref().is_some_and(|it| it.after_stop)), scheduled))
        .beside(&["schedule", "cron_restart", "cron_timezone", "catch_up", "random_delay"]).live().told_apart()
        .flag(on("--cron-after-stop", "Start at these times even what was stopped by a command")),
    key("catch_up", "a time that came while no daemon was there or the machine was off or slept is made up for, once",
        special!(["boolean"], |app| Setting::on(app.schedule.as_ref().is_some_and(|it| it.catch_up)), scheduled))
        .beside(&["schedule", "cron_restart", "cron_timezone", "cron_after_stop", "random_delay"]).live().told_apart()
        .flag(on("--catch-up", "Make up for a time of a schedule that came while nobody was there")),
    key("random_delay", "each time of a schedule is put off by something up to this",
        special!(["integer", "string"], |app| app.schedule.as_ref().map(|it| it.random_delay).filter(|delay| *delay != Span::ZERO).map_or(Setting::Unset, Setting::Span), scheduled))
        .beside(&["schedule", "cron_restart", "cron_timezone", "cron_after_stop", "catch_up"]).live().told_apart()
        .flag(flag("--random-delay", "TIME", "Put each time of a schedule off by something up to this").such_as("10m")),
    key("watch", "true: restarted when a file below `cwd` changes; or paths and globs",
        special!(["boolean", "string", "array"], |app| match &app.watch {
            Some(watch) if watch.on => (&watch.paths).into(),
            Some(_) | None => Setting::Unset,
        }, toggled))
        .live().told_apart().jlist(Apart)
        .flag(flag("--watch", "PATH", "Restart when files below the app's folder change, or below these paths (`--watch=src`)").takes(MaybeWords).such_as("src").over_file()),
    key("ignore_watch", "what does not count, besides dotfiles, node_modules, logs and caches; globs or /regex/",
        special!(["string", "array"], |app| of_watch(app, |watch| Setting::Words(watch.ignore.iter().map(pattern).collect())),
            |app, from| part(app, from, |watch, from| watch.ignore.clone_from(&from.ignore))))
        .live()
        .flag(flag("--ignore-watch", "LIST", "Globs and regular expressions of files that do not count, separated by blanks").such_as("tmp")),
    key("ext", "only files with these endings count; default: all",
        special!(["string", "array"], |app| of_watch(app, |watch| (&watch.extensions).into()),
            |app, from| part(app, from, |watch, from| watch.extensions.clone_from(&from.extensions))))
        .live()
        .flag(flag("--ext", "LIST", "Only files with these endings count (js,ts)").such_as("js,ts")),
    key("watch_delay", "so long nothing more must change; at least 200 ms",
        special!(["integer", "string"], |app| of_watch(app, |watch| Setting::Span(watch.delay)),
            |app, from| part(app, from, |watch, from| watch.delay = from.delay)))
        .live()
        .flag(flag("--watch-delay", "TIME", "How long it must be quiet before the restart: seconds, or 500ms").takes(Seconds).such_as("500ms")),
    key("watch_options", "usePolling: looks itself every `interval`, for network file systems; followSymlinks",
        special!(["object"], |app| of_watch(app, options), |_, _| ()))
        .live().jlist(Apart),
];

fn scheduled(app: &mut AppSpec, from: &AppSpec) {
    app.schedule.clone_from(&from.schedule);
}

/// A job is not restarted when it has ended.
fn as_job(app: &mut AppSpec, from: &AppSpec) {
    scheduled(app, from);
    app.restart.autorestart &= from.restart.autorestart;
}

/// The pattern of a job, or of an app that the clock starts anew.
fn pattern_of(app: &AppSpec, job: bool) -> Setting {
    let schedule = app.schedule.as_ref().filter(|it| it.job == job);
    Setting::text(schedule.map(|it| it.pattern.as_str()))
}

/// PM2: on a known app the flag turns watching on, and off again.
fn toggled(app: &mut AppSpec, from: &AppSpec) {
    app.watch = match app.watch.take() {
        Some(watch) if watch.on => Some(Watch { on: false, ..watch }),
        Some(_) | None => from.watch.clone(),
    };
}

/// Takes one thing over; the rest of what is watched stays.
fn part(app: &mut AppSpec, from: &AppSpec, take: fn(&mut Watch, &Watch)) {
    match (&mut app.watch, &from.watch) {
        (Some(watch), Some(from)) => take(watch, from),
        (None, Some(from)) => app.watch = Some(from.clone()),
        (_, None) => {}
    }
}

fn of_watch(app: &AppSpec, value: fn(&Watch) -> Setting) -> Setting {
    app.watch.as_ref().map_or(Setting::Unset, value)
}

/// As it would be written.
fn pattern(ignore: &Ignore) -> ByteString {
    match ignore {
        Ignore::Glob(glob) => glob.clone(),
        Ignore::Regex(regex) => format!("/{regex}/").into(),
    }
}

fn options(watch: &Watch) -> Setting {
    let mut words = Vec::new();
    if let Some(span) = watch.poll {
        words.push(format!("looks every {span}").into());
    }
    if !watch.follow_links {
        words.push("follows no links".into());
    }
    Setting::Words(words)
}
