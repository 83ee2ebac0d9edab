//! `pm pid`: one a line; stopped ones are no error, nor, as `pm2`, are unknown ones.

use crate::cli::PidArgs;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Report, Session};
use crate::render::json::value;
use crate::render::lines;

pub(super) fn run(session: &Session, args: &PidArgs) -> Result<Report, Failure> {
    let words: Vec<_> = args.app.iter().cloned().collect();
    let pids = selectors::rows(session, &words)?.into_iter().map(|row| row.pid);
    let pids: Vec<_> = pids.filter(|pid| *pid != 0 || args.app.is_some()).collect();
    Ok(Report::new(session.console, || text(&pids), || value(&pids)))
}

fn text(pids: &[u32]) -> String {
    if pids.is_empty() { "\n".into() } else { lines(pids.iter().map(u32::to_string)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pid_is_an_empty_line() {
        assert_eq!(text(&[]), "\n");
        assert_eq!(text(&[7, 8]), "7\n8\n");
    }
}
