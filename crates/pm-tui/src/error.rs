//! Why the monitor could not be shown.

use std::io;

/// Why the screen could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Input or output is a pipe or a file.
    #[error("show the monitor: it needs a terminal for input and output")]
    NoTerminal,
    /// The terminal can't be set up or is gone.
    #[error("use the terminal: {0}")]
    Terminal(#[source] io::Error),
    /// A thread could not be started.
    #[error("start a thread for {0}: {1}")]
    Thread(&'static str, #[source] io::Error),
    /// A part of us panicked; the message is above.
    #[error("go on: a part of the monitor failed")]
    Panicked,
}
