//! A config file that a command writes: whole or not at all, and one that is there is never replaced unless told to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::prelude::Failure;

/// Writes it; a new file gets this mode under the caller's mask.
pub(crate) fn write(file: &Path, text: &str, is_forced: bool, mode: u32) -> Result<(), Failure> {
    let written = if is_forced { replace(file, text, mode) } else { make(file, text, mode) };
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return kept(file);
        }
        Failure::failed(format!("could not write {}: {error}", file.display()))
    })
}

/// A new file; `AlreadyExists` if there is one.
pub(crate) fn make(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    whole(file, |beside| {
        new(beside, text, mode)?;
        rename_without_replacing(beside, file)
    })
}

/// In place of what is there, if anything is. Whoever links it keeps the link, and its mode stays.
pub(crate) fn replace(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let Ok(before) = fs::metadata(file) else { return make(file, text, mode) };
    if !before.is_file() {
        // A pipe, or `/dev/stdout`.
        return OpenOptions::new().write(true).open(file)?.write_all(text.as_bytes());
    }
    let place = file.canonicalize()?;
    whole(&place, |beside| {
        new(beside, text, mode)?;
        fs::set_permissions(beside, before.permissions())?;
        fs::rename(beside, &place)
    })
}

/// Makes it under another name beside its own first: who is killed, or has no room, leaves no half of it.
fn whole(file: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut beside = file.to_owned().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    make(&beside).inspect_err(|_| {
        fs::remove_file(&beside).ok();
    })
}

fn new(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(file)?;
    file.write_all(text.as_bytes())
}

/// Not every file system can do this in one step.
fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => fs::rename(from, to),
        Err(Errno::INVAL | Errno::NOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        done => done.map_err(io::Error::from),
    }
}

/// That one is there.
pub(crate) fn kept(file: &Path) -> Failure {
    let message = format!("could not write {}: it is there already", file.display());
    Failure::failed(message).hint("--force replaces it")
}
