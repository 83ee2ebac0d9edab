//! A config file that a command writes: one that is there is never replaced unless told to.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::prelude::Failure;

/// Writes it; a new file gets this mode under the caller's mask.
pub(crate) fn write(file: &Path, text: &str, is_forced: bool, mode: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).mode(mode);
    if is_forced {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return kept(file);
        }
        Failure::failed(format!("could not write {}: {error}", file.display()))
    })
}

/// That one is there.
pub(crate) fn kept(file: &Path) -> Failure {
    let message = format!("could not write {}: it is there already", file.display());
    Failure::failed(message).hint("--force replaces it")
}
