//! `pm stop`.

use std::collections::BTreeMap;

use pm_client::{Client, Deadline};
use pm_protocol::{Status, Stop};
use pm_spec::{AppSpec, Select, Watch};

use crate::cli::TargetArgs;
use crate::commands::support::described::described;
use crate::commands::support::{finish, listing, progress, resend, targets};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &TargetArgs) -> Result<Report, Failure> {
    let Some((mut client, select)) = targets::meant(session, args)? else {
        return finish::nothing(session, "nothing to stop");
    };
    if session.called_as.is_pm2() {
        unwatch(&mut client, &select)?;
    }
    let call = Stop { select };
    let done = progress::during(session, "stopping", || client.call(&call, Deadline::NEVER))?;
    finish::report(session, &mut client, done.outcomes, u64::MAX, "nothing to stop")
}

/// A stop takes the watch away for good (PM2): a start by name does not bring it back, `--watch` does. Apps of which an
/// instance is left stay watched.
fn unwatch(client: &mut Client, select: &[Select]) -> Result<(), Failure> {
    // A word that means nothing is refused by the stop itself.
    let Ok(rows) = listing::rows_of(client, select.to_vec()) else { return Ok(()) };
    if !rows.iter().any(|row| row.watching) {
        return Ok(());
    }
    let meant: Vec<u32> = rows.iter().map(|row| row.id).collect();
    let mut apps: BTreeMap<_, AppSpec> = BTreeMap::new();
    let all = described(client, Vec::new())?.descriptions;
    let is_kept = |app: &AppSpec| {
        let own = all
            .iter()
            .filter(|one| (&one.spec.name, &one.spec.namespace) == (&app.name, &app.namespace));
        // What is down would be started with its new spec.
        own.clone().any(|one| !meant.contains(&one.row.id) || one.row.status != Status::Online)
    };
    for one in all.iter().filter(|one| one.row.watching && !is_kept(&one.spec)) {
        let app =
            apps.entry((&one.row.name, &one.row.namespace)).or_insert_with(|| one.spec.clone());
        app.watch = app.watch.take().map(|watch| Watch { on: false, ..watch });
    }
    if !apps.is_empty() {
        resend::change(client, apps.into_values().collect())?;
    }
    Ok(())
}
