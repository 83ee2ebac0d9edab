//! `pm flush`: logs are empty.

use pm_client::{CallError, Deadline};
use pm_protocol::{Code, Flush};
use pm_spec::ByteString;
use serde_json::{Value, json};

use crate::cli::SelectArgs;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Report, Session};
use crate::render::text::count;
use crate::render::{self, safe};
use crate::session::QUICK;

pub(super) fn run(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    let Some(mut client) = session.find_for(&args.apps)? else {
        return Ok(report(session, &[], 0));
    };
    let select = selectors::selects(session, &mut client, &args.apps)?;
    match client.call(&Flush { select }, Deadline::after(QUICK)) {
        Ok(flushed) => Ok(report(session, &flushed.files, flushed.parts)),
        // PM2 has nothing to say about apps it does not know.
        Err(CallError::Refused(refusal))
            if session.called_as.is_pm2() && refusal.code == Code::NotFound =>
        {
            Ok(report(session, &[], 0))
        }
        Err(error) => Err(error.into()),
    }
}

/// Files that are empty now, and how many rotated parts of theirs are gone.
fn report(session: &Session, files: &[ByteString], parts: u32) -> Report {
    let text = || {
        let gone = (parts > 0).then(|| format!("removed {}", count(parts, "rotated part")));
        let all = files.iter().map(|file| format!("flushed {}", safe(file))).chain(gone);
        if files.is_empty() { "nothing to flush\n".into() } else { render::lines(all) }
    };
    let files_json = || files.iter().map(render::json::text).collect::<Value>();
    Report::talk(session.console, text, || json!({ "flushed": files_json(), "parts": parts }))
}
