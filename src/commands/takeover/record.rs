//! What was taken over, in a file of this home: written and synced before anything is done, so that a takeover that is killed can be
//! carried on, or undone.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::former::{Candidate, ThereProcess};
use crate::cli::FormerKind;
use crate::launch;
use crate::prelude::{Failure, Session};

/// The file, and the right to write it.
#[derive(Debug)]
pub(super) struct TakeoverRecord {
    path: PathBuf,
    pub(super) taken: Vec<Taken>,
    /// Held until the takeover ends, however it does.
    _lock: File,
}

/// What came from one manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    pub(super) from: FormerKind,
    /// Its file, or its home.
    pub(super) place: PathBuf,
    pub(super) pieces: Vec<TakenPiece>,
}

/// One program of it, in the order in which they were taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TakenPiece {
    /// The app here.
    pub(super) name: String,
    pub(super) namespace: String,
    /// What it was there.
    pub(super) there: Vec<ThereProcess>,
    /// Whether it is here; if not, it may be there, here, or nowhere.
    pub(super) moved: bool,
}

impl TakenPiece {
    pub(super) fn of(candidate: &Candidate) -> Self {
        let Candidate { name, namespace, there, .. } = candidate;
        let (name, namespace) = (name.clone(), namespace.clone());
        Self { name, namespace, there: there.clone(), moved: false }
    }

    pub(super) fn is(&self, name: &str, namespace: &str) -> bool {
        self.name == name && self.namespace == namespace
    }
}

impl TakeoverRecord {
    /// The record of this home, for one takeover at a time.
    pub(super) fn open(session: &Session) -> Result<Self, Failure> {
        launch::prepare(&session.home)?;
        let path = session.home.root().join("takeover.json");
        let lock = path.with_extension("lock");
        let failed = |path: &Path, error: &dyn std::fmt::Display| {
            Failure::failed(format!("could not open {}: {error}", path.display()))
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let held = options.open(&lock).map_err(|error| failed(&lock, &error))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = "could not begin: another `pm takeover` runs in this home";
                return Err(Failure::failed(message).hint("wait until it has ended"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&lock, &error)),
        }
        let taken = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                failed(&path, &error).hint(
                    "it says what was taken over from where; mend it, or move it away and see yourself what runs where",
                )
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(&path, &error)),
        };
        Ok(Self { path, taken, _lock: held })
    }

    /// What came from there.
    pub(super) fn pieces(&self, from: FormerKind, place: &Path) -> &[TakenPiece] {
        let found = self.taken.iter().find(|one| one.from == from && one.place == place);
        found.map_or(&[], |taken| &taken.pieces)
    }

    /// Notes how far these are; those that are known change.
    pub(super) fn note(
        &mut self,
        (from, place): (FormerKind, &Path),
        pieces: impl IntoIterator<Item = TakenPiece>,
    ) -> Result<(), Failure> {
        let at = self.taken.iter().position(|one| one.from == from && one.place == place);
        let at = at.unwrap_or_else(|| {
            self.taken.push(Taken { from, place: place.into(), pieces: Vec::new() });
            self.taken.len() - 1
        });
        let Some(taken) = self.taken.get_mut(at) else { return Ok(()) };
        for piece in pieces {
            match taken.pieces.iter_mut().find(|it| it.is(&piece.name, &piece.namespace)) {
                Some(known) => *known = piece,
                None => taken.pieces.push(piece),
            }
        }
        self.write()
    }

    /// Nothing of this one is here any more.
    pub(super) fn forget(
        &mut self,
        (from, place): (FormerKind, &Path),
        piece: &TakenPiece,
    ) -> Result<(), Failure> {
        for taken in &mut self.taken {
            if taken.from == from && taken.place == place {
                taken.pieces.retain(|it| !it.is(&piece.name, &piece.namespace));
            }
        }
        self.taken.retain(|taken| !taken.pieces.is_empty());
        self.write()
    }

    /// The new text in the place of the old one, on the disk.
    fn write(&self) -> Result<(), Failure> {
        let written = if self.taken.is_empty() {
            match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            }
        } else {
            replace(&self.path, format!("{:#}\n", serde_json::json!(self.taken)).as_bytes())
        };
        written.map_err(|error| {
            let path = self.path.display();
            Failure::failed(format!("could not write {path}: {error}"))
                .hint("without it nobody could undo what comes next, so nothing more was done")
        })
    }
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
