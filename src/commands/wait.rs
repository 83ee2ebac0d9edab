//! `pm wait`: returns when apps are down, and ends as the last of them did (Compose).

use std::collections::{BTreeMap, BTreeSet};

use pm_client::{Deadline, Subscription};
use pm_protocol::Status;
use serde_json::json;

use crate::cli::WaitArgs;
use crate::commands::support::{described, listing, selectors};
use crate::prelude::{Failure, Report, Session};
use crate::render::lines;
use crate::render::services::code_of;
use crate::report::ReportExit;

pub(super) fn run(session: &Session, args: &WaitArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    // What happens between a look and the news of it is in the next look.
    let mut feed = Subscription::open(&session.home, None)?;
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let rows = listing::rows_of(&mut client, select)?;
    let wanted: BTreeSet<u32> = rows.iter().map(|row| row.id).collect();
    let codes = loop {
        let all = described::known(&mut client)?.descriptions;
        // Who was deleted meanwhile has left nothing but its absence.
        let mut codes: BTreeMap<u32, u8> = wanted.iter().map(|id| (*id, 1)).collect();
        let mut is_any_up = false;
        for one in all.iter().filter(|one| wanted.contains(&one.row.id)) {
            is_any_up |= !matches!(one.row.status, Status::Stopped | Status::Errored);
            codes.insert(one.row.id, one.ends.last().map_or(0, code_of));
        }
        if !is_any_up {
            break codes;
        }
        feed.next_before(Deadline::NEVER)?;
    };
    let names = |id: &u32| rows.iter().find(|row| row.id == *id).map(|row| row.name.clone());
    let text = || lines(codes.values().map(u8::to_string));
    let json = || {
        let one = |(id, code): (&u32, &u8)| json!({ "id": id, "name": names(id), "code": code });
        codes.iter().map(one).collect()
    };
    let ending = codes.values().last().map_or(ReportExit::Well, |code| ReportExit::App(*code));
    Ok(Report { ending, ..Report::new(session.console, text, json) })
}
