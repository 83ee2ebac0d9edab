//! Reads log files: the last lines at first, then what comes. Groups that were looked at before are read on, but
//! only twice a second; quiet files cost nothing. Never reads faster than a screen can show.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant, SystemTime};

use pm_client::{CallError, Client, Deadline};
use pm_logs::{
    Follow, History, LineQuery, LineTimes, LogFiles as Log, Merge, ReadError, StoredLine, Stream,
};
use pm_protocol::{Home, LogShape, LogSource, Logs};
use pm_spec::{ByteString, Select};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::TuiError;
use crate::message::{LogBatch, LogGroup, LogLine, Msg};
use crate::wake::ThreadWaker;

/// Lines of the past, shared by the logs of a group, but at least some for each.
const PAST: usize = 1000;
const LEAST_PAST: usize = 50;
/// Bytes read at once, and the pause before more is read at once: some 8 MB/s, more than anyone sees.
const ROUND: u64 = 256 << 10;
const PAUSE: Duration = Duration::from_millis(33);
/// The pause of groups nobody looks at just now.
const REST: Duration = Duration::from_millis(500);
/// Further behind than this, the rest is passed over and reading goes on near the end.
const TOO_FAR: u64 = 1 << 20;
/// Commands that may wait.
const COMMANDS: usize = 256;
const PATIENCE: Duration = Duration::from_secs(5);

/// What the thread is to do.
pub(super) enum ReaderCommand {
    Follow(LogGroup),
    Forget(LogGroup),
}

/// Has logs read by a thread of its own.
pub(super) struct LogReader {
    commands: SyncSender<ReaderCommand>,
    waker: ThreadWaker,
}

impl LogReader {
    pub(super) fn start(home: Home, sender: SyncSender<Msg>) -> Result<Self, TuiError> {
        let failed = |error| TuiError::Thread("logs", error);
        let waker = ThreadWaker::new().map_err(failed)?;
        let (commands, inbox) = sync_channel(COMMANDS);
        let (open, group) = (BTreeMap::new(), LogGroup::new());
        let thread = ReaderThread { home, sender, waker: waker.clone(), client: None, open, group };
        let work = move || thread.run(&inbox);
        Builder::new().name("logs".into()).spawn(work).map_err(failed)?;
        Ok(Self { commands, waker })
    }

    /// A queue this long means a thread stuck in a dead file system; then commands are of no use.
    pub(super) fn send(&self, command: ReaderCommand) {
        self.commands.try_send(command).ok();
        self.waker.wake();
    }
}

impl Drop for LogReader {
    /// Without it the thread would not learn that no more commands come.
    fn drop(&mut self) {
        self.waker.wake();
    }
}

/// All groups whose files are open.
struct ReaderThread {
    home: Home,
    sender: SyncSender<Msg>,
    waker: ThreadWaker,
    client: Option<Client>,
    open: BTreeMap<LogGroup, OpenGroup>,
    /// The one on the screen.
    group: LogGroup,
}

/// The files of a group.
struct OpenGroup {
    follow: Follow,
    logs: Vec<Log>,
    /// Whose lines each log holds.
    owners: Vec<u32>,
    /// Sizes when everything was read, to know how far behind we are.
    sizes: Vec<u64>,
    /// Bytes read since then.
    read: u64,
    /// Not read before this.
    paused_until: Option<Instant>,
}

