//! Reads log files: the last lines at first, then what comes, of one group at a time. Others are paused: their
//! place in the files is kept, which costs nothing. Never reads faster than a screen can show.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant, SystemTime};

use pm_client::{CallError, Client, Deadline};
use pm_logs::{Follow, History, Line, Merge, ReadError, Source as Log, Stream, Times, Want};
use pm_protocol::{Home, LogShape, LogSource, Logs};
use pm_spec::{ByteString, Select};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::logbook::{Group, LogLine, Source};
use crate::msg::{Lines, Msg};
use crate::stage::TuiError;

/// Lines of the past, shared by the logs of a group, but at least some for each.
const PAST: usize = 1000;
const LEAST_PAST: usize = 50;
/// Bytes read at once, and the pause before more is read at once: some 8 MB/s, more than anyone sees.
const ROUND: u64 = 256 << 10;
const PAUSE: Duration = Duration::from_millis(33);
/// Further behind than this, the rest is passed over and reading goes on near the end.
const TOO_FAR: u64 = 1 << 20;
/// Wishes that may wait.
const WISHES: usize = 256;
const PATIENCE: Duration = Duration::from_secs(5);

enum Wish {
    Follow(Group),
    Forget(Group),
}

/// Where wishes go.
pub(super) struct Reader {
    wishes: SyncSender<Wish>,
    bell: OwnedFd,
}

impl Reader {
    pub(super) fn start(home: Home, inlet: SyncSender<Msg>) -> Result<Self, TuiError> {
        let failed = |error| TuiError::Thread("logs", error);
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let bell = eventfd(0, flags).map_err(|error| failed(error.into()))?;
        let heard = bell.try_clone().map_err(failed)?;
        let (wishes, inbox) = sync_channel(WISHES);
        let work = move || {
            let shelf = Shelf { home, inlet, client: None, open: BTreeMap::new(), group: None };
            shelf.serve(&inbox, &heard);
        };
        Builder::new().name("logs".into()).spawn(work).map_err(failed)?;
        Ok(Self { wishes, bell })
    }

    pub(super) fn follow(&self, group: Group) {
        self.wish(Wish::Follow(group));
    }

    pub(super) fn forget(&self, group: Group) {
        self.wish(Wish::Forget(group));
    }

    /// A queue this long means a reader stuck in a dead file system; then wishes are of no use.
    fn wish(&self, wish: Wish) {
        self.wishes.try_send(wish).ok();
        ring(&self.bell);
    }
}

impl Drop for Reader {
    /// Without it the thread would not learn that nobody wishes any more.
    fn drop(&mut self) {
        ring(&self.bell);
    }
}

/// A bell that can't be rung has rung 2^64 times.
fn ring(bell: &OwnedFd) {
    rustix::io::write(bell, &1_u64.to_ne_bytes()).ok();
}

/// All groups whose files are open.
struct Shelf {
    home: Home,
    inlet: SyncSender<Msg>,
    client: Option<Client>,
    open: BTreeMap<Group, Reading>,
    /// The one that is read.
    group: Option<Group>,
}

/// The files of a group.
struct Reading {
    follow: Follow,
    logs: Vec<Log>,
    /// Whose lines each log holds.
    owners: Vec<u32>,
    /// Sizes when everything was read, to know how far behind we are.
    sizes: Vec<u64>,
    /// Bytes read since then.
    read: u64,
    /// More may be there: read on after this.
    again: Option<Instant>,
}

enum Trouble {
    Call(CallError),
    Read(ReadError),
    /// Nobody takes our messages.
    Over,
}

impl Shelf {
    fn serve(mut self, inbox: &Receiver<Wish>, bell: &OwnedFd) {
        loop {
            if !self.obey(inbox, bell) {
                return;
            }
            let Some(group) = self.group.clone() else {
                wait(bell, None, None);
                continue;
            };
            let Some(reading) = self.open.get_mut(&group) else {
                self.group = None;
                continue;
            };
            let until = reading.again.or_else(|| reading.follow.deadline());
            let waits = reading.again.is_some();
            wait(bell, (!waits).then_some(&reading.follow), until);
            if waits && until.is_some_and(|until| Instant::now() < until) {
                continue;
            }
            match reading.round(&group, &self.inlet) {
                Ok(()) => {}
                Err(Trouble::Over) => return,
                Err(trouble) => {
                    self.open.remove(&group);
                    self.tell(&group, &trouble);
                }
            }
        }
    }

