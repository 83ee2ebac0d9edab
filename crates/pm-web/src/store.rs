//! Small files of this folder: written beside and renamed, readable by nobody else.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a file was when it was last looked at; another one means that it was written since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileMark(u64, i64, i64);

/// The mark of a file; that of none where none is.
pub(crate) fn mark(path: &Path) -> FileMark {
    let meta = std::fs::metadata(path);
    meta.map_or(FileMark::default(), |it| FileMark(it.ino(), it.mtime(), it.mtime_nsec()))
}

/// The folder of the panel's files, made if need be.
pub(crate) fn folder(root: &Path) -> io::Result<PathBuf> {
    let folder = root.join("web");
    DirBuilder::new().mode(0o700).recursive(true).create(&folder)?;
    Ok(folder)
}

/// What is in a file; what is usual where none is.
pub(crate) fn load<T: DeserializeOwned + Default>(path: &Path) -> io::Result<T> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    }
}

/// Puts this in place of what is there.
pub(crate) fn save<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let beside = path.with_extension("new");
    let bytes = serde_json::to_vec_pretty(value)?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// Holds others off who change the same file, until it is dropped.
pub(crate) fn hold(path: &Path) -> io::Result<File> {
    let lock = path.with_extension("lock");
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}
