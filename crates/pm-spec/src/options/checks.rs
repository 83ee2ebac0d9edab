//! What an app has to show of itself.

use super::Setting;
use super::flag::flag;
use super::row::{Jlist::Apart, KeySpec, field, key, special, word};
use crate::OnUnhealthy;

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("ready", "it is up once this answers: an URL (http://, tcp://, unix://), or \"notify\": it says `READY=1` over `NOTIFY_SOCKET` itself; or an object with `log` (a line it prints: text or /regex/), or `http` (and `status`, `headers`, `host`, `socket`), `tcp`, `unix` or `exec`, and `timeout`",
        special!(["string", "object"], |app| Setting::text(app.checks.ready.as_ref().map(|it| alloc::format!("{it}"))),
            |app, from| app.checks.ready.clone_from(&from.checks.ready)))
        .live().jlist(Apart)
        .flag(flag("--ready", "URL", "The app is up once this answers: http://, tcp:// or unix://; or \"notify\"").such_as("tcp://localhost:8000")),
    key("ready_timeout", "so long `start`, `restart` and `reload` wait for `ready`", field!(Span, checks.ready_timeout))
        .live()
        .flag(flag("--ready-timeout", "TIME", "How long to wait for --ready")),
    key("healthcheck", "asks what is up again and again, as in Compose: an URL or a line for the shell, or an object with `test`, or `http`, `tcp`, `unix`, `exec` as in `ready`, and `interval`, `timeout`, `retries`, `start_period`, `start_interval`, `disable`",
        special!(["string", "object"], |app| Setting::text(app.checks.health.as_ref().map(|it| alloc::format!("{it}"))),
            |app, from| app.checks.health.clone_from(&from.checks.health)))
        .live().jlist(Apart),
    key("watchdog", "it has to say `WATCHDOG=1` over its notification socket at least so often (systemd: `WatchdogSec=`); who does not in time is unhealthy",
        special!(["integer", "string"], |app| app.checks.watchdog.map_or(Setting::Unset, Setting::Span), |app, from| app.checks.watchdog = from.checks.watchdog))
        .flag(flag("--watchdog", "TIME", "The app has to give a sign of life at least so often").such_as("10s")),
    key("unhealthy", "what follows when a healthcheck has failed too often, or a sign of life is missing: `restart`, or `none`",
        word!(checks.on_unhealthy, "\"restart\" or \"none\"", ["restart" = OnUnhealthy::Restart, "none" = OnUnhealthy::Nothing]))
        .live(),
];
