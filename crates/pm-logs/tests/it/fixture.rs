//! A log writer in a folder of its own, pipes into it, and waiting for facts with a deadline.

use std::io::PipeWriter;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pm_logs::{
    LineFormat, LogDestination, LogRotation, LogWriter, LogWriterPlan, Notice, ReadError, Sink,
    StoredLine, Stream, StreamKey, WhenFull, WriterLimits,
};
use tempfile::TempDir;

/// Longer than any of it takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) writer: LogWriter,
    pub(crate) notices: Receiver<Notice>,
}

/// All lines of a history or of several.
pub(crate) fn lines(
    mut next: impl FnMut() -> Result<Option<StoredLine>, ReadError>,
) -> Vec<StoredLine> {
    std::iter::from_fn(|| next().unwrap()).collect()
}

pub(crate) fn key(tag: u64) -> StreamKey {
    StreamKey { tag, stream: Stream::Out }
}

pub(crate) fn raw(path: &Path) -> Sink {
    Sink {
        place: LogDestination::File(path.into()),
        format: LineFormat::Raw,
        combined: None,
        rotation: LogRotation::NEVER,
        full: WhenFull::Drop,
        owner: None,
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (writer, notices) = start(&folder.path().join("state"));
        Fixture { folder, writer, notices }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn open(&self, key: StreamKey, sink: Sink) -> PipeWriter {
        let (read, write) = std::io::pipe().unwrap();
        let fd = self.writer.prepare(key, &sink).unwrap();
        self.writer.attach(key, OwnedFd::from(read), fd, sink);
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

impl Drop for Fixture {
    fn drop(&mut self) {
        self.writer.stop();
    }
}

pub(crate) fn start(state: &Path) -> (LogWriter, Receiver<Notice>) {
    let (sender, notices) = channel();
    let plan = LogWriterPlan { state_dir: state.to_path_buf(), limits: WriterLimits::STANDARD };
    let tell = Box::new(move |notice| drop(sender.send(notice)));
    (LogWriter::start(&plan, tell).unwrap().0, notices)
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
