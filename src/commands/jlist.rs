//! `pm jlist`: the list in PM2's shape.

use pm_protocol::Descriptions;
use serde_json::Value;

use crate::commands::support::described::described;
use crate::commands::support::{nodes, resend, users};
use crate::failure::Failure;
use crate::report::Report;
use crate::session::Session;
use pm_pm2::jlist;

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let entries = entries(session)?;
    Ok(Report::new(session.console, || format!("{entries}\n"), || entries.clone()))
}

/// Everything there is, as PM2 has it.
pub(super) fn entries(session: &Session) -> Result<Value, Failure> {
    let all = everything(session)?;
    Ok(jlist::entries(&all, &nodes::versions(&all)))
}

fn everything(session: &Session) -> Result<Descriptions, Failure> {
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        return Ok(Descriptions { descriptions: Vec::new(), now: resend::now() });
    };
    let mut all = described(&mut client, Vec::new())?;
    users::name(session, all.descriptions.iter_mut().map(|one| &mut one.row).collect());
    Ok(all)
}
