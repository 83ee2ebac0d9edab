//! `pm web`: this binary becomes an app that is the panel, and prints a link that lets one in.

mod audit;
mod begin;
mod foreground;
mod link;
mod sessions;
mod stop;
mod users;

use std::io;

use pm_web::{ControlCall, ControlReply};

use crate::cli::{WebArgs, WebVerb};
use crate::prelude::{Exit, Failure, Report, Session};

/// The app's name.
const NAME: &str = "pm-web";

/// Its namespace.
const NAMESPACE: &str = "pm";

pub(super) fn run(session: &Session, args: WebArgs) -> Result<Report, Failure> {
    match args.verb {
        None if args.place.foreground => foreground::run(session, &args.place),
        None => begin::run(session, &args.place),
        Some(WebVerb::Link(args)) => link::run(session, &args),
        Some(WebVerb::User(verb)) => users::run(session, verb),
        Some(WebVerb::Sessions(args)) => sessions::run(session, &args),
        Some(WebVerb::Audit(args)) => audit::run(session, &args),
        Some(WebVerb::Stop) => stop::run(session),
    }
}

/// Asks the panel; `None` if none runs.
fn ask(session: &Session, call: &ControlCall) -> Result<Option<ControlReply>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("could not ask the panel: {error}"));
    match pm_web::ask(&session.home, call).map_err(failed)? {
        Some(ControlReply::Refused(why)) => {
            Err(Failure::failed(format!("could not ask the panel: {why}")))
        }
        reply => Ok(reply),
    }
}

/// Asks the panel, which must run.
fn must_ask(session: &Session, call: &ControlCall) -> Result<ControlReply, Failure> {
    ask(session, call)?.ok_or_else(|| {
        Failure::new(Exit::NoDaemon, "no panel runs here").hint("`pm web` starts it")
    })
}

/// The panel said something else than what was asked: it is of another version.
fn other_version() -> Failure {
    Failure::failed("could not understand the panel: it is of another version")
        .hint("`pm web stop`, then `pm web`")
}
