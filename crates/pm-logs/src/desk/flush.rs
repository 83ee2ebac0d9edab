//! Emptying logs: the live file is cut, what waits for it in spools is skipped, and its rotated parts go.

use std::path::{Path, PathBuf};

use rustix::fs::ftruncate;
use rustix::io::Errno;

use super::Desk;
use crate::archive::clear;
use crate::open::open_present;
use crate::scribe::Flushed;
use crate::sink::{Owner, StreamKey};

impl Desk {
    /// Empties these logs; what can't be done keeps nothing else from being done.
    pub(super) fn flush(&mut self, logs: &[(PathBuf, Option<Owner>)]) -> Flushed {
        let mut flushed = Flushed::default();
        for (path, owner) in logs {
            let parts = self
                .empty(path, *owner)
                .map_err(|error| format!("could not empty {}: {error}", path.display()))
                // Where a link is suspect we have stopped by now.
                .and_then(|()| {
                    clear((path, *owner), &self.shelf.indexes()).map_err(|error| {
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

    fn empty(&mut self, path: &Path, owner: Option<Owner>) -> Result<(), String> {
        let failed = |error: Errno| error.to_string();
        let unopened = || match open_present(path, owner) {
            Ok(Some(log)) => ftruncate(&log.file, 0).map_err(failed),
            Ok(None) => Ok(()),
            Err(error) => Err(format!("could not {error}")),
        };
        let Some(id) = self.shelf.find(path, owner) else { return unopened() };
        let slots = self.slots(id);
        // What was printed before the flush is flushed.
        for slot in &slots {
            self.turn(*slot);
        }
        let sizes: Vec<(StreamKey, u64)> = slots
            .iter()
            .filter_map(|slot| self.seats.get(*slot)?.as_ref())
            .filter_map(|seat| Some((seat.flow.key(), seat.flow.spool_size()?)))
            .collect();
        match self.shelf.get(id) {
            Some(book) => book.flush(&sizes).map_err(failed),
            None => unopened(),
        }
    }
}
