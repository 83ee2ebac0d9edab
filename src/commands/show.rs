//! Verbs that show something: list, jlist, describe, env, pid, id. None of them starts a daemon.

use std::collections::BTreeMap;
use std::time::Duration;

use pm_client::{CallError, Deadline, pause};
use pm_protocol::{Code, Descriptions, List, Listing};

use crate::cli::{EnvArgs, IdArgs, ListArgs, OneArgs, PidArgs, SlistArgs};
use crate::commands::support::described::described;
use crate::commands::support::{nodes, resend, selectors, users};
use crate::commands::{QUICK, Session, quick};
use crate::console;
use crate::failure::{Exit, Failure};
use crate::render::{self, Order};
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
    if args.watch { again_and_again(session, args, order) } else { now(session, args, order) }
}

/// PM2's pause between two lists.
const PAUSE: Duration = Duration::from_millis(900);

/// The list until nobody looks any more; on a terminal each takes the place of the one before.
fn again_and_again(session: &Session, args: &ListArgs, order: Order) -> Result<Report, Failure> {
    let console = session.console;
    let clear = if console.look.boxes { "\x1b[2J\x1b[H" } else { "" };
    loop {
        let report = now(session, args, order)?;
        let text = if console.json {
            render::json(&report)
        } else {
            render::text(&report, console.look, console.mini)
        };
        if console::show(&format!("{clear}{text}")).is_err() {
            return Ok(Report::Nothing);
        }
        pause(PAUSE, Deadline::NEVER);
    }
}

fn now(session: &Session, args: &ListArgs, order: Order) -> Result<Report, Failure> {
    let mut client = match session.find()? {
        Some(client) => client,
        None if args.apps.is_empty() => {
            session.warn_of_rival();
            return Ok(Report::List(Listing {
                rows: Vec::new(),
                now: resend::now(),
                host: None,
                warning: None,
            }));
        }
        None => session.need()?,
    };
    let select = selectors::selects(session, &mut client, &args.apps)?;
    if session.console.mini && !session.console.json {
        let mut described = described(&mut client, select)?;
        users::name(session, described.descriptions.iter_mut().map(|one| &mut one.row).collect());
        order.arrange(&mut described.descriptions, |one| &one.row);
        return Ok(Report::Blocks(described));
    }
    let mut listing = quick(&mut client, &List { select, usage: true, host: false })?;
    session.heed(&listing);
    users::name(session, listing.rows.iter_mut().collect());
    order.sort(&mut listing.rows);
    Ok(Report::List(listing))
}

pub(super) fn jlist(session: &Session) -> Result<Report, Failure> {
    let all = everything(session)?;
    let nodes = nodes::versions(&all);
    Ok(Report::Jlist(all, nodes))
}

pub(super) fn prettylist(session: &Session) -> Result<Report, Failure> {
    let all = everything(session)?;
    let nodes = nodes::versions(&all);
    Ok(Report::Prettylist(all, nodes))
}

fn everything(session: &Session) -> Result<Descriptions, Failure> {
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        return Ok(Descriptions { descriptions: Vec::new(), now: resend::now() });
    };
    let mut all = described(&mut client, Vec::new())?;
    users::name(session, all.descriptions.iter_mut().map(|one| &mut one.row).collect());
    Ok(all)
}

/// The machine's figures; the daemon measures them, because some need two looks. A tree of them is the same list.
pub(super) fn slist(session: &Session, args: &SlistArgs) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    let listing = quick(&mut client, &List { select: Vec::new(), usage: false, host: true })?;
    let host = listing.host.unwrap_or_default();
    Ok(if args.tree { Report::MachineTree(host) } else { Report::Machine(host) })
}

pub(super) fn describe(session: &Session, args: &OneArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let mut described = described(&mut client, select)?;
    users::name(session, described.descriptions.iter_mut().map(|one| &mut one.row).collect());
    let nodes = nodes::versions(&described);
    Ok(Report::Described(described, nodes))
}

pub(super) fn env(session: &Session, args: &EnvArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let described = described(&mut client, select)?;
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
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        return Ok(Vec::new());
    };
    let select = selectors::selects(session, &mut client, words)?;
    let list = List { select, usage: false, host: false };
    match client.call(&list, Deadline::after(QUICK)) {
        Ok(listing) => Ok(listing.rows),
        Err(CallError::Refused(refusal)) if refusal.code == Code::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
