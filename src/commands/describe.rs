//! `pm describe`.

use pm_protocol::Status;

use crate::cli::OneArgs;
use crate::commands::support::{described, last_words, nodes, selectors};
use crate::prelude::{Failure, Report, Session};
use crate::render::describe::describe;
use crate::render::json;

pub(super) fn run(session: &Session, args: &OneArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let described = described::shown(session, &mut client, select)?;
    let nodes = nodes::versions(&described);
    let text = || {
        if session.hides_tables() {
            return String::new();
        }
        let failed = described.descriptions.iter().filter(|one| {
            matches!(one.row.status, Status::Errored | Status::WaitingRestart | Status::Launching)
        });
        let tails: Vec<_> = failed.filter_map(last_words::latest).collect();
        describe(&described, &nodes, &tails, session.console.look)
    };
    Ok(Report::new(session.console, text, || json::described(&described)))
}
