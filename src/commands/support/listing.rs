//! How things stand, for showing after something was done.

use pm_client::Client;
use pm_protocol::{List, Listing, Row};

use crate::commands::support::users;
use crate::prelude::{Failure, Session, quick};
use crate::render::list::Order;

/// The list; `None` where nobody wants to see it.
pub(crate) fn now(session: &Session, client: &mut Client) -> Result<Option<Listing>, Failure> {
    if session.console.json || session.console.silent {
        return Ok(None);
    }
    let list = List { select: Vec::new(), usage: true, host: false };
    let mut listing = quick(client, &list)?;
    Order::NAME.sort(&mut listing.rows);
    users::name(session, listing.rows.iter_mut().collect());
    session.heed(&listing);
    Ok(Some(listing))
}

/// Every row there is.
pub(crate) fn rows(client: &mut Client) -> Result<Vec<Row>, Failure> {
    Ok(quick(client, &List { select: Vec::new(), usage: false, host: false })?.rows)
}
