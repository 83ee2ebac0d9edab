//! `pm monitor`: PM2 marks apps for its hosted dashboard. Here scripts find the mark, and that is all.

use std::collections::{BTreeMap, BTreeSet};

use pm_pm2::absent;
use pm_protocol::Status;
use pm_spec::AppSpec;

use crate::cli::SelectArgs;
use crate::commands::support::described::described;
use crate::commands::support::{listing, resend, selectors};
use crate::prelude::{Failure, Report, Session};
use crate::render::outcomes::Completed;

pub(super) fn run(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    let told = "marked; PM2's hosted dashboard, which would look at it, is not part of pm";
    mark(session, args, (true, told))
}

/// Marks apps, or takes the mark away.
pub(super) fn mark(
    session: &Session,
    args: &SelectArgs,
    (is_set, told): (bool, &'static str),
) -> Result<Report, Failure> {
    if args.apps.is_empty() {
        return Err(absent::HOSTED.refusal().into());
    }
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let rows = listing::rows_of(&mut client, select)?;
    let meant: BTreeSet<_> = rows.into_iter().map(|row| row.id).collect();
    let mut apps: BTreeMap<_, AppSpec> = BTreeMap::new();
    for one in described(&mut client, Vec::new())?.descriptions {
        let key = (one.row.name, one.row.namespace);
        if !meant.contains(&one.row.id) {
            continue;
        }
        // What is down would be started with its new spec.
        if one.row.status != Status::Online {
            let message = format!("could not mark {}: {} is not online", key.0, one.row.id);
            return Err(Failure::failed(message).hint("start it first"));
        }
        let spec = apps.entry(key).or_insert(one.spec);
        spec.serving.marks.insert(one.row.slot, is_set);
    }
    resend::change(&mut client, apps.into_values().collect())?;
    let listing = listing::now(session, &mut client)?;
    Ok(Completed { listing, ..Completed::nothing(told) }.report(session.console))
}
