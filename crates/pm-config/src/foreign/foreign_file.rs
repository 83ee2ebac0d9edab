//! A file of another manager that is to be read.

use std::path::PathBuf;

use crate::caller::Caller;
use crate::format::ForeignFormat;
use crate::supervisor::FirstFile;

/// What it is, and what reading it stands on.
pub(crate) struct ForeignFile<'a> {
    pub(crate) format: ForeignFormat,
    pub(crate) source: FirstFile<'a>,
    pub(crate) text: &'a str,
    pub(crate) caller: &'a Caller,
    /// Others of its kind that are read with it.
    pub(crate) over: &'a [PathBuf],
    /// Whether what nobody knows is an error.
    pub(crate) strict: bool,
}
