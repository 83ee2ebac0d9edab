//! What a package.json says of an app.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::paths;

/// The keys that matter here.
#[derive(serde::Deserialize)]
pub(crate) struct Package {
    pub(crate) version: Option<String>,
    /// The file that the folder means.
    pub(crate) main: Option<String>,
}

/// The package.json of a folder; one that can't be read is none.
pub(crate) fn of<T: DeserializeOwned>(folder: &Path) -> Option<T> {
    /// No package.json is larger; what it says here is not worth reading more.
    const LARGEST: u64 = 1 << 20;
    let path = folder.join("package.json");
    let meta = std::fs::metadata(&path).ok()?;
    // Reading a FIFO would wait for ever.
    if !meta.is_file() || meta.len() > LARGEST {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The nearest one above a file.
pub(crate) fn above(file: &Path) -> Option<Package> {
    let mut folders = file.ancestors().skip(1);
    of(folders.find(|folder| paths::is_file(&folder.join("package.json")))?)
}
