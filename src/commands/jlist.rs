//! `pm jlist`: the list in PM2's shape.

use pm_pm2::jlist;
use pm_protocol::Descriptions;
use serde_json::Value;

use crate::commands::support::{described, nodes, resend};
use crate::prelude::{Failure, Report, Session};

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
    let Some(mut client) = session.find_to_list()? else {
        session.warn_of_rival();
        return Ok(Descriptions { descriptions: Vec::new(), now: resend::now() });
    };
    described::shown(session, &mut client, Vec::new())
}
