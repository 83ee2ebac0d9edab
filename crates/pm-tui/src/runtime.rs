//! The loop: messages in, model on, screen drawn at most thirty times a second, asleep when nothing happens.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant, SystemTime};

use crate::error::TuiError;
use crate::events::{KeyReader, SignalReader};
use crate::message::{Effect, Msg};
use crate::model::Model;
use crate::terminal::Screen;
use crate::update::update;

/// Messages that may wait; a reader that floods us waits for us and then skips.
const QUEUE: usize = 256;
/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// Does what the model asks for. It must not block: answers come as messages.
pub type EffectRunner = Box<dyn FnMut(Effect)>;

/// Shows a model until somebody quits. `workers` gets the sender for messages and gives what performs effects.
pub fn show(
    mut model: Model,
    workers: impl FnOnce(SyncSender<Msg>) -> Result<EffectRunner, TuiError>,
) -> Result<(), TuiError> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let (sender, receiver) = mpsc::sync_channel(QUEUE);
    let perform = workers(sender.clone())?;
    let signals = SignalReader::start(sender.clone())?;
    let mut screen = Screen::open().map_err(TuiError::Terminal)?;
    let (width, height) = crossterm::terminal::size().map_err(TuiError::Terminal)?;
    update(&mut model, Msg::Resize(width, height));
    let keyboard = KeyReader::start(sender)?;
    let mut screen_loop =
        MonitorLoop { model, perform, receiver, suspended: false, cleared: false };
    let ended = screen_loop.run(&mut screen, &keyboard);
    drop(screen);
    // With nobody to take messages, no thread can be stuck with one.
    drop(screen_loop);
    keyboard.end();
    signals.end();
    ended
}

struct MonitorLoop {
    model: Model,
    perform: EffectRunner,
    receiver: Receiver<Msg>,
    suspended: bool,
    cleared: bool,
}

impl MonitorLoop {
    fn run(&mut self, screen: &mut Screen, keyboard: &KeyReader) -> Result<(), TuiError> {
        let mut drawn: Option<Instant> = None;
        let mut dirty = true;
        loop {
            if dirty && drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
                if std::mem::take(&mut self.cleared) {
                    screen.clear().map_err(TuiError::Terminal)?;
                }
                if !screen.draw(&self.model).map_err(TuiError::Terminal)? {
                    return Err(TuiError::Panicked);
                }
                (drawn, dirty) = (Some(Instant::now()), false);
            }
            let until = if dirty { drawn.map(|drawn| drawn + FRAME) } else { self.wakes_at() };
            let Some(msg) = self.wait(until)? else {
                self.take(Msg::Clock(now()));
                dirty = true;
                continue;
            };
            self.take(Msg::Clock(now()));
            let mut go_on = self.take(msg);
            for _ in 0..QUEUE {
                let Ok(msg) = self.receiver.try_recv() else { break };
                go_on &= self.take(msg);
            }
            if !go_on {
                return Ok(());
            }
            if std::mem::take(&mut self.suspended) {
                screen.leave_while(suspend).map_err(TuiError::Terminal)?;
                keyboard.nudge();
            }
            dirty = true;
        }
    }

    /// The next message; `None`: the time has come first.
    fn wait(&self, until: Option<Instant>) -> Result<Option<Msg>, TuiError> {
        let received = match until {
            None => self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => {
                self.receiver.recv_timeout(until.saturating_duration_since(Instant::now()))
            }
        };
        match received {
            Ok(msg) => Ok(Some(msg)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(TuiError::Panicked),
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        let wait = self.model.wakes_at()?.saturating_sub(now());
        Some(Instant::now() + Duration::from_millis(wait))
    }

    /// False: somebody quits.
    fn take(&mut self, msg: Msg) -> bool {
        let mut go_on = true;
        for effect in update(&mut self.model, msg) {
            match effect {
                Effect::Quit => go_on = false,
                Effect::Suspend => self.suspended = true,
                Effect::Redraw => self.cleared = true,
                Effect::Perform(_)
                | Effect::Describe(_)
                | Effect::Follow(_)
                | Effect::Forget(_) => {
                    (self.perform)(effect);
                }
            }
        }
        go_on
    }
}

/// Stops the whole job as ctrl-z does in a cooked terminal; returns when the shell goes on with it.
fn suspend() {
    // If it fails, nothing is suspended and the screen is drawn again at once.
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP).ok();
}

/// In ms since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
