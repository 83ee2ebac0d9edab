//! As whom each app runs, by name. An app without a user of its own runs as the daemon does, which only rows that name
//! no user say of themselves.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use pm_os::user::by_number;
use pm_protocol::Row;

use crate::session::Session;

/// Gives each row the name of its user; who has none in passwd(5) stays a number.
pub(crate) fn name(session: &Session, rows: Vec<&mut Row>) {
    let mut known = BTreeMap::new();
    let mut name = |uid: u32| -> Option<String> {
        known.entry(uid).or_insert_with(|| by_number(uid).map(|account| account.name).ok()).clone()
    };
    // A daemon serves no home but its own.
    let meta = std::fs::metadata(session.home.root());
    let its = meta.map_or_else(|_| rustix::process::geteuid().as_raw(), |meta| meta.uid());
    for row in rows {
        row.user = match row.user.take() {
            None => name(its),
            Some(user) => user.parse().ok().and_then(&mut name).or(Some(user)),
        };
    }
}
