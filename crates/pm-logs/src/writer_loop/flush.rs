//! Emptying logs: the live file is cut, what waits for it in spools is skipped, and its rotated parts go.

use std::path::{Path, PathBuf};

use rustix::fs::ftruncate;
use rustix::io::Errno;

use super::WriterLoop;
use crate::archive::clear;
use crate::messages::FlushReport;
use crate::open::open_present;
use crate::sink::{FileOwner, StreamKey};

impl WriterLoop {
    /// Empties these logs; what can't be done keeps nothing else from being done.
    pub(super) fn flush(&mut self, logs: &[(PathBuf, Option<FileOwner>)]) -> FlushReport {
        let mut flushed = FlushReport::default();
        for (path, owner) in logs {
            let parts = self
                .empty(path, *owner)
                .map_err(|error| format!("could not empty {}: {error}", path.display()))
                // Where a link is suspect we have stopped by now.
                .and_then(|()| {
                    clear((path, *owner), self.logs.indexes()).map_err(|error| {
                        format!(
                            "could not remove rotated parts of {}: could not {error}",
                            path.display()
                        )
                    })
                });
            match parts {
                Ok(parts) => flushed.parts += parts,
                Err(problem) => flushed.problems.push(problem),
            }
        }
        flushed
    }

    fn empty(&mut self, path: &Path, owner: Option<FileOwner>) -> Result<(), String> {
        let failed = |error: Errno| error.to_string();
        let unopened = || match open_present(path, owner) {
            Ok(Some(log)) => ftruncate(&log.file, 0).map_err(failed),
            Ok(None) => Ok(()),
            Err(error) => Err(format!("could not {error}")),
        };
        let Some(id) = self.logs.find(path, owner) else { return unopened() };
        let slots = self.slots(id);
        // What was printed before the flush is flushed.
        for slot in &slots {
            self.turn(*slot);
        }
        let sizes: Vec<(StreamKey, u64)> = slots
            .iter()
            .filter_map(|slot| self.streams.get(*slot)?.as_ref())
            .filter_map(|stream| Some((stream.state.key(), stream.state.spool_size()?)))
            .collect();
        match self.logs.get(id) {
            Some(log) => log.flush(&sizes).map_err(failed),
            None => unopened(),
        }
    }
}
