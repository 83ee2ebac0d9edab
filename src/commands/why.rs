//! `pm why`: why an app runs or does not, and what to type next.

use crate::cli::WhyArgs;
use crate::commands::support::described::described;
use crate::commands::support::{last_words, selectors};
use crate::prelude::{Failure, Report, Session};
use crate::render::{json, why};

pub(super) fn run(session: &Session, args: &WhyArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let described = described(&mut client, select)?;
    let tails = last_words::of_the_failing(session, &mut client, &described.descriptions);
    let all = why::reasons(&described, &tails, &args.app);
    let text = || {
        if session.hides_tables() {
            return String::new();
        }
        why::why(&all, described.now, session.console.look)
    };
    Ok(Report::new(session.console, text, || json::value(&all)))
}
