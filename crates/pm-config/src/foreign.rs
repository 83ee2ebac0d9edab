//! Files of further managers as they stand: which of them a file is, and its apps in our keys, so that everything after reads them
//! like those of any other config.

mod foreign_file;
mod found;
mod pm2_dump;
mod process_compose;
mod procfile;
mod systemd;

use std::path::Path;

pub(crate) use self::foreign_file::ForeignFile;
pub(crate) use self::found::ForeignApps;
pub use self::pm2_dump::record_app;
pub use self::systemd::unit_folders;
use crate::diagnose::Findings;
use crate::format::ForeignFormat;

/// Whose file it is by its name and by what it begins with.
pub(crate) fn format_of(path: &Path, text: &str) -> Option<ForeignFormat> {
    if systemd::is_one(path, text) {
        return Some(ForeignFormat::Systemd);
    }
    if pm2_dump::is_one(text) {
        return Some(ForeignFormat::Pm2Dump);
    }
    procfile::is_one(path, text).then_some(ForeignFormat::Procfile)
}

/// Whose file in YAML or JSON it is.
pub(crate) fn format_of_data(text: &str) -> Option<ForeignFormat> {
    if pm2_dump::is_one(text) {
        return Some(ForeignFormat::Pm2Dump);
    }
    process_compose::is_one(text).then_some(ForeignFormat::ProcessCompose)
}

/// Its apps, and what became of each of its keys.
pub(crate) fn read(file: &ForeignFile<'_>, findings: &mut Findings) -> ForeignApps {
    match file.format {
        ForeignFormat::Procfile => procfile::read(file, findings),
        ForeignFormat::Systemd => systemd::read(file, findings),
        ForeignFormat::Pm2Dump => pm2_dump::read(file, findings),
        ForeignFormat::ProcessCompose => process_compose::read(file, findings),
    }
}
