//! Records by name in one of the panel's files, changed by the command line, read anew by the panel when it was.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{self, FileMark};

/// Why a file of records can't be used.
#[derive(Debug, thiserror::Error)]
#[error("use {}", path.display())]
pub struct RecordFileError {
    path: PathBuf,
    source: io::Error,
}

/// The records as they are in the file.
#[derive(Debug)]
pub(crate) struct NamedRecords<T> {
    path: PathBuf,
    mark: FileMark,
    known: BTreeMap<String, T>,
}

impl<T: Serialize + DeserializeOwned> NamedRecords<T> {
    /// Those of this file of the home at `root`.
    pub(crate) fn open(root: &Path, file: &str) -> Result<Self, RecordFileError> {
        let path = root.join("web").join(file);
        let failed = |source| RecordFileError { path: path.clone(), source };
        store::folder(root).map_err(failed)?;
        let mark = store::mark(&path);
        let known = store::load(&path).map_err(failed)?;
        Ok(Self { path, mark, known })
    }

    /// All of them.
    pub(crate) fn known(&self) -> &BTreeMap<String, T> {
        &self.known
    }

    /// Changes what is in the file now, and nothing if that is refused.
    pub(crate) fn change<E: From<RecordFileError>>(
        &mut self,
        change: impl FnOnce(&mut BTreeMap<String, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |source| RecordFileError { path: self.path.clone(), source };
        let _held = store::hold(&self.path).map_err(failed)?;
        let mut known = store::load(&self.path).map_err(failed)?;
        change(&mut known)?;
        store::save(&self.path, &known).map_err(failed)?;
        self.known = known;
        self.mark = store::mark(&self.path);
        Ok(())
    }

    /// Reads the file again if it was written since. One that can't be read lets nobody in.
    pub(crate) fn refresh(&mut self) {
        let mark = store::mark(&self.path);
        if mark != self.mark {
            self.known = store::load(&self.path).unwrap_or_default();
            self.mark = mark;
        }
    }
}
