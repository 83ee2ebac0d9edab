//! `pm stop`.

use pm_client::Deadline;
use pm_protocol::Stop;

use crate::cli::TargetArgs;
use crate::commands::support::{finish, progress, targets};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &TargetArgs) -> Result<Report, Failure> {
    let Some((mut client, select)) = targets::meant(session, args)? else {
        return finish::nothing(session, "nothing to stop");
    };
    let call = Stop { select };
    let done = progress::during(session, "stopping", || client.call(&call, Deadline::NEVER))?;
    finish::report(session, &mut client, done.outcomes, u64::MAX, "nothing to stop")
}
