//! What the daemon writes itself restarts nobody, wherever its home lies.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pm_protocol::Home;

/// What is added to the name of a file of ours when it is written anew or kept aside.
const GENERATIONS: [&[u8]; 5] = [b".old", b".new", b".bak", b".damaged", b".previous-boot"];

/// The home, and what of it was moved elsewhere.
#[derive(Clone, Debug)]
pub(super) struct OwnPlaces {
    /// The home, as it is named and without links.
    homes: Vec<PathBuf>,
    /// What we write.
    written: Vec<PathBuf>,
    /// Something in the home is watched: then only what we write is ours, not all that lies there.
    is_shared: bool,
}

impl OwnPlaces {
    pub(super) fn of(home: &Home) -> Self {
        let mut homes = vec![home.root().to_path_buf()];
        homes.extend(fs::canonicalize(home.root()).ok().filter(|real| real != home.root()));
        let mut written = home.written();
        for path in home.written() {
            let inside = path.strip_prefix(home.root()).ok();
            written.extend(inside.and_then(|name| Some(homes.get(1)?.join(name))));
        }
        Self { homes, written, is_shared: false }
    }

    /// The same for a watch of these paths.
    pub(super) fn seen_from(&self, roots: &[PathBuf]) -> Self {
        let is_inside = |root: &PathBuf| {
            let real = fs::canonicalize(root).ok();
            [Some(root), real.as_ref()].into_iter().flatten().any(|root| self.is_home(root))
        };
        Self { is_shared: roots.iter().any(is_inside), ..self.clone() }
    }

    fn is_home(&self, path: &Path) -> bool {
        self.homes.iter().any(|home| path.starts_with(home))
    }

    /// Whether this is ours, or in a folder of ours.
    pub(super) fn hold(&self, path: &Path) -> bool {
        (!self.is_shared && self.is_home(path)) || self.written.iter().any(|own| is_part(path, own))
    }

    /// The folder that is not looked into, by whatever links one comes to it: device and inode.
    pub(super) fn folder(&self) -> Option<(u64, u64)> {
        let home = self.homes.first().filter(|_| !self.is_shared)?;
        fs::metadata(home).ok().map(|meta| (meta.dev(), meta.ino()))
    }
}

/// Whether a path is what we write, below it, or one of its generations.
fn is_part(path: &Path, own: &Path) -> bool {
    let names = (path.file_name().map(OsStr::as_bytes), own.file_name().map(OsStr::as_bytes));
    let is_generation = || {
        let (Some(name), Some(own)) = names else { return false };
        name.strip_prefix(own).is_some_and(|rest| GENERATIONS.contains(&rest))
    };
    path.starts_with(own) || (path.parent() == own.parent() && is_generation())
}
