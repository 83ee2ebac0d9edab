//! `pm reset`: counters begin anew.

use pm_protocol::Reset;

use crate::cli::SelectArgs;
use crate::commands::support::{listing, selectors};
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::outcomes::Done;

pub(super) fn run(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    if args.apps.is_empty() {
        return Err(Failure::input("reset what?").hint("`pm reset NAME`, or `pm reset all`"));
    }
    let Some(mut client) = session.find_for(&args.apps)? else {
        return Ok(Done::nothing("nothing to reset").report(session.console));
    };
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let outcomes = quick(&mut client, &Reset { select })?.outcomes;
    // Nothing to reset is no failure in PM2 either.
    let listing = listing::now(session, &mut client)?;
    Ok(Done { outcomes, listing, ..Done::nothing("nothing to reset") }.report(session.console))
}
