//! `pm trigger`: over Node's channel.

use std::time::Duration;

use pm_client::Deadline;
use pm_protocol::Trigger;
use pm_spec::Span;

use crate::cli::TriggerArgs;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Report, Session};
use crate::render::round::Round;
use crate::session::QUICK;

/// Nobody waits longer for an answer than a day.
const LONGEST: Span = Span::from_secs(86_400);

/// PM2 waits for ever for an app that does not answer.
pub(super) fn run(session: &Session, args: TriggerArgs) -> Result<Report, Failure> {
    let TriggerArgs { app, action, param, timeout } = args;
    let patience = Span::parse(&timeout).ok().filter(|span| *span <= LONGEST);
    let Some(patience) = patience else {
        return Err(Failure::input(format!("`{timeout}` is no time to wait"))
            .hint("write 500ms, 30s or 5m; at most a day"));
    };
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &[app])?;
    let milliseconds = patience.as_millis();
    let call = Trigger { select, action: action.clone(), param, patience: milliseconds };
    let deadline = Deadline::after(Duration::from_millis(milliseconds) + QUICK);
    let answers = client.call(&call, deadline)?.answers;
    Ok(Round { action, patience, answers }.report(session.console))
}
