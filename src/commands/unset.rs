//! `pm unset KEY`; what was not set is no error (PM2).

use pm_pm2::settings::SettingKey;

use crate::cli::UnsetArgs;
use crate::commands::support::settings::{page, store};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &UnsetArgs) -> Result<Report, Failure> {
    let key = SettingKey::parse(&args.key)?;
    let book =
        store(session, |book| if args.key == "all" { book.clear() } else { book.unset(&key) })?;
    Ok(page(session.console, &book, None))
}
