//! Verbs that talk with apps: over Node's channel, and to their standard input.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use pm_client::Deadline;
use pm_protocol::{Input, Trigger};
use pm_spec::{ByteString, Span};

use crate::cli::{SendArgs, TriggerArgs};
use crate::commands::support::selectors;
use crate::commands::{QUICK, Session, quick};
use crate::failure::Failure;
use crate::report::{Done, Report, Round};

/// Nobody waits longer for an answer than a day.
const LONGEST: Span = Span::from_secs(86_400);

/// `pm trigger`. PM2 waits for ever for an app that does not answer.
pub(super) fn trigger(session: &Session, args: TriggerArgs) -> Result<Report, Failure> {
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
    Ok(Report::Triggered(Round { action, patience, answers }))
}

/// `pm send`. PM2 takes ids only, and of several words the first.
pub(super) fn send(session: &Session, args: &SendArgs) -> Result<Report, Failure> {
    let words: Vec<_> = args.line.iter().map(|word| word.as_bytes()).collect();
    let mut line = words.join(&b' ');
    line.push(b'\n');
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let call = Input { select, bytes: ByteString::new(line) };
    let outcomes = quick(&mut client, &call)?.outcomes;
    Ok(Report::Done(Done { outcomes, otherwise: "nobody to tell", ..Done::default() }))
}
