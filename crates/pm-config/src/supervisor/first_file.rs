//! The file that was named, whose includes are seen from its folder.

use std::path::Path;

/// What it is called, and where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstFile<'a> {
    /// As the user named it.
    pub(crate) origin: &'a str,
    pub(crate) folder: &'a Path,
    /// Absolute; `None`: it came on standard input.
    pub(crate) file: Option<&'a Path>,
}
