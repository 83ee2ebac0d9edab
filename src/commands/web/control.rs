//! The panel that runs here, and the app it is.

use std::io;

use pm_client::Client;
use pm_protocol::Row;
use pm_web::{AUDITED, ControlCall, ControlReply};

use crate::commands::support::listing;
use crate::prelude::{Exit, Failure, Session};

pub(super) use crate::commands::support::own_apps::{NAMESPACE, PANEL as NAME};

/// The app, if it is known.
pub(super) fn known(client: &mut Client) -> Result<Option<Row>, Failure> {
    app(client, NAME)
}

/// An app of ours, if it is known.
pub(super) fn app(client: &mut Client, name: &str) -> Result<Option<Row>, Failure> {
    let rows = listing::rows(client)?;
    Ok(rows.into_iter().find(|row| row.name == name && row.namespace == NAMESPACE))
}

/// Asks the panel; `None` if none runs.
pub(super) fn ask(session: &Session, call: &ControlCall) -> Result<Option<ControlReply>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("could not ask the panel: {error}"));
    match pm_web::ask(&session.home, call).map_err(failed)? {
        Some(ControlReply::Refused(why)) => {
            Err(Failure::failed(format!("could not ask the panel: {why}")))
        }
        reply => Ok(reply),
    }
}

/// Tells a panel that runs what was changed. One that does not answer sees it at the next request.
pub(super) fn changed(session: &Session, words: &[&str]) {
    let argv = ["pm", "web"].iter().chain(words).map(|word| (*word).to_owned()).collect();
    let is_written_down = std::env::var_os(AUDITED).is_some();
    let call = if is_written_down { ControlCall::Recheck } else { ControlCall::Changed(argv) };
    ask(session, &call).ok();
}

/// Asks the panel, which must run.
pub(super) fn must_ask(session: &Session, call: &ControlCall) -> Result<ControlReply, Failure> {
    ask(session, call)?.ok_or_else(|| {
        Failure::new(Exit::NoDaemon, "no panel runs here").hint("`pm web` starts it")
    })
}

/// The panel said something else than what was asked: it is of another version.
pub(super) fn other_version() -> Failure {
    Failure::failed("could not understand the panel: it is of another version")
        .hint("`pm web stop`, then `pm web`")
}
