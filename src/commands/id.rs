//! `pm id`: `[ 0, 1 ]`, as `pm2` `[]` for unknown ones.

use crate::cli::IdArgs;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Report, Session};
use crate::render::json::value;

pub(super) fn run(session: &Session, args: &IdArgs) -> Result<Report, Failure> {
    let rows = selectors::rows(session, std::slice::from_ref(&args.app))?;
    let ids: Vec<_> = rows.into_iter().map(|row| row.id).collect();
    Ok(Report::new(session.console, || text(&ids), || value(&ids)))
}

fn text(ids: &[u32]) -> String {
    if ids.is_empty() {
        return "[]\n".into();
    }
    let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
    format!("[ {} ]\n", ids.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_shown_as_node_shows_them() {
        assert_eq!(text(&[0, 1]), "[ 0, 1 ]\n");
        assert_eq!(text(&[]), "[]\n");
    }
}
