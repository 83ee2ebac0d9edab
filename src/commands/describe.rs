//! `pm describe`.

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
    let tails = last_words::of_the_failing(session, &mut client, &described.descriptions);
    let text = || {
        if session.hides_tables() {
            return String::new();
        }
        describe(&described, &nodes, &tails, session.console.look)
    };
    Ok(Report::new(session.console, text, || json::described(&described)))
}
