//! `pm web`: the panel as an app like any other, `pm-web` in the namespace `pm`; said again it only makes a new link.

use std::ffi::OsString;

use clap::Parser;
use pm_protocol::Row;
use pm_spec::Select;
use pm_web::{ControlCall, ControlReply, ListenAt, PanelError, Users};

use super::control::{self, NAME, NAMESPACE, ask, other_version};
use super::{foreground, link};
use crate::cli::{Cli, Verb, WebPlaceArgs};
use crate::commands::{delete, start};
use crate::launch;
use crate::prelude::{Failure, Report, Session};
use crate::report::ReportExit;

/// So much room history takes at most, if nobody says otherwise.
const HISTORY_MAX: &str = "64M";

pub(super) fn run(session: &Session, args: &WebPlaceArgs) -> Result<Report, Failure> {
    // What can't be served is told here, not in a log file.
    let settings = foreground::settings(session, args)?;
    launch::prepare(&session.home)?;
    let users = Users::open(session.home.root());
    let users = users.map_err(|error| foreground::refused(&PanelError::Users(error)))?;
    let checked = settings.check(!users.list().is_empty());
    checked.map_err(|error| foreground::refused(&PanelError::Settings(error)))?;
    let is_moved = args.listen.is_some()
        || args.public_url.is_some()
        || args.no_listen
        || args.history.is_some()
        || !args.folders.is_empty();
    let running = ask(session, &ControlCall::Where)?;
    if running.is_none() || is_moved {
        let known = control::known(&mut session.daemon()?)?;
        if running.is_some() && known.is_none() {
            return Err(Failure::failed(
                "could not move the panel: it runs, but not as the app pm-web",
            )
            .hint("end it where `pm web --foreground` was typed"));
        }
        if let Some(report) = started(session, known.filter(|_| !is_moved), args)? {
            return Ok(report);
        }
    }
    let Some(ControlReply::Where { listen, url, port }) = ask(session, &ControlCall::Where)? else {
        return Err(other_version());
    };
    if listen == ListenAt::Nowhere.to_string() {
        let said =
            "the panel keeps history and listens nowhere; `pm web --listen 9616` opens its page";
        return Ok(Report::said(session.console, "web", said));
    }
    link::first(session, &listen, &url, port)
}

/// Starts it; `known` is started again as it is. What became of it, if it is not up.
fn started(
    session: &Session,
    known: Option<Row>,
    args: &WebPlaceArgs,
) -> Result<Option<Report>, Failure> {
    let mut words: Vec<OsString> = ["pm", "start"].map(OsString::from).to_vec();
    if let Some(row) = known {
        words.push(format!("id:{}", row.id).into());
    } else {
        forget(session)?;
        words.push(launch::own_program()?.into_os_string());
        let flags = [
            ["--name", NAME],
            ["--namespace", NAMESPACE],
            ["--interpreter", "none"],
            ["--ready", "notify"],
            // A place it may not or can't listen at is not free by trying again.
            ["--stop-exit-codes", "2"],
        ];
        words.extend(flags.iter().flatten().map(OsString::from));
        words.push("--cwd".into());
        words.push(session.home.root().as_os_str().to_owned());
        words.extend(["--", "web", "--foreground"].map(OsString::from));
        words.extend(args.no_listen.then(|| "--no-listen".into()));
        let history = Some(args.history.clone().unwrap_or_else(|| HISTORY_MAX.into()));
        let place = [
            ("--listen", &args.listen),
            ("--public-url", &args.public_url),
            ("--history", &history),
        ];
        for (flag, value) in place {
            words.extend(value.iter().flat_map(|value| [flag.into(), OsString::from(value)]));
        }
        words.extend(args.folders.iter().flat_map(|folder| ["--folders".into(), folder.into()]));
    }
    let Some(Verb::Start(start)) = Cli::try_parse_from(words).ok().and_then(|cli| cli.command)
    else {
        return Err(Failure::failed("could not start the panel: this is a fault of pm"));
    };
    let report = start::run(session, &start)?;
    Ok((report.ending != ReportExit::Well).then_some(report))
}

/// The app as it was started before, at another place, goes.
fn forget(session: &Session) -> Result<(), Failure> {
    let mut client = session.daemon()?;
    if let Some(row) = control::known(&mut client)? {
        delete::surely(&mut client, vec![Select::Id(row.id)])?;
    }
    Ok(())
}
