//! `pm web`: this binary becomes an app that is the panel, and prints a link that lets one in.

mod alerts;
mod audit;
mod begin;
mod control;
pub(super) mod filed;
mod foreground;
mod link;
pub(crate) mod rpc;
mod sessions;
mod stop;
mod tokens;
pub(super) mod usage;
mod users;

use crate::cli::{WebArgs, WebVerb};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: WebArgs) -> Result<Report, Failure> {
    match args.verb {
        None if !args.place.supervisor_rpc.is_empty() => rpc::run(session, &args.place),
        None if args.place.foreground => foreground::run(session, &args.place),
        None => begin::run(session, &args.place),
        Some(WebVerb::Link(args)) => link::run(session, &args),
        Some(WebVerb::User(verb)) => users::run(session, verb),
        Some(WebVerb::Token(verb)) => tokens::run(session, verb),
        Some(WebVerb::Alert(verb)) => alerts::run(session, verb),
        Some(WebVerb::Sessions(args)) => sessions::run(session, &args),
        Some(WebVerb::Audit(args)) => audit::run(session, &args),
        Some(WebVerb::Stop) => stop::run(session),
    }
}