    /// Does what is wished; only the last group wished for is opened. False: nobody wishes any more.
    fn obey(&mut self, inbox: &Receiver<Wish>, bell: &OwnedFd) -> bool {
        let mut count = [0; 8];
        // Empty or full, what matters is in the queue.
        rustix::io::read(bell, &mut count).ok();
        let mut last = None;
        loop {
            match inbox.try_recv() {
                Ok(Wish::Follow(group)) => last = Some(group),
                Ok(Wish::Forget(group)) => drop(self.open.remove(&group)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        let Some(group) = last else { return true };
        self.group = Some(group.clone());
        if group.is_empty() {
            self.group = None;
            return true;
        }
        match self.turn_to(&group) {
            Ok(()) => true,
            Err(Trouble::Over) => false,
            Err(trouble) => {
                self.tell(&group, &trouble);
                true
            }
        }
    }

    fn tell(&mut self, group: &Group, trouble: &Trouble) {
        let text = match trouble {
            Trouble::Over | Trouble::Call(CallError::Lost | CallError::Late) => return,
            Trouble::Call(error) => format!("could not {error}"),
            Trouble::Read(error) => format!("could not {error}"),
        };
        drop(self.inlet.send(Msg::LogTrouble(group.clone(), text)));
    }

    /// Opens a group, or goes on where it was left; files that changed their place are followed there.
    fn turn_to(&mut self, group: &Group) -> Result<(), Trouble> {
        let (logs, owners) = self.logs(group)?;
        if let Some(reading) = self.open.get_mut(group) {
            if reading.logs == logs {
                return Ok(());
            }
            self.open.remove(group);
        }
        let (reading, lines) = Reading::open(logs, owners)?;
        send(&self.inlet, group, lines, 0)?;
        self.open.insert(group.clone(), reading);
        Ok(())
    }

    fn logs(&mut self, group: &Group) -> Result<(Vec<Log>, Vec<u32>), Trouble> {
        let call = Logs { select: group.iter().map(|id| Select::Id(*id)).collect() };
        let mut client = match self.client.take() {
            Some(client) => client,
            None => Client::open(&self.home).map_err(|error| Trouble::Call(error.into()))?,
        };
        let reply = client.call(&call, Deadline::after(PATIENCE)).map_err(Trouble::Call)?;
        self.client = Some(client);
        let (mut logs, mut owners): (Vec<Log>, Vec<u32>) = (Vec::new(), Vec::new());
        for source in &reply.sources {
            for (stream, path) in files(source) {
                let log = path_of(path);
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

fn path_of(path: &ByteString) -> PathBuf {
    OsString::from_vec(path.as_bytes().to_vec()).into()
}

fn times(home: &Home, shape: &LogShape) -> Times {
    match shape {
        LogShape::Raw => Times::Index(home.log_state()),
        LogShape::Stamped(format) => Times::Stamped(pm_logs::stamp::StampFormat::new(format)),
        LogShape::Json => Times::Json(None),
    }
}

impl Reading {
    /// Reads the last lines, merged by time, and stands ready to follow.
    fn open(logs: Vec<Log>, owners: Vec<u32>) -> Result<(Self, Vec<LogLine>), Trouble> {
        let each = (PAST / logs.len().max(1)).max(LEAST_PAST);
        let sizes = logs.iter().map(size).collect();
        let want = Want { last: Some(each), ..Want::default() };
        let histories: Result<Vec<_>, _> =
            logs.iter().map(|log| History::open(log.clone(), want.clone())).collect();
        let mut merge = Merge::new(histories.map_err(Trouble::Read)?).map_err(Trouble::Read)?;
        let mut lines = Vec::new();
        while let Some(line) = merge.next_line().map_err(Trouble::Read)? {
            lines.push(shown(line, &owners));
        }
        let mut follow = Follow::new().map_err(Trouble::Read)?;
        for (log, history) in logs.iter().zip(merge.into_histories()) {
            follow.add(log.clone(), history.cursor().into()).map_err(Trouble::Read)?;
        }
        Ok((Self { follow, logs, owners, sizes, read: 0, again: None }, lines))
    }

    /// Reads what came, but not more than a screen can show.
    fn round(&mut self, group: &Group, inlet: &SyncSender<Msg>) -> Result<(), Trouble> {
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
        let flow = flow.map_err(Trouble::Read)?;
        self.read += bytes;
        if flow.is_continue() {
            self.again = None;
            self.read = 0;
            self.sizes = self.logs.iter().map(size).collect();
            return if lines.is_empty() { Ok(()) } else { send(inlet, group, lines, 0) };
        }
        self.again = Some(Instant::now() + PAUSE);
        let behind = self.grown().saturating_sub(self.read);
        send(inlet, group, lines, 0)?;
        if behind <= TOO_FAR {
            return Ok(());
        }
        let (logs, owners) = (std::mem::take(&mut self.logs), std::mem::take(&mut self.owners));
        let (reading, lines) = Self::open(logs, owners)?;
        *self = Self { again: self.again, ..reading };
        let kept: u64 = lines.iter().map(|line| line.bytes.len() as u64 + 1).sum();
        send(inlet, group, lines, behind.saturating_sub(kept))
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

fn shown(line: Line, owners: &[u32]) -> LogLine {
    let id = owners.get(line.source).copied().unwrap_or(u32::MAX);
    let source = match line.stream {
        Stream::Out => Source::Out,
        Stream::Err => Source::Error,
    };
    LogLine { id, source, at: line.at, bytes: line.bytes }
}

fn send(
    inlet: &SyncSender<Msg>,
    group: &Group,
    lines: Vec<LogLine>,
    skipped: u64,
) -> Result<(), Trouble> {
    let lines = Lines { group: group.clone(), lines, skipped };
    inlet.send(Msg::Lines(lines)).map_err(|_| Trouble::Over)
}

/// Sleeps until the bell rings, the files grow or the time comes.
fn wait(bell: &OwnedFd, follow: Option<&Follow>, until: Option<Instant>) {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    let mut fds = vec![PollFd::new(bell, PollFlags::IN)];
    let files = follow.map(Follow::fd);
    fds.extend(files.iter().map(|files| PollFd::new(files, PollFlags::IN)));
    // An interruption is as good a reason to look as any.
    poll(&mut fds, left.as_ref()).ok();
}
