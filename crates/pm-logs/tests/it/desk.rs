//! A scribe in a folder of its own, pipes into it, and waiting for facts with a deadline.

use std::io::PipeWriter;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pm_logs::{
    Format, Limits, Notice, Place, Rotation, Scribe, ScribePlan, Sink, Stream, StreamKey, WhenFull,
};
use tempfile::TempDir;

/// Longer than any of it takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) scribe: Scribe,
    pub(crate) notices: Receiver<Notice>,
}

pub(crate) fn key(tag: u64) -> StreamKey {
    StreamKey { tag, stream: Stream::Out }
}

pub(crate) fn raw(path: &Path) -> Sink {
    Sink {
        place: Place::File(path.to_path_buf()),
        format: Format::Raw,
        combined: None,
        rotation: Rotation::NEVER,
        full: WhenFull::Drop,
        owner: None,
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (scribe, notices) = start(&folder.path().join("state"));
        Desk { folder, scribe, notices }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn open(&self, key: StreamKey, sink: Sink) -> PipeWriter {
        let (read, write) = std::io::pipe().unwrap();
        let fd = self.scribe.prepare(key, &sink).unwrap();
        self.scribe.attach(key, OwnedFd::from(read), fd, sink);
        write
    }

    /// The first notice that `pick` takes; the others are lost.
    pub(crate) fn notice<T>(&self, mut pick: impl FnMut(Notice) -> Option<T>) -> T {
        let until = Instant::now() + DEADLINE;
        let mut seen = Vec::new();
        while let Ok(notice) = self.notices.recv_timeout(until - Instant::now()) {
            seen.push(format!("{notice:?}"));
            if let Some(found) = pick(notice) {
                return found;
            }
        }
        panic!("not among the notices {seen:?}");
    }

    pub(crate) fn ended(&self, key: StreamKey) {
        self.notice(|notice| {
            matches!(notice, Notice::Ended { key: it } if it == key).then_some(())
        });
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.scribe.stop();
    }
}

pub(crate) fn start(state: &Path) -> (Scribe, Receiver<Notice>) {
    let (sender, notices) = channel();
    let plan = ScribePlan { state_dir: state.to_path_buf(), limits: Limits::STANDARD };
    let tell = Box::new(move |notice| drop(sender.send(notice)));
    (Scribe::start(&plan, tell).unwrap().0, notices)
}

/// Waits until `fact` is true.
pub(crate) fn until(what: &str, mut fact: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !fact() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

/// All rotated parts of a log, oldest first.
pub(crate) fn parts(log: &Path) -> Vec<(String, Vec<u8>)> {
    let stem = format!("{}__", log.file_stem().unwrap().to_string_lossy());
    let entries = std::fs::read_dir(log.parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(&stem)).collect();
    names.sort_by_key(|name| {
        let stamp = name[stem.len()..].trim_end_matches(".log").to_owned();
        let number = stamp.get(20..).map_or(0, |digits| digits.parse::<u32>().unwrap());
        (stamp[..19].to_owned(), number)
    });
    names.into_iter().map(|name| (name.clone(), read(&log.with_file_name(name)))).collect()
}

/// What a log and its parts hold together.
pub(crate) fn whole(log: &Path) -> Vec<u8> {
    parts(log).into_iter().flat_map(|part| part.1).chain(read(log)).collect()
}
