//! `pm unset KEY`; what was not set is no error (PM2).

use pm_pm2::settings::{Book, Key};

use crate::cli::UnsetArgs;
use crate::commands::support::settings::page;
use crate::launch;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &UnsetArgs) -> Result<Report, Failure> {
    launch::prepare(&session.home)?;
    let key = Key::parse(&args.key)?;
    let book = Book::change(&session.home.module_conf(), |book| {
        if args.key == "all" { book.clear() } else { book.unset(&key) }
    })?;
    Ok(page(session.console, &book, None))
}
