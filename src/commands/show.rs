//! Verbs that show something: list, jlist, describe, env, pid, id. None of them starts a daemon.

use std::collections::BTreeMap;

use pm_client::{CallError, Deadline};
use pm_protocol::{Code, Describe, Descriptions, List, Listing};

use crate::cli::{EnvArgs, IdArgs, ListArgs, OneArgs, PidArgs};
use crate::commands::{QUICK, Session, quick, recheck, select, selects};
use crate::failure::{Exit, Failure};
use crate::render::Order;
use crate::report::Report;

pub(super) fn list(session: &Session, args: &ListArgs) -> Result<Report, Failure> {
    let order = match &args.sort {
        None => Order::NAME,
        Some(text) => Order::parse(text).ok_or_else(|| {
            Failure::input(format!("could not sort by `{text}`")).hint(
                "name, namespace, pid, id, cpu, memory, uptime, status or restarts, then :asc or :desc",
            )
        })?,
    };
    let select = selects(&args.apps)?;
    let mut client = match session.find()? {
        Some(client) => client,
        None if select.is_empty() => {
            return Ok(Report::List(Listing { rows: Vec::new(), now: recheck::now(), host: None }));
        }
        None => session.need()?,
    };
    let mut listing = quick(&mut client, &List { select, usage: true, host: false })?;
    order.sort(&mut listing.rows);
    Ok(Report::List(listing))
}

pub(super) fn jlist(session: &Session) -> Result<Report, Failure> {
    let descriptions = match session.find()? {
        Some(mut client) => quick(&mut client, &Describe { select: Vec::new() })?,
        None => Descriptions { descriptions: Vec::new(), now: recheck::now() },
    };
    Ok(Report::Jlist(descriptions))
}

pub(super) fn describe(session: &Session, args: &OneArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    Ok(Report::Described(quick(&mut client, &Describe { select: selects(&args.apps)? })?))
}

pub(super) fn env(session: &Session, args: &EnvArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let described = quick(&mut client, &Describe { select: vec![select(&args.app)?] })?;
    let Some(first) = described.descriptions.first() else {
        return Err(Failure::new(Exit::Failed, format!("no app is called {}", args.app)));
    };
    let env: BTreeMap<_, _> =
        first.spec.env.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    Ok(Report::Env(env))
}

/// PM2: one a line; unknown and stopped ones are no error.
pub(super) fn pid(session: &Session, args: &PidArgs) -> Result<Report, Failure> {
    let words: Vec<_> = args.app.iter().cloned().collect();
    let pids = rows(session, &words)?.into_iter().map(|row| row.pid);
    Ok(Report::Pids(pids.filter(|pid| *pid != 0 || args.app.is_some()).collect()))
}

/// PM2: `[ 0, 1 ]`, `[]` for unknown ones.
pub(super) fn id(session: &Session, args: &IdArgs) -> Result<Report, Failure> {
    let rows = rows(session, std::slice::from_ref(&args.app))?;
    Ok(Report::Ids(rows.into_iter().map(|row| row.id).collect()))
}

/// Rows of what is selected; nothing if there is no such thing.
fn rows(session: &Session, words: &[String]) -> Result<Vec<pm_protocol::Row>, Failure> {
    let select = selects(words)?;
    let Some(mut client) = session.find()? else { return Ok(Vec::new()) };
    let list = List { select, usage: false, host: false };
    match client.call(&list, Deadline::after(QUICK)) {
        Ok(listing) => Ok(listing.rows),
        Err(CallError::Refused(refusal)) if refusal.code == Code::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
