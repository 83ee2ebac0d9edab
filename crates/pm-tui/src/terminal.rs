//! The terminal lent to us, and given back whatever happens: drop, panic, SIGTERM.
//!
//! Writes only what differs from the frame before, in one go, as ssh likes it.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::model::Model;
use crate::view::view;

/// Whether the terminal is ours just now. Terminals are one per process, and so is this.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The screen; giving it up restores the terminal.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn open() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // First the terminal: a message on the alternate screen would be lost with it.
                restore();
                before(panic);
                // If it was another thread, the loop may sleep: it must look and see that the screen is gone.
                let us = rustix::process::getpid();
                rustix::process::kill_process(us, rustix::process::Signal::WINCH).ok();
            }));
        });
        enter()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(64 << 10, io::stdout()));
        Terminal::new(backend).map(|terminal| Self { terminal }).inspect_err(|_| restore())
    }

    /// Draws what differs. False: somebody gave the terminal back (a panic in another thread).
    pub(crate) fn draw(&mut self, model: &Model) -> io::Result<bool> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Ok(false);
        }
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view(model, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        Ok(true)
    }

    /// Draws everything next time.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Gives the terminal to the shell until `meanwhile` returns.
    pub(crate) fn leave_while(&mut self, meanwhile: impl FnOnce()) -> io::Result<()> {
        restore();
        meanwhile();
        enter()?;
        self.terminal.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableBracketedPaste,
        cursor::Hide
    )
    .inspect_err(|_| restore())
}

/// Once and only once for each taking. Errors are of no use here: there is nobody left to tell.
fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    drop(execute!(
        out,
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show
    ));
    drop(out.flush());
    drop(disable_raw_mode());
}
