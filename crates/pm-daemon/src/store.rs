//! The saved list: two generations, written beside and renamed, fsynced; a bad one is kept aside.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use pm_core::SavedApp;
use serde::{Deserialize, Serialize};

use crate::own_file;

/// Format of the file; a higher one is refused rather than misread.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct SavedList {
    format: u32,
    apps: Vec<SavedApp>,
}

/// Why a list could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no saved list.
    #[error("find a saved list at {}", .0.display())]
    Nothing(PathBuf),
    /// Neither generation can be read.
    #[error("read a saved list at {path}: {why}", path = path.display())]
    Unreadable {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Writing failed; the list before it is untouched.
    #[error("write {path}", path = path.display())]
    Write {
        /// The list.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

fn previous(path: &Path) -> PathBuf {
    path.with_extension("json.bak")
}

/// Saves the list; the one before becomes `saved.json.bak`. Either the new list is there whole or nothing changed.
pub(crate) fn save(path: &Path, apps: Vec<SavedApp>) -> Result<(), StoreError> {
    let failed = |source| StoreError::Write { path: path.into(), source };
    let text = serde_json::to_vec_pretty(&SavedList { format: FORMAT, apps })
        .map_err(|error| failed(error.into()))?;
    write(path, &text).map_err(failed)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (new, file) = own_file::beside(path, bytes)?;
    file.sync_all()?;
    // Only a list that can be read deserves to be the generation to fall back to.
    if parse(path).is_ok() {
        fs::rename(path, previous(path))?;
    }
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn parse(path: &Path) -> Result<Vec<SavedApp>, (bool, String)> {
    let bytes = fs::read(path)
        .map_err(|error| (error.kind() == io::ErrorKind::NotFound, error.to_string()))?;
    let list: SavedList =
        serde_json::from_slice(&bytes).map_err(|error| (false, error.to_string()))?;
    if list.format > FORMAT {
        return Err((false, "it was written by a newer pm".into()));
    }
    Ok(list.apps)
}

/// Loads the saved list and says in words if the generation before it had to be used; the bad file is then kept
/// as `saved.json.damaged` (pain 3).
pub fn load(path: &Path) -> Result<(Vec<SavedApp>, Option<String>), StoreError> {
    let (missing, why) = match parse(path) {
        Ok(apps) => return Ok((apps, None)),
        Err(bad) => bad,
    };
    let older = parse(&previous(path));
    match older {
        Ok(apps) if missing => {
            Ok((apps, Some("the saved list was missing; used the one before".into())))
        }
        Ok(apps) => {
            let kept = path.with_extension("json.damaged");
            fs::rename(path, &kept).ok();
            let kept = kept.display();
            Ok((
                apps,
                Some(format!(
                    "the saved list was unreadable ({why}), kept as {kept}; used the one before"
                )),
            ))
        }
        Err(_) if missing => Err(StoreError::Nothing(path.into())),
        Err(_) => Err(StoreError::Unreadable { path: path.into(), why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p03_a_list_cut_at_any_byte_falls_back_to_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("saved.json");
        save(&path, Vec::new()).unwrap();
        save(&path, Vec::new()).unwrap();
        let bytes = fs::read(&path).unwrap();
        let older = fs::read(previous(&path)).unwrap();
        for cut in 0..bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            fs::write(previous(&path), &older).unwrap();
            let (apps, warning) = load(&path).unwrap();
            assert!(apps.is_empty() && warning.is_some(), "cut at {cut}");
            assert_eq!(fs::read(path.with_extension("json.damaged")).unwrap(), &bytes[..cut]);
        }
    }

    /// There is no sum over a file that people may edit: what is still JSON of our form counts as written, anything else is noticed.
    #[test]
    fn p03_a_damaged_bit_anywhere_leaves_a_list() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved.json");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let (mut known, _) = load(&root.join("fixtures/fuzz/samples/saved.json")).unwrap();
        known.truncate(1);
        save(&path, known.clone()).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::write(previous(&path), &bytes).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).unwrap();
            let (apps, warning) = load(&path).unwrap();
            assert_eq!(apps.len(), 1, "byte {at}");
            assert!(warning.is_none() || apps == known, "byte {at}");
        }
    }

    #[test]
    fn a_bad_list_never_becomes_the_generation_to_fall_back_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("saved.json");
        save(&path, Vec::new()).unwrap();
        save(&path, Vec::new()).unwrap();
        fs::write(&path, b"{").unwrap();
        save(&path, Vec::new()).unwrap();
        assert!(parse(&previous(&path)).is_ok());
        assert!(matches!(load(&dir.path().join("none.json")), Err(StoreError::Nothing(_))));
    }
}
