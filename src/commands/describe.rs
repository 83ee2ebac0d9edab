//! `pm describe`.

use crate::cli::OneArgs;
use crate::commands::support::described::described;
use crate::commands::support::{nodes, selectors, users};
use crate::failure::Failure;
use crate::render::describe::describe;
use crate::render::json;
use crate::report::Report;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &OneArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let mut described = described(&mut client, select)?;
    users::name(session, described.descriptions.iter_mut().map(|one| &mut one.row).collect());
    let nodes = nodes::versions(&described);
    let text = || {
        if session.hides_tables() {
            return String::new();
        }
        describe(&described, &nodes, session.console.look)
    };
    Ok(Report::new(session.console, text, || json::described(&described)))
}
