//! Files of ours that are whole at every moment: written beside, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes what is to take the place of `path` beside it; nobody else may read it.
pub(crate) fn beside(path: &Path, bytes: &[u8]) -> io::Result<(PathBuf, File)> {
    let new = path.with_added_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    Ok((new, file))
}

/// Makes `path` have these contents.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (new, _) = beside(path, bytes)?;
    fs::rename(new, path)
}
