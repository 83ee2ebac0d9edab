//! Threads that turn keys and signals into messages; both sleep until there is one and can be ended.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossterm::event::{self, Event};
use pm_client::ThreadWaker;
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};

use crate::error::TuiError;
use crate::message::Msg;

/// Reads the terminal.
pub(crate) struct KeyReader {
    thread: JoinHandle<()>,
    waker: ThreadWaker,
    over: Arc<AtomicBool>,
}

impl KeyReader {
    pub(crate) fn start(sender: SyncSender<Msg>) -> Result<Self, TuiError> {
        let failed = |error: io::Error| TuiError::Thread("keys", error);
        let waker = ThreadWaker::new().map_err(failed)?;
        let own = waker.clone();
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let work = move || read(&sender, &own, &is_over);
        let thread = Builder::new().name("keys".into()).spawn(work).map_err(failed)?;
        Ok(Self { thread, waker, over })
    }

    /// Has it look again: what was typed while the terminal was in line mode wakes nobody.
    pub(crate) fn nudge(&self) {
        self.waker.wake();
    }

    pub(crate) fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        self.nudge();
        // A panic in there has been told by the hook.
        drop(self.thread.join());
    }
}

/// `poll` over the terminal and our own end, for crossterm alone can't be woken.
fn read(sender: &SyncSender<Msg>, waker: &ThreadWaker, over: &AtomicBool) {
    let stdin = io::stdin();
    loop {
        let mut ready = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(waker, PollFlags::IN)];
        match poll(&mut ready, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => break,
        }
        if over.load(Ordering::SeqCst) {
            return;
        }
        waker.clear();
        let [terminal, _] = ready.map(|fd| fd.revents());
        if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            break;
        }
        while event::poll(Duration::ZERO).unwrap_or(false) {
            let Ok(event) = event::read() else { break };
            let msg = match event {
                Event::Key(key) => Msg::Key(key),
                Event::Mouse(mouse) => Msg::Mouse(mouse),
                Event::Paste(text) => Msg::Paste(text),
                Event::Resize(width, height) => Msg::Resize(width, height),
                Event::FocusGained | Event::FocusLost => continue,
            };
            if sender.send(msg).is_err() {
                return;
            }
        }
    }
    // The terminal is gone: nobody looks and nobody can quit.
    drop(sender.send(Msg::Leave));
}

/// Waits for signals.
pub(crate) struct SignalReader {
    thread: JoinHandle<()>,
    handle: signal_hook::iterator::Handle,
}

impl SignalReader {
    pub(crate) fn start(sender: SyncSender<Msg>) -> Result<Self, TuiError> {
        let failed = |error| TuiError::Thread("signals", error);
        let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGHUP, SIGINT, SIGWINCH])
            .map_err(failed)?;
        let handle = signals.handle();
        let work = move || {
            for signal in signals.forever() {
                let msg = match signal {
                    SIGWINCH => crossterm::terminal::size()
                        .map_or(Msg::Leave, |(width, height)| Msg::Resize(width, height)),
                    _ => Msg::Leave,
                };
                if sender.send(msg).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new().name("signals".into()).spawn(work).map_err(failed)?;
        Ok(Self { thread, handle })
    }

    pub(crate) fn end(self) {
        self.handle.close();
        // A panic in there has been told by the hook.
        drop(self.thread.join());
    }
}
