//! Logs of deleted apps: files with names such as ours, in the folder of logs, into which nobody writes who is known or saved.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use pm_pm2::dump;
use pm_spec::{AppSpec, Bytes, LogTarget};

use crate::commands::daemon;
use crate::commands::support::described;
use crate::launch;
use crate::prelude::{Failure, Session};
use crate::render::text::count;

/// Such a file.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// How many there are and what they take, in words.
pub(crate) fn amount(orphans: &[Orphan]) -> String {
    let files = count(u32::try_from(orphans.len()).unwrap_or(u32::MAX), "file");
    let bytes = Bytes::new(orphans.iter().map(|one| one.bytes).sum());
    format!("{files}, {bytes}")
}

/// All of them, by name.
pub(crate) fn find(session: &Session) -> Result<Vec<Orphan>, Failure> {
    // The apps of a real PM2 are nobody we know.
    launch::alone(&session.home)?;
    let kept = kept(session)?;
    let folder = session.home.logs();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| {
            Failure::failed(format!("could not list {}: {error}", folder.display()))
        })?,
    };
    let mut all = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let log = pm_logs::log_of(&name).unwrap_or(name);
        let of_all = without_id(&log);
        let is_kept = kept.contains(&log) || kept.contains(&of_all);
        if let Some(meta) = entry.metadata().ok().filter(|meta| meta.is_file() && !is_kept) {
            all.push((of_all, Orphan { path: entry.path(), bytes: meta.len() }));
        }
    }
    let names: BTreeSet<_> = all.iter().map(|(log, _)| log.clone()).collect();
    all.retain(|(log, _)| is_ours(log, &names));
    let mut orphans: Vec<_> = all.into_iter().map(|(_, orphan)| orphan).collect();
    orphans.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(orphans)
}

/// The names of files that belong to somebody, wherever they lie.
fn kept(session: &Session) -> Result<BTreeSet<OsString>, Failure> {
    // Without it every app would seem to be deleted that is not saved.
    let mut client = session.need()?;
    let known = described::known(&mut client)?.descriptions.into_iter();
    let mut specs: Vec<AppSpec> = known.map(|one| one.spec).collect();
    if session.home.saved().exists() {
        let saved = daemon::saved(session.home.root())?;
        if let Some(warning) = saved.warning {
            return Err(Failure::failed(format!("could not tell whose logs they are: {warning}")));
        }
        specs.extend(saved.apps.into_iter().map(|(spec, _)| spec));
    }
    let mut kept: BTreeSet<_> = specs.iter().flat_map(files).collect();
    if let Some(path) = session.home.pm2_dump().filter(|path| path.exists()) {
        let failed =
            |why: String| Failure::failed(format!("could not read {}: {why}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        for record in dump::records(&text).map_err(failed)? {
            let paths = ["pm_out_log_path", "pm_err_log_path", "pm_log_path"];
            kept.extend(
                paths.iter().filter_map(|key| file_name(record[*key].as_str()?.as_bytes())),
            );
        }
    }
    Ok(kept)
}

fn files(spec: &AppSpec) -> Vec<OsString> {
    let logs = &spec.logs;
    let streams = [&logs.out, &logs.error].into_iter().filter_map(|target| match target {
        LogTarget::File(path) => Some(path),
        LogTarget::Discard => None,
    });
    streams.chain(&logs.combined).filter_map(|path| file_name(path.as_bytes())).collect()
}

fn file_name(path: &[u8]) -> Option<OsString> {
    PathBuf::from(OsStr::from_bytes(path)).file_name().map(OsStr::to_os_string)
}

/// `web-out-3.log` is `web-out.log` of an instance.
fn without_id(log: &OsStr) -> OsString {
    let shorter = || {
        let stem = log.as_bytes().strip_suffix(b".log")?;
        let digits = stem.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let name = stem.get(..stem.len() - digits)?.strip_suffix(b"-")?;
        (digits > 0).then(|| OsString::from_vec([name, b".log"].concat()))
    };
    shorter().unwrap_or_else(|| log.to_os_string())
}

/// Whether it is called as we call logs; one of both streams is known by the others beside it.
fn is_ours(log: &OsStr, names: &BTreeSet<OsString>) -> bool {
    let Some(stem) = log.as_bytes().strip_suffix(b".log") else { return false };
    let is_beside = || names.contains(OsStr::from_bytes(&[stem, b"-out.log"].concat()));
    stem.ends_with(b"-out") || stem.ends_with(b"-error") || is_beside()
}
