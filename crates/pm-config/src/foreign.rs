//! Files of further managers as they stand: which of them a file is, and its apps in our keys, so that everything after reads them
//! like those of any other config.

mod foreign_file;
mod found;
mod procfile;
mod systemd;

use std::path::Path;

pub(crate) use self::foreign_file::ForeignFile;
pub(crate) use self::found::ForeignApps;
use crate::diagnose::Findings;
use crate::format::ForeignFormat;

/// Whose file it is by its name and by what it begins with.
pub(crate) fn format_of(path: &Path, text: &str) -> Option<ForeignFormat> {
    if systemd::is_one(path, text) {
        return Some(ForeignFormat::Systemd);
    }
    procfile::is_one(path, text).then_some(ForeignFormat::Procfile)
}

/// Its apps, and what became of each of its keys.
pub(crate) fn read(file: &ForeignFile<'_>, findings: &mut Findings) -> ForeignApps {
    match file.format {
        ForeignFormat::Procfile => procfile::read(file, findings),
        ForeignFormat::Systemd => systemd::read(file, findings),
    }
}
