//! `pm list`.

mod projects;

use std::time::Duration;

use pm_client::{Deadline, pause};
use pm_protocol::{Listing, Row, Status};

use crate::cli::ListArgs;
use crate::commands::support::{described, listing, resend, selectors};
use crate::console;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::{json, list, mini};

pub(super) fn run(session: &Session, args: &ListArgs) -> Result<Report, Failure> {
    if args.projects {
        return projects::run(session);
    }
    let order = list::SortOrder::asked(args.sort.as_deref())?;
    if args.watch { again_and_again(session, args, order) } else { now(session, args, order) }
}

/// PM2's pause between two lists.
const PAUSE: Duration = Duration::from_millis(900);

/// The list until nobody looks any more; on a terminal each takes the place of the one before.
fn again_and_again(
    session: &Session,
    args: &ListArgs,
    order: list::SortOrder,
) -> Result<Report, Failure> {
    let clear = if session.console.look.boxes { "\x1b[2J\x1b[H" } else { "" };
    loop {
        let text = now(session, args, order)?.shown;
        if console::show(&format!("{clear}{text}")).is_err() {
            return Ok(Report::default());
        }
        pause(PAUSE, Deadline::NEVER);
    }
}

fn now(session: &Session, args: &ListArgs, order: list::SortOrder) -> Result<Report, Failure> {
    let mut client = match session.find_to_list()? {
        Some(client) => client,
        None if args.apps.is_empty() => {
            session.warn_of_rival();
            let (rows, now) = (Vec::new(), resend::now());
            return Ok(report(session, args, &Listing { rows, now, host: None, warning: None }));
        }
        None => session.need()?,
    };
    let select = selectors::selects(session, &mut client, &args.apps)?;
    if session.console.mini && !session.console.json {
        let mut described = described::shown(session, &mut client, select)?;
        order.arrange(&mut described.descriptions, |one| &one.row);
        let is_bad = args.check && described.descriptions.iter().any(|one| is_amiss(&one.row));
        let report = Report::text(session.console, mini::blocks(&described, session.console.look));
        return Ok(report.ending(is_bad.then_some(Exit::Failed)));
    }
    Ok(report(session, args, &listing::used(session, &mut client, select, order)?))
}

fn report(session: &Session, args: &ListArgs, listing: &Listing) -> Report {
    if args.whole {
        let shown = format!("{}\n", json::value(listing));
        return Report { shown, ..Report::default() }.ending(verdict(args, listing));
    }
    let (console, json) = (session.console, || json::listing(listing));
    // Who watches a list wants to see it.
    let is_hidden = session.hides_tables() && !args.watch;
    let text = || match (is_hidden, console.mini) {
        (true, _) => String::new(),
        (false, true) => mini::rows(listing, console.look),
        (false, false) => list::list(listing, console.look),
    };
    Report::new(console, text, json).ending(verdict(args, listing))
}

/// What `--check` makes of a list.
fn verdict(args: &ListArgs, listing: &Listing) -> Option<Exit> {
    let is_bad = args.check && listing.rows.iter().any(is_amiss);
    is_bad.then_some(Exit::Failed)
}

/// Whether it should be up and is not, or is not well. What is stopped is so because somebody or its config wants it.
fn is_amiss(row: &Row) -> bool {
    match row.status {
        Status::Errored | Status::Launching | Status::WaitingRestart => true,
        Status::Online => row.is_unhealthy(),
        Status::Stopping | Status::Stopped => false,
    }
}
