//! As whom each app runs, by name. An app without a user of its own runs as the daemon does, which only rows that name
//! no user say of themselves.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use pm_os::user::by_number;
use pm_protocol::Row;

use crate::session::Session;

/// Names of users by number, each looked up once.
#[derive(Default)]
pub(crate) struct UserNames(BTreeMap<u32, Option<String>>);

impl UserNames {
    /// `None`: he is not in passwd(5).
    pub(crate) fn of(&mut self, uid: u32) -> Option<String> {
        let name = || by_number(uid).map(|account| account.name).ok();
        self.0.entry(uid).or_insert_with(name).clone()
    }
}

/// Gives each row the name of its user; who has none in passwd(5) stays a number.
pub(crate) fn name(session: &Session, rows: Vec<&mut Row>) {
    let mut names = UserNames::default();
    // A daemon serves no home but its own.
    let meta = std::fs::metadata(session.home.root());
    let its = meta.map_or_else(|_| rustix::process::geteuid().as_raw(), |meta| meta.uid());
    for row in rows {
        row.user = match row.user.take() {
            None => names.of(its),
            Some(user) => user.parse().ok().and_then(|uid| names.of(uid)).or(Some(user)),
        };
    }
}
