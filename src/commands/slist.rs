//! `pm slist`: the machine's figures. The daemon measures them, because some need two looks.

use pm_pm2::inspect;
use pm_pm2::machine;
use pm_protocol::List;

use crate::cli::SlistArgs;
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::json::value;

pub(super) fn run(session: &Session, args: &SlistArgs) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    let listing = quick(&mut client, &List { select: Vec::new(), usage: false, host: true })?;
    let host = listing.host.unwrap_or_default();
    let text = || {
        if args.tree { machine::tree(&host) } else { inspect(&machine::machine(&host), &[]) + "\n" }
    };
    Ok(Report::new(session.console, text, || value(&host)))
}
