//! `pm set KEY VALUE`; without both, the file is edited.

use pm_pm2::settings::Key;

use crate::cli::SetArgs;
use crate::commands::support::settings::{change, edit};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &SetArgs) -> Result<Report, Failure> {
    match (&args.key, &args.value) {
        (Some(key), Some(value)) => change(session, &[(Key::parse(key)?, value.clone())]),
        (Some(key), None) => Err(Failure::input(format!("set {key} to what?")).hint(format!(
            "`pm set {key} VALUE`; `pm get {key}` shows it, `pm unset {key}` removes it"
        ))),
        (None, _) => edit(session),
    }
}
