//! What an export makes.

use crate::fate::ExportNote;

/// One file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Everything an export makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetFiles {
    /// The files, in the order they are to be read.
    pub files: Vec<ExportedFile>,
    /// What became of each key of each app.
    pub notes: Vec<ExportNote>,
}

impl TargetFiles {
    pub(crate) fn file(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.files.push(ExportedFile { name: name.into(), text: text.into() });
    }
}
