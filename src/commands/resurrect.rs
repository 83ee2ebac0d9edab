//! `pm resurrect`: the saved list is up again.

use crate::cli::ResurrectArgs;
use crate::commands::logs::Form;
use crate::commands::support::foreground::{self, Scope, Stay};
use crate::commands::support::resurrection;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &ResurrectArgs) -> Result<Report, Failure> {
    if args.no_daemon && session.find()?.is_none() {
        let form = Form::new(session.console, false).stamped("HH:mm:ss");
        // Whatever is started beside the saved list ends with us, too.
        return foreground::stay(session, &Stay::new(Vec::new(), form, Scope::All));
    }
    resurrection::run(session)
}
