//! Commands that are run when something happens to an app, as written in a config.

use pm_spec::{AppSpec, HookEvent};

use crate::command::{self, CommandPlace};
use crate::fields::AppFields;

/// Reads them all.
pub(crate) fn settle(app: &mut AppFields<'_>, place: CommandPlace<'_>, spec: &mut AppSpec) {
    let one = |event: HookEvent| {
        let field = app.get(event.key())?;
        Some((event, command::words(app, field, place)?))
    };
    spec.hooks = HookEvent::ALL.into_iter().filter_map(one).collect();
    spec.pre_start = app.get("pre_start").and_then(|field| command::timed(app, field, place));
}
