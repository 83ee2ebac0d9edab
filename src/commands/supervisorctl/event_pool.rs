//! An event listener of Supervisor as an app: this program in front, the listener as its child over pipes. It watches as any client
//! does, and keeps what the listener has not acknowledged in a file, so that the death of either loses nothing.

mod backlog;
#[cfg(test)]
mod fuzz_tests;
mod lines;
mod passages;
mod ticks;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use pm_client::{Feed, Subscription};
use pm_protocol::Change;
use serde::{Deserialize, Serialize};

use super::processes::Supervised;
use super::{Controller, GENERIC};
use crate::cli::EventPoolArgs;
use crate::commands::support::resend::now;
use crate::console;
use crate::prelude::{Failure, Report, Session};
use crate::report::ReportExit;
use backlog::{Backlog, PoolEvent};
use lines::{ListenerLines, ListenerSaid};
use ticks::PoolTicks;

/// So much may wait to be looked at; who tells more waits itself.
const QUEUE: usize = 64;

/// What comes in.
enum PoolNews {
    /// Something has changed.
    Changed,
    Said(Vec<u8>),
    /// The listener closed its output, or nobody tells us anything any more.
    Over,
    Remote(RemoteNews),
}

/// A line on standard input: what somebody told all listeners.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RemoteNews {
    /// What it calls itself.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What it is.
    pub(crate) data: String,
}

/// Where the listener stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListenerState {
    Acknowledged,
    Ready,
    Busy,
    /// It broke the protocol, and is told nothing more.
    Unknown,
}

/// The listener and what it is to be told.
struct EventPool<'a> {
    session: &'a Session,
    args: &'a EventPoolArgs,
    backlog: Backlog,
    listener: ChildStdin,
    state: ListenerState,
    /// Whether it has ever been ready: what comes before it is kept whatever its number is.
    was_ready: bool,
    lines: ListenerLines,
    /// When a process that starts will have proved itself, in ms since 1970.
    settles: Option<u64>,
}

/// Serves the listener until it ends, and ends as it did.
pub(crate) fn run(session: &Session, args: &EventPoolArgs) -> Result<Report, Failure> {
    let backlog = Backlog::open(&session.home, &args.pool);
    let mut child = spawn(args)?;
    let (Some(listener), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::failed("could not talk to the listener: it has no pipes"));
    };
    let (tell, news) = sync_channel(QUEUE);
    let feed = Subscription::open(&session.home, None)?.filter_map(|feed| match feed {
        Feed::Change(Change::Snapshot(_) | Change::Changed(_) | Change::Removed(_)) => {
            Some(PoolNews::Changed)
        }
        Feed::Change(Change::Usage(_) | Change::Host(_) | Change::Leaving) | Feed::Reconnecting => {
            None
        }
    });
    hear("feed", tell.clone(), feed.chain([PoolNews::Over]))?;
    let remote = BufReader::new(std::io::stdin()).lines().map_while(Result::ok);
    let remote = remote.filter_map(|line| serde_json::from_str(&line).ok().map(PoolNews::Remote));
    hear("remote", tell.clone(), remote)?;
    hear("listener", tell, said(output).chain([PoolNews::Over]))?;
    let mut pool = EventPool {
        session,
        args,
        backlog,
        listener,
        state: ListenerState::Acknowledged,
        was_ready: false,
        lines: ListenerLines::default(),
        settles: None,
    };
    let served = pool.serve(&news);
    drop(pool);
    served?;
    let ended =
        child.wait().map_err(|error| Failure::failed(format!("could not wait: {error}")))?;
    let code = ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(GENERIC);
    let ending = if code == 0 { ReportExit::Well } else { ReportExit::App(code) };
    Ok(Report { ending, ..Report::default() })
}

/// A thread of this name tells what comes.
fn hear(
    name: &str,
    tell: SyncSender<PoolNews>,
    mut source: impl Iterator<Item = PoolNews> + Send + 'static,
) -> Result<(), Failure> {
    let hearing = move || source.all(|one| tell.send(one).is_ok());
    let thread = thread::Builder::new().name(name.into()).spawn(hearing);
    thread.map(drop).map_err(|error| Failure::failed(format!("could not listen: {error}")))
}

/// What it writes, in pieces.
fn said(mut output: impl Read + Send + 'static) -> impl Iterator<Item = PoolNews> + Send {
    std::iter::from_fn(move || {
        let mut bytes = vec![0; 8192];
        let count = output.read(&mut bytes).ok().filter(|count| *count > 0)?;
        bytes.truncate(count);
        Some(PoolNews::Said(bytes))
    })
}

