//! `pm save`: what is known now is what the next boot brings.

use pm_client::{CallError, Deadline};
use pm_protocol::{Code, Save, Saved};
use serde_json::json;

use crate::cli::SaveArgs;
use crate::commands::support::saved_list;
use crate::prelude::{Failure, Report, Session};
use crate::render::text::count;
use crate::render::{self, safe};
use crate::session::QUICK;

pub(super) fn run(session: &Session, args: &SaveArgs) -> Result<Report, Failure> {
    let mut client = if session.called_as.is_pm2() { session.daemon()? } else { session.need()? };
    let call = Save { force: args.force, empty: false };
    match client.call(&call, Deadline::after(QUICK)) {
        Ok(saved) => {
            saved_list::write(session, &mut client, false)?;
            Ok(report(session, &saved))
        }
        // An empty list is a warning for PM2, and the saved one stays.
        Err(CallError::Refused(refusal))
            if session.called_as.is_pm2() && refusal.code == Code::BadRequest =>
        {
            session.console.talk(&format!("warning: {}", refusal.message));
            Ok(Report::default())
        }
        Err(error) => Err(error.into()),
    }
}

/// What was saved where.
pub(super) fn report(session: &Session, saved: &Saved) -> Report {
    let text =
        || format!("saved {} in {}\n", count(saved.instances, "instance"), safe(&saved.file));
    let json = || json!({ "saved": saved.instances, "file": render::json::text(&saved.file) });
    Report::talk(session.console, text, json)
}
