//! `pm reload`: as `pm restart`, one instance after the other.

use pm_protocol::{Existing, Reload};

use crate::cli::RestartArgs;
use crate::commands::restart;
use crate::commands::support::resend;
use crate::prelude::{Failure, Report, Session};
use crate::session::environment;

pub(super) fn run(session: &Session, args: &RestartArgs) -> Result<Report, Failure> {
    restart::again(session, args, ("reloading", Existing::Reload), |client, select| {
        let env = args.flags.update_env.then(environment);
        let force = args.flags.force;
        resend::reload(client, Reload { select, env, force, again: None })
    })
}
