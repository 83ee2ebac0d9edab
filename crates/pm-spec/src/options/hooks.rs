//! Commands that are run when something happens to an app.

use alloc::format;
use alloc::vec::Vec;

use super::Setting;
use super::row::{KeySpec, key, special};
use crate::{AppSpec, HookEvent, HookStage, TimedCommand};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("pre_start", "run to its end before each run begins, as the app, with its variables; one that fails or takes longer than `timeout` (30 s) fails the start: a shell line, a program and its arguments, or { command, timeout }",
        special!(["string", "array", "object"], |app| timed(app.pre_start.as_ref()), |app, from| app.pre_start.clone_from(&from.pre_start)))
        .live(),
    key("post_start", "run once a run is ready, in the same form; a failure is told (`why`, `events`) and ends nothing, and no start waits for it",
        special!(["string", "array", "object"], |app| staged(app, HookStage::PostStart), |app, from| stage(app, from, HookStage::PostStart)))
        .live(),
    key("pre_stop", "run before a run is asked to go, in the same form; the stop signal follows when it has ended, failed, or taken longer than `timeout` (30 s)",
        special!(["string", "array", "object"], |app| staged(app, HookStage::PreStop), |app, from| stage(app, from, HookStage::PreStop)))
        .live(),
    key("post_stop", "run when nobody of a run is left, however it ended, and before the next one begins, in the same form",
        special!(["string", "array", "object"], |app| staged(app, HookStage::PostStop), |app, from| stage(app, from, HookStage::PostStop)))
        .live(),
    key("on_ready", "run when a run is ready: it has shown it (`ready`), or listens or has been up for `min_uptime`; a shell line, or a program and its arguments",
        special!(["string", "array"], |app| command(app, HookEvent::Ready), |app, from| take(app, from, HookEvent::Ready)))
        .live(),
    key("on_exit", "run when a run ended that nobody told to; a shell line, or a program and its arguments",
        special!(["string", "array"], |app| command(app, HookEvent::Exit), |app, from| take(app, from, HookEvent::Exit)))
        .live(),
    key("on_flapping", "run when as many runs in a row as `flapping_limit` says were short or failed",
        special!(["string", "array"], |app| command(app, HookEvent::Flapping), |app, from| take(app, from, HookEvent::Flapping)))
        .live(),
    key("on_gave_up", "run when it is errored: not tried again until a person asks",
        special!(["string", "array"], |app| command(app, HookEvent::GaveUp), |app, from| take(app, from, HookEvent::GaveUp)))
        .live(),
    key("on_unhealthy", "run when it is restarted because its health check failed too often",
        special!(["string", "array"], |app| command(app, HookEvent::Unhealthy), |app, from| take(app, from, HookEvent::Unhealthy)))
        .live(),
    key("on_job_failed", "run when a run of a job failed or took too long",
        special!(["string", "array"], |app| command(app, HookEvent::JobFailed), |app, from| take(app, from, HookEvent::JobFailed)))
        .live(),
];

fn timed(command: Option<&TimedCommand>) -> Setting {
    command.map_or(Setting::Unset, |it| {
        Setting::Text(format!("{}, within {}", it.line(), it.timeout).into())
    })
}

fn staged(app: &AppSpec, stage: HookStage) -> Setting {
    timed(app.staged.get(&stage))
}

fn stage(app: &mut AppSpec, from: &AppSpec, stage: HookStage) {
    app.staged.remove(&stage);
    app.staged.extend(from.staged.get(&stage).map(|command| (stage, command.clone())));
}

fn command(app: &AppSpec, event: HookEvent) -> Setting {
    Setting::Words(app.hooks.get(&event).cloned().unwrap_or_else(Vec::new))
}

fn take(app: &mut AppSpec, from: &AppSpec, event: HookEvent) {
    app.hooks.remove(&event);
    app.hooks.extend(from.hooks.get(&event).map(|command| (event, command.clone())));
}
