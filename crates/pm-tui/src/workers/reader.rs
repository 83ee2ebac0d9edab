//! Reads log files: the last lines at first, then what comes. Groups that were looked at before are read on, but
//! only twice a second; quiet files cost nothing. Never reads faster than a screen can show.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use pm_client::{CallError, Client, Deadline, ThreadWaker, line_times, log_files};
use pm_logs::{LogFiles as Log, ReadError, Tail, TailLine, TailRound};
use pm_protocol::{Home, Logs};
use pm_spec::Select;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::error::TuiError;
use crate::message::{LogBatch, LogGroup, LogLine, Msg};

/// Lines of the past, shared by the logs of a group.
const PAST: usize = 1000;
/// The pause of groups nobody looks at just now.
const REST: Duration = Duration::from_millis(500);
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
    tail: Tail,
    /// Whose lines each log holds.
    owners: Vec<u32>,
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
                let due = |open: &&mut OpenGroup| open.tail.is_due(now);
                let Some(open) = self.open.get_mut(&group).filter(due) else { continue };
                match read_some(open, &group, &self.sender) {
                    Ok(true) if group != self.group => open.tail.pause(Some(now + REST)),
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
        let until = self.open.values().filter_map(|open| open.tail.wakes_at()).min();
        let left = until.map(|until| until.saturating_duration_since(now));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        // A paused one would wake us for what it does not read yet.
        let due = self.open.values().filter(|open| open.tail.is_due(now));
        let files: Vec<_> = due.map(|open| open.tail.fd()).collect();
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
            if open.tail.logs() == logs {
                open.tail.pause(None);
                return Ok(());
            }
            self.open.remove(group);
        }
        let (tail, lines) = Tail::open(logs, PAST)?;
        let open = OpenGroup { tail, owners };
        let lines = open.shown(lines);
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
            for (stream, log) in log_files(source) {
                // Instances may share a file (`merge_logs`), and so may both outputs.
                if !logs.iter().any(|known| known.log == log) {
                    let times = line_times(&self.home.log_state(), &source.shape);
                    logs.push(Log { number: logs.len(), stream, log, times });
                    owners.push(source.id);
                }
            }
        }
        Ok((logs, owners))
    }
}

/// Reads what came, and tells whether there was something.
fn read_some(
    open: &mut OpenGroup,
    group: &LogGroup,
    to: &SyncSender<Msg>,
) -> Result<bool, ReadFailure> {
    let Some(TailRound { lines, skipped }) = open.tail.read_some()? else { return Ok(false) };
    let lines = open.shown(lines);
    send(to, LogBatch { group: group.clone(), lines, skipped, fresh: false })?;
    Ok(true)
}

impl OpenGroup {
    fn shown(&self, lines: Vec<TailLine>) -> Vec<LogLine> {
        let shown = |TailLine { line, left_out }: TailLine| LogLine {
            id: self.owners.get(line.source).copied().unwrap_or(u32::MAX),
            stream: line.stream,
            at: line.at,
            bytes: line.bytes,
            left_out,
        };
        lines.into_iter().map(shown).collect()
    }
}

fn send(sender: &SyncSender<Msg>, lines: LogBatch) -> Result<(), ReadFailure> {
    sender.send(Msg::Lines(lines)).map_err(|_| ReadFailure::Closed)
}
