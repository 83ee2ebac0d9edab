//! When an app starts, when it starts again, and how it stops.

use super::Setting;
use super::flag::{FlagValue::List, flag, off, on};
use super::row::{
    Jlist::{Always, Apart},
    KeyKind, KeySpec, MadeKey, field, key, special, word,
};
use crate::{Delay, Preset, ReloadOrder, RestartRule, Signal};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("wait_ready", "true: it is up when it has sent `ready` over its channel", field!(Switch, serving.wait_ready))
        .live()
        .flag(on("--wait-ready", "The app is up when it has sent `ready` over its channel")),
    key("listen_timeout", "so long a new process may take to be ready, or to listen in a reload", field!(Span, serving.listen_timeout))
        .knob("PM2_GRACEFUL_LISTEN_TIMEOUT").live().jlist(Always)
        .flag(flag("--listen-timeout", "TIME", "How long a new process may take to be ready, or to listen in a reload")),
    key("autostart", "false: it is only made known", field!(Switch, autostart))
        .live().jlist(Always)
        .flag(off("--no-autostart", "Only make the app known")),
    key("depends_on", "what comes before it: a list of names of apps, or NAME: { condition: `started`, `ready`, `healthy` or `completed_successfully`, required, restart }; also what is no app: tcp://HOST:PORT, http://..., unix://PATH, file://PATH or a path, { command: [...] }, with `timeout` and `required`",
        special!(["array", "object", "string"], |app| {
            let (apps, outside) = (app.depends_on.iter(), app.outside.iter());
            let outside = outside.map(alloc::string::ToString::to_string);
            Setting::Words(apps.map(alloc::string::ToString::to_string).chain(outside).map(Into::into).collect())
        }, |app, from| {
            app.depends_on.clone_from(&from.depends_on);
            app.outside.clone_from(&from.outside);
        }))
        .live(),
    key("restart", "no, always, unless-stopped, on-failure or on-failure:N (Compose): what `autorestart`, `stop_exit_codes` and `max_restarts` say one by one; with all but the last it is never given up. always: `resurrect` and a boot start it even if it had been stopped",
        KeyKind::Word(MadeKey {
            types: &["string", "boolean"],
            choices: &[],
            value: |app| Setting::text(Some(app.restart.rule).filter(|rule| !rule.is_unsaid()).map(|rule| alloc::format!("{rule}"))),
            take: |app, from| {
                let (app, from) = (&mut app.restart, &from.restart);
                (app.rule, app.autorestart, app.max_restarts) = (from.rule, from.autorestart, from.max_restarts);
                app.stop_exit_codes.clone_from(&from.stop_exit_codes);
            },
        }, "no, always, unless-stopped, on-failure or on-failure:N", |app, text| {
            RestartRule::parse(text).map(|rule| app.restart.follow(rule)).is_some()
        }))
        .ousts(&["autorestart"]).live()
        .flag(flag("--restart", "WHEN", "no, always, unless-stopped, on-failure or on-failure:N (Compose)").such_as("on-failure:3")),
    key("autorestart", "false: when it ends it stays stopped", field!(Switch, restart.autorestart))
        .live().told_apart().jlist(Always)
        .flag(off("--no-autorestart", "Do not restart the app when it ends")),
    key("max_restarts", "so many runs in a row shorter than `min_uptime`, and it is given up as errored", field!(Count, restart.max_restarts, 0))
        .live().told_apart().jlist(Always)
        .flag(flag("--max-restarts", "N", "So many short runs in a row are enough")),
    key("start_retries", "what ends within `min_uptime`, however, is tried again so often, after 1 s, 2 s, 3 s ..., and then given up as errored; what has lived longer is started again, no sooner than a second after it began, if `autorestart` and `stop_exit_codes` say so, without end (Supervisor: `startretries`). It takes the place of `max_restarts` and of the pauses",
        word!(restart.start_retries, "a whole number, 0 or more", |text: &str| text.parse::<u32>().ok().map(Some),
            |retries: &Option<u32>| retries.map_or(Setting::Unset, |retries| Setting::Count(retries.into()))))
        .live().told_apart(),
    key("flapping_limit", "so many runs in a row that were shorter than `min_uptime` or failed within 30 s are called out, once: the event `flapping`, and `on_flapping`", field!(Count, restart.flapping_limit, 1))
        .live(),
    key("min_uptime", "a run at least this long was a good one", field!(Span, restart.min_uptime))
        .live().told_apart().jlist(Always)
        .flag(flag("--min-uptime", "TIME", "A run at least this long is a success")),
    key("restart_delay", "always the same pause; default: none after an end with code 0, nor after the first failures in a row (ten; two of short runs); then one that grows: up to 1 s after short runs, up to 1.6 s until the thirtieth failure, at last 15 s. Whatever is set, after a thousand short runs or failures in a row it is no shorter than 1 s",
        special!(["integer", "string"], |app| match app.restart.delay {
            Delay::Fixed(span) => Setting::Span(span),
            Delay::Automatic | Delay::Exponential(_) => Setting::Unset,
        }, |app, from| app.restart.delay = from.restart.delay))
        .ousts(&["exp_backoff_restart_delay"]).live().told_apart()
        .flag(flag("--restart-delay", "TIME", "Pause before a restart").such_as("7s")),
    key("exp_backoff_restart_delay", "a pause that grows instead: this, then 1.5 times the last, up to 15 s",
        special!(["integer", "string"], |app| match app.restart.delay {
            Delay::Exponential(span) => Setting::Span(span),
            Delay::Automatic | Delay::Fixed(_) => Setting::Unset,
        }, |app, from| app.restart.delay = from.restart.delay))
        .ousts(&["restart_delay"]).live().told_apart()
        .flag(flag("--exp-backoff-restart-delay", "TIME", "Pause before a restart that grows").such_as("100ms")),
    key("stop_exit_codes", "exit codes that mean that it is done; it stays stopped", field!(Codes, restart.stop_exit_codes))
        .live().jlist(Always)
        .flag(flag("--stop-exit-codes", "CODES", "Exit codes after which the app stays stopped").takes(List)),
    key("preset", "the server it is: how it is stopped and reloaded follows where nothing is said of it; default: recognised by what is run; none: nothing follows",
        word!(preset, "gunicorn, uvicorn, hypercorn, granian, daphne, uwsgi, celery, django, flask, go or none", ["none" = Preset::None, "gunicorn" = Preset::Gunicorn,
            "uvicorn" = Preset::Uvicorn, "hypercorn" = Preset::Hypercorn, "granian" = Preset::Granian, "daphne" = Preset::Daphne,
            "uwsgi" = Preset::Uwsgi, "celery" = Preset::Celery,
            "django" = Preset::Django, "flask" = Preset::Flask, "go" = Preset::Go]))
        .live().told_apart()
        .flag(flag("--preset", "NAME", "The server it is, if that is not recognised; none: like any other program").such_as("gunicorn")),
    key("reload_signal", "has its main process replace its workers by ones with the new code: `pm reload` sends it instead of making a new run; none: it does not",
        word!(reload_signal, "a signal such as \"SIGHUP\", or none", |text| match text {
            "none" => Some(None),
            text => Signal::parse(text).ok().map(Some),
        }, |signal: &Option<Signal>| Setting::text(signal.map(|signal| alloc::format!("{signal}")))))
        .live()
        .flag(flag("--reload-signal", "SIGNAL", "Signal by which the app replaces its workers; none: a reload is a restart").such_as("SIGHUP")),
    key("reload_order", "start-first: a reload begins the new run beside the old one, stop-first: it does not (Compose: `order`); default: start-first where both share their sockets",
        word!(reload.order, "start-first or stop-first", ReloadOrder::parse, |order: &ReloadOrder| Setting::text(order.as_str())))
        .live()
        .flag(flag("--reload-order", "ORDER", "Whether a reload begins the new run beside the old one (start-first) or after it (stop-first)").such_as("start-first")),
    key("reload_parallelism", "so many instances are reloaded at once (Compose: `parallelism`); default: one, of more than two cluster workers two", field!(Count, reload.parallelism, 1))
        .live()
        .flag(flag("--reload-parallelism", "N", "So many instances are reloaded at once")),
    key("reload_canary", "so many instances are reloaded first, and the others only once these have been up for `reload_monitor`; if one fails it is taken back and no other is touched (Nomad: `canary`)", field!(Count, reload.canary, 0))
        .live()
        .flag(flag("--reload-canary", "N", "So many instances are reloaded and watched before the others")),
    key("reload_monitor", "so long a reload keeps the old run beside a new one that is ready: if that ends, is unhealthy or too big, the old one serves again and the reload has failed (Compose: `monitor`)", field!(Span, reload.monitor))
        .live()
        .flag(flag("--reload-monitor", "TIME", "How long a reload watches the new run before the old one goes").such_as("10s")),
    key("kill_signal", "asks its first process to stop; a shell's command gets it as well",
        word!(stop.signal, "a signal such as \"SIGTERM\" or 15", |text| Signal::parse(text).ok(),
            |signal: &Signal| Setting::text(Some(alloc::format!("{signal}")))))
        .knob("PM2_KILL_SIGNAL").live().told_apart().jlist(Always)
        .flag(flag("--kill-signal", "SIGNAL", "Signal that asks the app to stop").such_as("SIGTERM")),
    key("kill_timeout", "after so long it is killed", field!(Span, stop.timeout))
        .knob("PM2_KILL_TIMEOUT").live().told_apart().jlist(Always)
        .flag(flag("--kill-timeout", "TIME", "Kill after so long").short('k')),
    key("shutdown_with_message", "true: it is asked by the message `shutdown` on its channel instead of the signal", field!(Switch, stop.by_message))
        .knob("PM2_KILL_USE_MESSAGE").live().jlist(Always)
        .flag(on("--shutdown-with-message", "Stop a Node app by a message")),
    key("treekill", "false: only its first process is asked, not all of them; else its children are once it has gone, and all are killed in the end", field!(Switch, stop.tree))
        .live().told_apart().jlist(Always)
        .flag(off("--no-treekill", "Signal only the main process")),
    key("post_update", "shell lines in the repository after `pm pull`, before the reload", special!(["array", "string"], |_| Setting::Unset, |_, _| ()))
        .idle().told_apart().jlist(Apart),
];
