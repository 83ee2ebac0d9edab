//! `pm unset KEY`; what was not set is no error (PM2). A variable that an app had by it is gone with it.

use pm_pm2::settings::SettingKey;

use crate::cli::UnsetArgs;
use crate::commands::support::settings::remove;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &UnsetArgs) -> Result<Report, Failure> {
    let key = SettingKey::parse(&args.key)?;
    remove(session, Some(&key).filter(|_| args.key != "all"))
}
