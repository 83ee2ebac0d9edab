//! PM2's saved list beside ours: written with each save in a home with PM2's names, so that PM2 can go on from it, and
//! read where PM2 wrote it last. Ours stays the one that counts.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pm_client::Client;
use pm_pm2::{dump, jlist};
use pm_protocol::{Descriptions, Outcome, Patience, Save, Start};
use serde_json::Value;

use crate::commands::support::{described, listing, resend, settings, targets};
use crate::prelude::{Failure, Session, quick};

/// Writes PM2's list as our daemon has just saved its own. In a home with our names there is none.
pub(crate) fn write(session: &Session, client: &mut Client, empty: bool) -> Result<(), Failure> {
    let Some(path) = session.home.pm2_dump() else { return Ok(()) };
    let all = if empty {
        Descriptions { descriptions: Vec::new(), now: resend::now() }
    } else {
        described::shown(session, client, Vec::new())?
    };
    let saved = fs::metadata(session.home.saved()).and_then(|meta| meta.modified());
    let old = backup(session, &path);
    let written =
        replace(&path, &old, format!("{:#}\n", jlist::dump(&all)).as_bytes()).and_then(|file| {
            // As old as our own list: a newer one was written by somebody else.
            file.set_times(FileTimes::new().set_modified(saved?))
        });
    written.map_err(|error| {
        Failure::failed(format!("could not write {}: {error}", path.display()))
            .hint("our own saved list is in order; `pm resurrect` reads that")
    })
}

/// After each change of the list, if `pm set pm2:autodump true` wishes so (PM2's name, without effect in its newest
/// versions): what is known now is what the next boot brings, an empty list included. The change itself is done, so a
/// list that can't be saved is only told.
pub(crate) fn autosave(session: &Session, client: &mut Client) {
    if !settings::is_on(session, "pm2:autodump") {
        return;
    }
    let call = Save { force: true, empty: false };
    let saved = quick(client, &call).and_then(|_| write(session, client, false));
    if let Err(failure) = saved {
        session.console.complain(&format!("warning: not saved: {}", failure.message));
    }
}

/// Where the list before `path` lies.
fn backup(session: &Session, path: &Path) -> PathBuf {
    session.home.pm2_dump_backup().unwrap_or_else(|| path.with_added_extension("bak"))
}

/// The new file in the place of the one before, which goes to `old`.
fn replace(path: &Path, old: &Path, text: &[u8]) -> io::Result<File> {
    let new = path.with_added_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    if path.exists() {
        // It may lie on another disk.
        fs::rename(path, old).or_else(|_| fs::copy(path, old).map(drop))?;
    }
    fs::rename(&new, path)?;
    Ok(file)
}

/// PM2's list, if PM2 wrote it after we saved ours.
pub(crate) fn foreign(session: &Session) -> Option<PathBuf> {
    let path = session.home.pm2_dump()?;
    let time = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let theirs = time(&path).or_else(|| time(&backup(session, &path)))?;
    let is_newer = time(&session.home.saved()).is_none_or(|ours| theirs > ours);
    is_newer.then_some(path)
}

/// Starts what PM2 saved and is not known by name, as PM2 does. A file that can't be read is moved aside, and the one
/// before it is used.
pub(crate) fn revive(
    session: &Session,
    client: &mut Client,
    path: &Path,
) -> Result<Vec<Outcome>, Failure> {
    let bad =
        |error: String| Failure::failed(format!("could not read {}: {error}", path.display()));
    let read = |path: &Path| {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        dump::records(&text)
    };
    let records = match read(path) {
        Ok(records) => records,
        Err(error) => {
            let older = read(&backup(session, path)).map_err(|_| bad(error.clone()))?;
            let aside = path.with_added_extension("damaged");
            // The next reader is not to be fooled by it, and nobody's list is deleted.
            let moved = match fs::rename(path, &aside) {
                Ok(()) => format!(", the broken one is {} now", aside.display()),
                Err(_) => String::new(),
            };
            session.console.talk(&format!(
                "warning: could not read {}: {error}; used the one before{moved}",
                path.display()
            ));
            older
        }
    };
    let rows = listing::rows(client)?;
    let known = listing::names(&rows);
    let is_new = |record: &&Value| !record["name"].as_str().is_some_and(|it| known.contains(it));
    let new: Vec<Value> = records.iter().filter(is_new).cloned().collect();
    let mut outcomes = Vec::new();
    // Apps of the same name that differ are several apps, as they were.
    let rounds = dump::rounds(&new, &session.caller()?);
    for (apps, existing) in rounds.map_err(|diagnosis| targets::unusable(&diagnosis))? {
        outcomes.extend(
            resend::start(
                client,
                Start { apps, existing, wait: Patience::Spawned, no_deps: false },
            )?
            .outcomes,
        );
    }
    outcomes.sort_by_key(|outcome| outcome.id);
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_before_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dump.pm2");
        let old = dir.path().join("old");
        replace(&path, &old, b"[1]").unwrap();
        replace(&path, &old, b"[2]").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"[2]");
        assert_eq!(fs::read(&old).unwrap(), b"[1]");
    }
}
