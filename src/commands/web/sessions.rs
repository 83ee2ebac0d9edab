//! `pm web sessions`: who is signed in, and no longer is.

use pm_web::{ControlCall, ControlReply, SessionView};
use serde_json::json;

use super::audit::local_time;
use super::control::{must_ask, other_version};
use crate::cli::WebSessionsArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &WebSessionsArgs) -> Result<Report, Failure> {
    if let Some(id) = &args.end {
        let ControlReply::Ended(count) = must_ask(session, &ControlCall::End(id.clone()))? else {
            return Err(other_version());
        };
        if count == 0 {
            return Err(Failure::failed(format!(
                "no session has the id {id}, or is of a user of this name"
            )));
        }
        return Ok(Report::said(session.console, "end", &format!("ended: {count}")));
    }
    let ControlReply::Sessions(all) = must_ask(session, &ControlCall::Sessions)? else {
        return Err(other_version());
    };
    let text = || {
        if all.is_empty() {
            return "nobody is signed in\n".into();
        }
        all.iter().map(line).collect()
    };
    Ok(Report::new(session.console, text, || json!(all)))
}

fn line(one: &SessionView) -> String {
    let SessionView { id, name, role, from, began_ms, used_ms, by_link, .. } = one;
    let way = if *by_link { "by link" } else { "by password" };
    let (began, used) = (local_time(*began_ms), local_time(*used_ms));
    format!(
        "{id}  {name:16} {:8} {way:11} from {from:15} since {began}, seen {used}\n",
        role.name()
    )
}
