//! `pm flush`: logs are empty.

use pm_client::{CallError, Deadline};
use pm_protocol::{Code, Flush};
use pm_spec::{AppName, ByteString, Bytes};
use serde_json::{Value, json};

use crate::called;
use crate::cli::FlushArgs;
use crate::commands::support::{orphans, selectors};
use crate::prelude::{Failure, Report, Session};
use crate::render::text::{count, safe_text};
use crate::render::{self, safe};
use crate::session::QUICK;

pub(super) fn run(session: &Session, args: &FlushArgs) -> Result<Report, Failure> {
    if args.orphans {
        return clear(session, args.dry_run);
    }
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
        Err(error) => Err(of_a_deleted_one(session, error.into(), &args.apps)),
    }
}

/// A name nobody has any more, whose logs are there still.
fn of_a_deleted_one(session: &Session, failure: Failure, words: &[String]) -> Failure {
    let names = words.iter().filter_map(|word| AppName::parse(word).ok());
    let names: Vec<_> = names.map(|name| format!("{}-", name.in_file_names())).collect();
    let is_theirs = |orphan: &orphans::Orphan| {
        let file = orphan.path.file_name().unwrap_or_default().to_string_lossy();
        names.iter().any(|name| file.starts_with(name))
    };
    if !failure.is_not_found || !orphans::find(session).unwrap_or_default().iter().any(is_theirs) {
        return failure;
    }
    let pm = called::name();
    failure.hint(format!("`{pm} flush --orphans` removes the logs of apps that were deleted"))
}

/// The logs of deleted apps: named, and removed unless that is to be seen before.
fn clear(session: &Session, is_dry: bool) -> Result<Report, Failure> {
    let orphans = orphans::find(session)?;
    let paths = orphans.iter().filter(|_| !is_dry).map(|one| &one.path);
    for path in paths {
        pm_logs::remove_file(path, &session.home.log_state()).map_err(|error| {
            Failure::failed(format!("could not remove {}: {error}", path.display()))
        })?;
    }
    let text = || {
        if orphans.is_empty() {
            return "no logs of deleted apps\n".into();
        }
        let verb = if is_dry { "would remove" } else { "removed" };
        let line = |one: &orphans::Orphan| {
            let path = safe_text(&one.path.to_string_lossy());
            format!("{verb} {path} ({})", Bytes::new(one.bytes))
        };
        render::lines(orphans.iter().map(line).chain([orphans::amount(&orphans)]))
    };
    let json = || {
        let paths: Value = orphans.iter().map(|one| json!(one.path.to_string_lossy())).collect();
        let bytes: u64 = orphans.iter().map(|one| one.bytes).sum();
        json!({ if is_dry { "would_remove" } else { "removed" }: paths, "bytes": bytes })
    };
    Ok(Report::talk(session.console, text, json))
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
