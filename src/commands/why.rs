//! `pm why`: why an app runs or does not, and what to type next.

use pm_protocol::{Description, crash_prefix};

use crate::cli::WhyArgs;
use crate::commands::support::described::described;
use crate::commands::support::{last_words, selectors};
use crate::prelude::{Failure, Report, Session};
use crate::render::{json, why};

/// The newest crash file of an instance, if it is not of an app of the same name that is gone.
fn crash_file(session: &Session, one: &Description) -> Option<String> {
    let folder = session.home.crashes();
    let prefix = crash_prefix(&one.row.name, one.row.id);
    // Who restarts an app makes it younger than its first run.
    let first = one.ends.first().map(|end| end.at.saturating_sub(end.lived));
    let begun = one.row.created_at.min(first.unwrap_or(u64::MAX));
    let moment = |file: &String| -> Option<u64> {
        let at = file.strip_prefix(&prefix)?.strip_suffix(".json")?.parse().ok()?;
        (at >= begun).then_some(at)
    };
    let files = std::fs::read_dir(&folder).ok()?;
    let files = files.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let newest = files.filter(|file| moment(file).is_some()).max_by_key(moment)?;
    Some(folder.join(newest).display().to_string())
}

pub(super) fn run(session: &Session, args: &WhyArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let described = described(&mut client, select)?;
    let tails = last_words::of_the_failing(session, &mut client, &described.descriptions);
    let mut all = why::reasons(&described, &tails, &args.app);
    why::add_crash_files(&mut all, |id| {
        let mut own = described.descriptions.iter().filter(|one| one.row.id == id);
        crash_file(session, own.next()?)
    });
    let text = || {
        if session.hides_tables() {
            return String::new();
        }
        why::why(&all, described.now, session.console.look)
    };
    Ok(Report::new(session.console, text, || json::value(&all)))
}
