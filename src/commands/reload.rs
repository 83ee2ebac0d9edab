//! `pm reload`: as `pm restart`, one instance after the other.

use pm_protocol::{Existing, Reload};

use crate::cli::RestartArgs;
use crate::commands::restart;
use crate::commands::support::resend;
use crate::failure::Failure;
use crate::report::Report;
use crate::session::{Session, environment};

pub(super) fn run(session: &Session, args: &RestartArgs) -> Result<Report, Failure> {
    restart::again(session, args, ("reloading", Existing::Reload), |client, select| {
        let env = args.flags.update_env.then(environment);
        resend::renew(client, &Reload { select, env, force: args.flags.force })
    })
}
