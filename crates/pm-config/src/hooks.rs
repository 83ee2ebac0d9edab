//! Commands that are run when something happens to an app, as written in a config.

use pm_spec::{HookCommands, HookEvent};

use crate::command::{self, Place};
use crate::fields::AppFields;

/// Reads them all.
pub(crate) fn read(app: &mut AppFields<'_>, place: Place<'_>) -> HookCommands {
    let one = |event: HookEvent| {
        let field = app.get(event.key())?;
        Some((event, command::words(app, field, place)?))
    };
    HookEvent::ALL.into_iter().filter_map(one).collect()
}
