//! How things stand, for showing after something was done.

use std::collections::BTreeSet;

use pm_client::Client;
use pm_protocol::{List, Listing, Row};
use pm_spec::Select;

use crate::commands::support::users;
use crate::prelude::{Failure, Session, quick};
use crate::render::list::SortOrder;

/// The list; `None` where nobody wants to see it.
pub(crate) fn now(session: &Session, client: &mut Client) -> Result<Option<Listing>, Failure> {
    if session.console.json || session.console.silent {
        return Ok(None);
    }
    used(session, client, Vec::new(), SortOrder::NAME).map(Some)
}

/// These in an order, with what they use and as whom they run.
pub(crate) fn used(
    session: &Session,
    client: &mut Client,
    select: Vec<Select>,
    order: SortOrder,
) -> Result<Listing, Failure> {
    let mut listing = quick(client, &List { select, usage: true, host: false })?;
    order.arrange(&mut listing.rows, |row| row);
    as_seen(session, listing.rows.iter_mut().collect());
    if let Some(warning) = &listing.warning {
        session.console.talk(&format!("warning: {warning}"));
    }
    Ok(listing)
}

/// Rows as people see them: with the names of users, and as PM2 without what PM2 says nothing of.
pub(crate) fn as_seen(session: &Session, mut rows: Vec<&mut Row>) {
    if session.called_as.is_pm2() {
        for row in rows.iter_mut().filter(|row| row.goes_round) {
            row.note = None;
        }
    }
    users::name(session, rows);
}

/// What the apps are called, each once, in order.
pub(crate) fn names(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

/// Every row there is.
pub(crate) fn rows(client: &mut Client) -> Result<Vec<Row>, Failure> {
    rows_of(client, Vec::new())
}

/// The rows of these; without any, all.
pub(crate) fn rows_of(client: &mut Client, select: Vec<Select>) -> Result<Vec<Row>, Failure> {
    Ok(quick(client, &List { select, usage: false, host: false })?.rows)
}
