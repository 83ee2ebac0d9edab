//! `pm sendSignal`.

use pm_protocol::SendSignal;
use pm_spec::Signal;

use crate::cli::SendSignalArgs;
use crate::commands::support::{finish, selectors};
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::outcomes::Done;

pub(super) fn run(session: &Session, args: &SendSignalArgs) -> Result<Report, Failure> {
    let signal = Signal::parse(&args.signal).map_err(|error| Failure::input(error.to_string()))?;
    let Some(mut client) = session.find_for(&args.apps)? else {
        return finish::nothing(session, "nothing to signal");
    };
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let outcomes = quick(&mut client, &SendSignal { select, signal })?.outcomes;
    Ok(Done { outcomes, ..Done::nothing("nothing to signal") }.report(session.console))
}
