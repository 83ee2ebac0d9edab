//! A file for each failure, for whoever asks later: what ended, how and why, under which limits, with the names of its variables
//! and its last words. The last few are kept. It is written by a thread of its own once all that was said is in the log; one
//! that can't be written is missing, and that is all.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pm_core::{Cause, Core, Ending, InstanceId, InstanceView, RunEnd, RunId};
use pm_protocol::{Home, crash_prefix};
use rustix::fs::OFlags;
use serde_json::{Value, json};

use crate::clock::Clocks;
use crate::server::ends;
use crate::{own_file, plan};

/// So many are kept of each instance.
const KEPT: usize = 5;

/// So many are kept in all: those of apps that are gone go first, being the oldest in the end.
const MOST: usize = 200;

/// So many of its last lines are in it.
const LINES: usize = 20;

/// They are looked for in so many bytes at the end of its log.
const TAIL: u64 = 16 << 10;

/// Failures whose last words are still on their way.
#[derive(Debug)]
pub(crate) struct CrashFiles {
    folder: PathBuf,
    waiting: BTreeMap<RunId, CrashFile>,
}

/// One failure.
#[derive(Debug)]
struct CrashFile {
    /// How the names of all files of the instance begin.
    prefix: String,
    /// When it ended, in ms since 1970.
    at: u64,
    facts: Value,
    log: Option<PathBuf>,
}

impl CrashFiles {
    pub(crate) fn new(home: &Home) -> Self {
        Self { folder: home.crashes(), waiting: BTreeMap::new() }
    }

    /// Notes the failures among these ends.
    pub(crate) fn note(&mut self, core: &Core, ends: &[(InstanceId, RunEnd)], clocks: Clocks<'_>) {
        for (id, end) in ends.iter().filter(|(_, end)| is_failure(end)) {
            if let Some(instance) = core.instance(*id) {
                self.waiting.insert(end.run, CrashFile::of(&instance, end, clocks));
            }
        }
    }

    /// Writes those of runs that are not in hand any more.
    pub(crate) fn write(&mut self, is_in_hand: impl Fn(RunId) -> bool) {
        if self.waiting.is_empty() {
            return;
        }
        let done: Vec<_> = self.waiting.keys().copied().filter(|run| !is_in_hand(*run)).collect();
        for file in done.iter().filter_map(|run| self.waiting.remove(run)) {
            let folder = self.folder.clone();
            tokio::task::spawn_blocking(move || file.write(&folder).ok());
        }
    }
}

/// An end that nobody asked for, and that is no good one.
fn is_failure(end: &RunEnd) -> bool {
    end.cause.is_news() && end.cause != Cause::Ended(Ending::Exited(0))
}

impl CrashFile {
    fn of(instance: &InstanceView<'_>, end: &RunEnd, clocks: Clocks<'_>) -> Self {
        let (app, view) = (instance.app, ends::end_view(end, clocks));
        let paths = plan::log_paths(app, instance.id);
        let log = paths.error.or(paths.combined).map(|path| plan::path_of(&path));
        let names: Vec<&str> = app.env.iter().map(|(name, _)| name).collect();
        let facts = json!({
            "app": app.name.as_str(), "namespace": app.namespace.as_str(), "id": instance.id.0,
            "at": view.at, "why": view.why, "code": view.code, "signal": view.signal,
            "pid": view.pid, "lived": view.lived, "restarts": instance.restarts,
            "script": app.script, "interpreter": app.interpreter, "cwd": app.cwd,
            "user": app.user, "max_memory_restart": app.limits.memory, "kernel": app.kernel,
            "variables": names, "error_log": log,
        });
        let prefix = crash_prefix(app.name.as_str(), instance.id.0);
        Self { prefix, at: view.at, facts, log }
    }

    fn write(mut self, folder: &Path) -> io::Result<()> {
        let lines = self.log.as_deref().and_then(|log| last_lines(log).ok());
        self.facts["last_lines"] = json!(lines.unwrap_or_default());
        DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
        let path = folder.join(format!("{}{}.json", self.prefix, self.at));
        own_file::replace(&path, format!("{:#}\n", self.facts).as_bytes())?;
        forget(folder, &self.prefix)
    }
}

/// Removes what is more than is kept, the oldest first.
fn forget(folder: &Path, prefix: &str) -> io::Result<()> {
    let names =
        fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // The moment is what the names end with.
    let moment = |name: &String| name.rsplit('-').next().map(str::to_owned);
    let is_whole = |name: &String| name.rsplit('.').next() == Some("json");
    let mut all: Vec<String> = names.filter(is_whole).collect();
    all.sort_by_key(moment);
    let is_own = |name: &&String| {
        let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(".json"));
        rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let own: Vec<_> = all.iter().filter(is_own).cloned().collect();
    let surplus = |all: &[String], kept: usize| all.len().saturating_sub(kept);
    let own = own.iter().take(surplus(&own, KEPT));
    for name in own.chain(all.iter().take(surplus(&all, MOST))) {
        // Somebody else may have been faster.
        fs::remove_file(folder.join(name)).ok();
    }
    Ok(())
}

/// The last lines of a log. The app may have put anything at its path: only a plain file is read.
fn last_lines(log: &Path) -> io::Result<Vec<String>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(log)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(meta.len().saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    Ok(last.iter().map(|line| (*line).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash(prefix: &str, at: u64, log: &Path) -> CrashFile {
        CrashFile { prefix: prefix.into(), at, facts: json!({ "at": at }), log: Some(log.into()) }
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_last_few_are_kept_with_the_last_lines() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, log) = (dir.path().join("crashes"), dir.path().join("error.log"));
        let lines: Vec<_> = (0..30).map(|line| format!("line {line}")).collect();
        fs::write(&log, lines.join("\n")).unwrap();
        crash("web-0-api-1-", 1000, &log).write(&folder).unwrap();
        for at in 1000..1010 {
            crash("web-0-", at, &log).write(&folder).unwrap();
        }
        let kept: Vec<_> = (1005..1010).map(|at| format!("web-0-{at}.json")).collect();
        assert_eq!(names(&folder)[..KEPT], kept);
        assert_eq!(names(&folder)[KEPT], "web-0-api-1-1000.json");
        let facts: Value =
            serde_json::from_slice(&fs::read(folder.join(&kept[0])).unwrap()).unwrap();
        assert_eq!(facts["last_lines"].as_array().unwrap().len(), LINES);
        assert_eq!(
            (&facts["at"], &facts["last_lines"][LINES - 1]),
            (&json!(1005), &json!("line 29"))
        );
    }

    #[test]
    fn what_is_no_plain_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(last_lines(&link).is_err());
        assert_eq!(last_lines(dir.path()).unwrap_or_default(), Vec::<String>::new());
    }
}
