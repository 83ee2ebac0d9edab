//! Commands that are run when something happens to an app, as written in a config.

use pm_spec::{AppSpec, HookEvent, HookStage};

use crate::command::{self, CommandPlace};
use crate::fields::AppFields;

/// Reads them all.
pub(crate) fn settle(app: &mut AppFields<'_>, place: CommandPlace<'_>, spec: &mut AppSpec) {
    let one = |event: HookEvent| {
        let field = app.get(event.key())?;
        Some((event, command::words(app, field, place)?))
    };
    spec.hooks = HookEvent::ALL.into_iter().filter_map(one).collect();
    let mut timed = |key: &'static str| {
        let field = app.get(key)?;
        command::timed(app, field, place)
    };
    spec.pre_start = timed("pre_start");
    let staged = HookStage::ALL.into_iter().filter_map(|stage| Some((stage, timed(stage.key())?)));
    spec.staged = staged.collect();
}
