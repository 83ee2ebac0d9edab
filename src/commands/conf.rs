//! `pm conf`: `set`, `get` or the editor, by what is given (PM2).

use crate::cli::{GetArgs, SetArgs};
use crate::commands::{get, set};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &SetArgs) -> Result<Report, Failure> {
    match (&args.key, &args.value) {
        (Some(key), None) => get::run(session, &GetArgs { key: Some(key.clone()) }),
        (_, _) => set::run(session, args),
    }
}
