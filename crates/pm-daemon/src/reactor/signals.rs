//! Signals to the daemon mean what they mean to PM2's: TERM, INT and QUIT end it and the apps, USR2 opens logs anew, HUP
//! is nothing. The saved list is left alone by all of them.

use pm_logs::LogWriter;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::daemon_log;
use crate::error::{DaemonError, system};
use crate::inlet::Inlet;

/// What a signal asks for.
#[derive(Clone, Copy, Debug)]
enum Wish {
    /// The end of the apps, then ours.
    End,
    /// Log files opened anew, after something else rotated them.
    Reopen,
    /// To go on.
    Nothing,
}

/// Heeds them from now on.
pub(super) fn handle(
    outlet: &mpsc::Sender<Inlet>,
    log_writer: &LogWriter,
) -> Result<(), DaemonError> {
    for (kind, wish) in [
        (SignalKind::terminate(), Wish::End),
        (SignalKind::interrupt(), Wish::End),
        (SignalKind::quit(), Wish::End),
        (SignalKind::user_defined2(), Wish::Reopen),
        (SignalKind::hangup(), Wish::Nothing),
    ] {
        let mut signals = signal(kind).map_err(system("watch for signals"))?;
        let (outlet, log_writer) = (outlet.clone(), log_writer.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                match wish {
                    Wish::End if outlet.send(Inlet::Terminate).await.is_err() => return,
                    Wish::Reopen => reopen(log_writer.clone()),
                    Wish::End | Wish::Nothing => {}
                }
            }
        });
    }
    Ok(())
}

fn reopen(log_writer: LogWriter) {
    // Its queue may be full, and nobody here may wait for it.
    tokio::task::spawn_blocking(move || {
        log_writer.reopen_all(Box::new(|problems| {
            for problem in problems {
                daemon_log::note(format_args!("could not reopen a log: {problem}"));
            }
        }));
    });
}
