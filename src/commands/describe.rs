//! `pm describe`.

use crate::cli::OneArgs;
use crate::commands::support::{described, nodes, selectors};
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
        describe(&described, &nodes, session.console.look)
    };
    Ok(Report::new(session.console, text, || json::described(&described)))
}