#[derive(Debug, thiserror::Error)]
enum ReadFailure {
    #[error("could not {0}")]
    Call(#[from] CallError),
    #[error("could not {0}")]
    Read(#[from] ReadError),
    #[error("nobody takes our messages")]
    Closed,
}

impl ReaderThread {
    fn run(mut self, inbox: &Receiver<ReaderCommand>) {
        while self.run_commands(inbox).is_continue() {
            self.wait();
            let now = Instant::now();
            let groups: Vec<_> = self.open.keys().cloned().collect();
            for group in groups {
                let Some(open) = self.open.get_mut(&group).filter(|open| open.is_due(now)) else {
                    continue;
                };
                match open.read_some(&group, &self.sender) {
                    Ok(true) if group != self.group => open.paused_until = Some(now + REST),
                    Ok(_) => {}
                    Err(failure) => {
                        self.open.remove(&group);
                        if self.report(&group, &failure).is_break() {
                            return;
                        }
                    }
                }
            }
        }
    }

    /// Sleeps until commands come, a file grows or the time comes for one.
    fn wait(&self) {
        let now = Instant::now();
        let until = self.open.values().filter_map(OpenGroup::wakes_at).min();
        let left = until.map(|until| until.saturating_duration_since(now));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        // A paused one would wake us for what it does not read yet.
        let due = self.open.values().filter(|open| open.is_due(now));
        let files: Vec<_> = due.map(|open| open.follow.fd()).collect();
        let mut fds = vec![PollFd::new(&self.waker, PollFlags::IN)];
        fds.extend(files.iter().map(|file| PollFd::new(file, PollFlags::IN)));
        // An interruption is as good a reason to look as any.
        poll(&mut fds, left.as_ref()).ok();
    }

    /// Only the last group to be followed is opened. It breaks when no more commands can come.
    fn run_commands(&mut self, inbox: &Receiver<ReaderCommand>) -> ControlFlow<()> {
        self.waker.clear();
        let mut last = None;
        loop {
            match inbox.try_recv() {
                Ok(ReaderCommand::Follow(group)) => last = Some(group),
                Ok(ReaderCommand::Forget(group)) => drop(self.open.remove(&group)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return ControlFlow::Break(()),
            }
        }
        let Some(group) = last else { return ControlFlow::Continue(()) };
        self.group.clone_from(&group);
        let opened = if group.is_empty() { Ok(()) } else { self.open_group(&group) };
        opened.map_or_else(|failure| self.report(&group, &failure), ControlFlow::Continue)
    }

    /// Tells the screen; it breaks when nobody takes our messages.
    fn report(&self, group: &LogGroup, failure: &ReadFailure) -> ControlFlow<()> {
        match failure {
            ReadFailure::Closed => return ControlFlow::Break(()),
            // The feed tells of it.
            ReadFailure::Call(CallError::Lost | CallError::Late) => {}
            ReadFailure::Call(_) | ReadFailure::Read(_) => {
                drop(self.sender.send(Msg::LogTrouble(group.clone(), failure.to_string())));
            }
        }
        ControlFlow::Continue(())
    }

    /// Opens a group, or goes on where it was left; files that changed their place are followed there.
    fn open_group(&mut self, group: &LogGroup) -> Result<(), ReadFailure> {
        let (logs, owners) = self.logs(group)?;
        if let Some(open) = self.open.get_mut(group) {
            if open.logs == logs {
                open.paused_until = None;
                return Ok(());
            }
            self.open.remove(group);
        }
        let (open, lines) = OpenGroup::open(logs, owners)?;
        send(&self.sender, LogBatch { group: group.clone(), lines, skipped: 0, fresh: true })?;
        self.open.insert(group.clone(), open);
        Ok(())
    }

    fn logs(&mut self, group: &LogGroup) -> Result<(Vec<Log>, Vec<u32>), ReadFailure> {
        let call = Logs { select: group.iter().map(|id| Select::Id(*id)).collect() };
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::open(&self.home).map_err(CallError::from)?,
        };
        let reply = client.call(&call, Deadline::after(PATIENCE))?;
        self.client = Some(client);
        let (mut logs, mut owners): (Vec<Log>, Vec<u32>) = (Vec::new(), Vec::new());
        for source in &reply.sources {
            for (stream, path) in files(source) {
                let log = PathBuf::from(OsStr::from_bytes(path.as_bytes()));
                // Instances may share a file (`merge_logs`), and so may both outputs.
                if !logs.iter().any(|known| known.log == log) {
                    let times = times(&self.home, &source.shape);
                    logs.push(Log { number: logs.len(), stream, log, times });
                    owners.push(source.id);
                }
            }
        }
        Ok((logs, owners))
    }
}

/// The files of both outputs, else the one of both together.
fn files(source: &LogSource) -> impl Iterator<Item = (Stream, &ByteString)> {
    let apart = source.out.is_some() || source.error.is_some();
    let both = source.combined.as_ref().filter(|_| !apart);
    let out = source.out.as_ref().or(both).map(|path| (Stream::Out, path));
    out.into_iter().chain(source.error.as_ref().map(|path| (Stream::Err, path)))
}

fn times(home: &Home, shape: &LogShape) -> LineTimes {
    match shape {
        LogShape::Raw => LineTimes::Index(home.log_state()),
        LogShape::Stamped(format) => LineTimes::Stamped(pm_logs::stamp::StampFormat::new(format)),
        LogShape::Json => LineTimes::Json(None),
    }
}

impl OpenGroup {
    /// Reads the last lines, merged by time, and stands ready to follow.
    fn open(logs: Vec<Log>, owners: Vec<u32>) -> Result<(Self, Vec<LogLine>), ReadFailure> {
        let each = (PAST / logs.len().max(1)).max(LEAST_PAST);
        let sizes = logs.iter().map(size).collect();
        let want = LineQuery { last: Some(each), ..LineQuery::default() };
        let histories = logs.iter().map(|log| History::open(log.clone(), want.clone()));
        let mut merge = Merge::new(histories.collect::<Result<_, _>>()?)?;
        let mut lines = Vec::new();
        while let Some(line) = merge.next_line()? {
            lines.push(shown(line, &owners));
        }
        let mut follow = Follow::new()?;
        for (log, history) in logs.iter().zip(merge.into_histories()) {
            follow.add(log.clone(), history.cursor().into())?;
        }
        Ok((Self { follow, logs, owners, sizes, read: 0, paused_until: None }, lines))
    }

    /// When to look at the files whatever the kernel says.
    fn wakes_at(&self) -> Option<Instant> {
        self.paused_until.or_else(|| self.follow.deadline())
    }

    fn is_due(&self, now: Instant) -> bool {
        self.paused_until.is_none_or(|end| end <= now)
    }

    /// Reads what came, but not more than a screen can show; tells whether there was something.
    fn read_some(&mut self, group: &LogGroup, to: &SyncSender<Msg>) -> Result<bool, ReadFailure> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).ok();
        let (mut lines, mut bytes) = (Vec::new(), 0);
        let owners = &self.owners;
        let flow = self.follow.read(&mut |line| {
            bytes += line.bytes.len() as u64 + 1;
            let line = shown(line, owners);
            lines.push(LogLine { at: line.at.or(now), ..line });
            if bytes < ROUND { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let is_all = flow?.is_continue();
        if is_all {
            (self.paused_until, self.read) = (None, 0);
            if lines.is_empty() {
                return Ok(false);
            }
            self.sizes = self.logs.iter().map(size).collect();
        } else {
            self.paused_until = Some(Instant::now() + PAUSE);
            self.read += bytes;
        }
        send(to, LogBatch { group: group.clone(), lines, skipped: 0, fresh: false })?;
        let behind = if is_all { 0 } else { self.grown().saturating_sub(self.read) };
        if behind > TOO_FAR {
            self.skip_ahead(behind, group, to)?;
        }
        Ok(true)
    }

    /// Goes on near the end, so many bytes ahead.
    fn skip_ahead(
        &mut self,
        behind: u64,
        group: &LogGroup,
        to: &SyncSender<Msg>,
    ) -> Result<(), ReadFailure> {
        let (logs, owners) = (std::mem::take(&mut self.logs), std::mem::take(&mut self.owners));
        let (open, mut lines) = Self::open(logs, owners)?;
        *self = Self { paused_until: self.paused_until, ..open };
        // Only the part of the past that was not read yet.
        let mut left = behind;
        let known = lines.iter().rposition(|line| {
            let length = line.bytes.len() as u64 + 1;
            left.checked_sub(length).map(|rest| left = rest).is_none()
        });
        lines.drain(..known.map_or(0, |known| known + 1));
        send(to, LogBatch { group: group.clone(), lines, skipped: left, fresh: false })
    }

    /// Bytes the files grew by since everything was read. A rotated file counts from its new beginning.
    fn grown(&self) -> u64 {
        let sizes = self.logs.iter().map(size).zip(&self.sizes);
        sizes.map(|(now, then)| now.checked_sub(*then).unwrap_or(now)).sum()
    }
}

fn size(log: &Log) -> u64 {
    std::fs::metadata(&log.log).map_or(0, |meta| meta.len())
}

fn shown(line: StoredLine, owners: &[u32]) -> LogLine {
    let id = owners.get(line.source).copied().unwrap_or(u32::MAX);
    LogLine { id, stream: line.stream, at: line.at, bytes: line.bytes }
}

fn send(sender: &SyncSender<Msg>, lines: LogBatch) -> Result<(), ReadFailure> {
    sender.send(Msg::Lines(lines)).map_err(|_| ReadFailure::Closed)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn logs(folder: &std::path::Path) -> Vec<Log> {
        [(Stream::Out, "out.log"), (Stream::Err, "error.log")]
            .into_iter()
            .enumerate()
            .map(|(number, (stream, name))| Log {
                number,
                stream,
                log: folder.join(name),
                times: LineTimes::Unknown,
            })
            .collect()
    }

    fn texts(lines: &[LogLine]) -> Vec<String> {
        lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
    }

    fn append(path: &std::path::Path, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Everything that is there, in as many rounds as it takes.
    fn read(reading: &mut OpenGroup) -> (Vec<LogLine>, u64) {
        let (sender, receiver) = sync_channel(1000);
        let group = vec![7];
        while reading.read_some(&group, &sender).unwrap() {}
        drop(sender);
        let mut all = (Vec::new(), 0);
        for msg in receiver {
            let Msg::Lines(lines) = msg else { panic!("{msg:?}") };
            all.0.extend(lines.lines);
            all.1 += lines.skipped;
        }
        all
    }

    #[test]
    fn p53_the_past_comes_first_then_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let logs = logs(folder.path());
        append(&logs[0].log, "one\ntwo\n");
        let (mut reading, past) = OpenGroup::open(logs.clone(), vec![7, 7]).unwrap();
        assert_eq!(texts(&past), ["one", "two"]);
        assert_eq!(read(&mut reading).0, []);
        append(&logs[1].log, "bad\n");
        append(&logs[0].log, "three\n");
        let (lines, skipped) = read(&mut reading);
        assert_eq!(texts(&lines), ["three", "bad"]);
        assert_eq!((lines[1].stream, lines[1].id, skipped), (Stream::Err, 7, 0));
        assert!(lines[0].at.is_some(), "what comes now was written now");
    }

    #[test]
    fn a_flood_is_passed_over_and_counted() {
        // Many short lines, and long ones of which the past read anew holds some that were shown already.
        for (count, length) in [(100_000, 89), (300, 10_000)] {
            flood(count, length);
        }
    }

    fn flood(count: usize, length: usize) {
        let folder = tempfile::tempdir().unwrap();
        let logs = logs(folder.path());
        File::create(&logs[0].log).unwrap();
        let (mut reading, _) = OpenGroup::open(logs.clone(), vec![7, 7]).unwrap();
        let lines: Vec<_> =
            (0..count).map(|number| format!("{number:09} {}\n", "x".repeat(length))).collect();
        let flood = lines.concat();
        append(&logs[0].log, &flood);
        let (lines, skipped) = read(&mut reading);
        let shown: u64 = lines.iter().map(|line| line.bytes.len() as u64 + 1).sum();
        assert_eq!(shown + skipped, flood.len() as u64, "each byte is shown or counted");
        assert!(shown < 4 << 20, "{shown}");
        let last = format!("{:09}", count - 1);
        assert!(texts(&lines).last().unwrap().starts_with(&last));
        let mut numbers: Vec<_> = texts(&lines).iter().map(|text| text[..9].to_owned()).collect();
        numbers.dedup();
        assert!(numbers.is_sorted() && numbers.len() == lines.len(), "nothing twice");
        append(&logs[0].log, "after\n");
        assert_eq!(texts(&read(&mut reading).0), ["after"]);
    }

    #[test]
    fn long_pasts_are_cut_and_shared_files_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let logs = logs(folder.path());
        let many: Vec<_> = (0..5000).map(|number| number.to_string()).collect();
        append(&logs[0].log, &(many.join("\n") + "\n"));
        let (_, past) = OpenGroup::open(logs, vec![7, 7]).unwrap();
        assert_eq!(past.len(), PAST / 2);
        assert_eq!(texts(&past).last().unwrap(), "4999");
        let source = |out: &str, error: Option<&str>, combined: Option<&str>| LogSource {
            id: 1,
            name: "web".into(),
            namespace: "default".into(),
            out: (!out.is_empty()).then(|| out.into()),
            error: error.map(ByteString::from),
            combined: combined.map(ByteString::from),
            shape: LogShape::Raw,
        };
        let streams =
            |source: &LogSource| files(source).map(|(stream, _)| stream).collect::<Vec<_>>();
        assert_eq!(streams(&source("/o", Some("/e"), Some("/c"))), [Stream::Out, Stream::Err]);
        assert_eq!(streams(&source("", None, Some("/c"))), [Stream::Out]);
        assert_eq!(streams(&source("", Some("/e"), Some("/c"))), [Stream::Err]);
        assert_eq!(streams(&source("", None, None)), []);
    }
}