fn spawn(args: &EventPoolArgs) -> Result<Child, Failure> {
    let [program, rest @ ..] = args.command.as_slice() else {
        return Err(Failure::input("could not start the listener: there is no command"));
    };
    let mut command = Command::new(program);
    let command = command.args(rest).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().map_err(|error| {
        Failure::failed(format!("could not start {}: {error}", program.to_string_lossy()))
    })
}

impl EventPool<'_> {
    fn serve(&mut self, news: &Receiver<PoolNews>) -> Result<(), Failure> {
        let mut ticks = PoolTicks::of(&self.args.events, now());
        if self.backlog.begins_anew() {
            self.put(vec![PoolEvent::new("SUPERVISOR_STATE_CHANGE_RUNNING", String::new())]);
        }
        self.look()?;
        loop {
            self.deliver();
            self.backlog.save()?;
            let next = [ticks.next(), self.settles].into_iter().flatten().min();
            let left = next.map(|at| Duration::from_millis(at.saturating_sub(now())));
            let first = match left {
                None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(left) => news.recv_timeout(left),
            };
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                return Ok(());
            }
            let mut is_dirty = self.settles.is_some_and(|at| at <= now());
            for one in first.into_iter().chain(news.try_iter()) {
                match one {
                    PoolNews::Changed => is_dirty = true,
                    PoolNews::Over => return Ok(()),
                    PoolNews::Remote(RemoteNews { kind, data }) => {
                        let payload = format!("type:{kind}\n{data}");
                        self.put(vec![PoolEvent::new("REMOTE_COMMUNICATION", payload)]);
                    }
                    PoolNews::Said(bytes) => self.hear(&bytes),
                }
            }
            if is_dirty {
                self.look()?;
            }
            self.put(ticks.due(now()));
        }
    }

    /// What has become of all processes since the last look.
    fn look(&mut self) -> Result<(), Failure> {
        // Between two daemons there is nobody to ask; who comes back tells of it.
        let Some(mut client) = self.session.find()? else { return Ok(()) };
        let all: Vec<Supervised> = Controller::all(&mut client)?;
        self.settles = all.iter().filter_map(|one| one.settles).min();
        let events = passages::between(&mut self.backlog.standings, &all);
        self.put(events);
        Ok(())
    }

    /// Keeps those that are wanted; the oldest go where there are too many.
    fn put(&mut self, events: Vec<PoolEvent>) {
        let is_wanted = |event: &PoolEvent| {
            self.args.events.iter().any(|wanted| {
                let under = || event.kind.strip_prefix(wanted.as_str())?.strip_prefix('_');
                wanted == "EVENT" || event.kind == *wanted || under().is_some()
            })
        };
        let wanted: Vec<_> = events.into_iter().filter(is_wanted).collect();
        for event in wanted {
            self.backlog.add(event);
            let most = if self.was_ready { self.args.buffer.max(1) } else { usize::MAX };
            if let Some(lost) = self.backlog.shrink(most) {
                let pool = &self.args.pool;
                let message = format!("pool {pool}: its buffer is full, {lost} is lost");
                self.session.console.complain(&message);
            }
        }
    }

    /// The next event, if the listener waits for one.
    fn deliver(&mut self) {
        if self.state != ListenerState::Ready {
            return;
        }
        let Some(text) = self.backlog.envelope(&self.args.server, &self.args.pool) else { return };
        self.state = ListenerState::Busy;
        // Who has closed its input will be seen to end.
        self.listener.write_all(text.as_bytes()).and_then(|()| self.listener.flush()).ok();
    }

    fn hear(&mut self, bytes: &[u8]) {
        // Its log has all that it says; one that nobody can write is no reason to stop.
        console::show(&String::from_utf8_lossy(bytes)).ok();
        self.lines.add(bytes);
        while self.state != ListenerState::Unknown {
            let Some(said) = self.lines.next(self.state == ListenerState::Busy) else { return };
            match said {
                ListenerSaid::Ready => {
                    self.state = ListenerState::Ready;
                    self.was_ready = true;
                    self.deliver();
                }
                ListenerSaid::Result(accepted) => {
                    self.state = ListenerState::Acknowledged;
                    if accepted {
                        self.backlog.acknowledge();
                    }
                }
                ListenerSaid::Rubbish(what) => {
                    self.state = ListenerState::Unknown;
                    let pool = &self.args.pool;
                    self.session.console.complain(&format!(
                        "pool {pool}: the listener is told nothing more until it is restarted: {what}"
                    ));
                }
            }
        }
    }
}
