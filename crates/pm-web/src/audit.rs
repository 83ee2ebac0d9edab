//! Who did what: `audit.jsonl`, a line for each change and each refusal, only ever appended; of 10 MB each, the last five.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Bytes of one file.
const FILE_SIZE: u64 = 10 << 20;

/// Files there are, the one that is written included.
const FILES: u32 = 5;

/// Longer words are cut: a line has a few, and a hundred of these fit into what is kept in any case.
const LONGEST_WORD: usize = 512;

/// So many refusals may come at once, and one a second after that: whoever scans must not push out what people did.
const BURST: u32 = 100;

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// In ms since 1970.
    pub at_ms: u64,
    /// Name of who asked; empty where that is not known.
    pub who: String,
    /// Address; `control` for the command line.
    pub from: String,
    /// What was asked: the command that was run, or method and path.
    pub deed: Vec<String>,
    /// `done`, `exit 1`, or the code of a refusal.
    pub outcome: String,
    /// Refusals nobody wrote down since the line before, for there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The files of the home at `root`, oldest first.
pub fn audit_files(root: &Path) -> Vec<PathBuf> {
    let current = root.join("web").join("audit.jsonl");
    let old = (1..FILES).rev().map(|number| put_aside(&current, number));
    let old: Vec<PathBuf> = old.filter(|path| path.exists()).collect();
    old.into_iter().chain([current]).collect()
}

fn put_aside(current: &Path, number: u32) -> PathBuf {
    current.with_extension(format!("jsonl.{number}"))
}

/// The one that writes.
#[derive(Debug)]
pub(crate) struct AuditLog {
    path: PathBuf,
    file: File,
    size: u64,
    budget: u32,
    refilled: Instant,
    left_out: u32,
}

impl AuditLog {
    /// Goes on where it ended.
    pub(crate) fn open(path: PathBuf, now: Instant) -> io::Result<Self> {
        let file = appending(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size, budget: BURST, refilled: now, left_out: 0 })
    }

    /// A change.
    pub(crate) fn change(&mut self, line: AuditLine) -> io::Result<()> {
        self.write(line)
    }

    /// A refusal; if there are too many, only their number is kept.
    pub(crate) fn refusal(&mut self, line: AuditLine, now: Instant) -> io::Result<()> {
        let seconds = now.saturating_duration_since(self.refilled).as_secs();
        if seconds > 0 {
            let more = u32::try_from(seconds).unwrap_or(BURST);
            self.budget = self.budget.saturating_add(more).min(BURST);
            self.refilled += Duration::from_secs(seconds);
        }
        if self.budget == 0 {
            self.left_out = self.left_out.saturating_add(1);
            return Ok(());
        }
        self.budget -= 1;
        self.write(line)
    }

    fn write(&mut self, mut line: AuditLine) -> io::Result<()> {
        line.left_out = std::mem::take(&mut self.left_out);
        for word in line.deed.iter_mut().chain([&mut line.who, &mut line.from, &mut line.outcome]) {
            let end =
                (0..=LONGEST_WORD.min(word.len())).rev().find(|at| word.is_char_boundary(*at));
            word.truncate(end.unwrap_or(0));
        }
        // Whoever shows a line somewhere careless gets no markup, and no line is two.
        let text = serde_json::to_string(&line)?;
        let text = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        let bytes = format!("{text}\n").into_bytes();
        let length = u64::try_from(bytes.len()).unwrap_or(0);
        if self.size + length > FILE_SIZE {
            self.turn()?;
        }
        self.file.write_all(&bytes)?;
        self.size += length;
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        for number in (1..FILES - 1).rev() {
            // What is not there need not move.
            std::fs::rename(put_aside(&self.path, number), put_aside(&self.path, number + 1)).ok();
        }
        std::fs::rename(&self.path, put_aside(&self.path, 1))?;
        self.file = appending(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(word: &str) -> AuditLine {
        AuditLine { who: word.into(), deed: vec![word.into()], ..AuditLine::default() }
    }

    #[test]
    fn a_deed_is_a_line_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut log = AuditLog::open(path.clone(), Instant::now()).unwrap();
        let odd = "a\nb<script>&\u{1b}[31m";
        log.change(line(odd)).unwrap();
        log.change(line(&"ü".repeat(2000))).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert!(!text.contains(['<', '\u{1b}']), "{text}");
        let lines: Vec<AuditLine> =
            text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!((lines.len(), lines[0].who.as_str()), (2, odd));
        assert_eq!(lines[1].who.len(), LONGEST_WORD);
    }

    #[test]
    fn who_scans_pushes_nothing_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let now = Instant::now();
        let mut log = AuditLog::open(path.clone(), now).unwrap();
        (0..500).for_each(|_| log.refusal(line("scan"), now).unwrap());
        log.change(line("deed")).unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 101);
        let last: AuditLine = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((last.who.as_str(), last.left_out), ("deed", 400));
    }

    #[test]
    fn five_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web/audit.jsonl");
        std::fs::create_dir(folder.path().join("web")).unwrap();
        for _ in 0..7 {
            let mut log = AuditLog::open(path.clone(), Instant::now()).unwrap();
            log.size = FILE_SIZE;
            log.change(line("x")).unwrap();
        }
        assert_eq!(audit_files(folder.path()).len(), 5);
        assert_eq!(std::fs::read_dir(folder.path().join("web")).unwrap().count(), 5);
    }
}
