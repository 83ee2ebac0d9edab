//! Folders an admin may choose a project from: names below some roots, and which manifests lie there; never what is in a file.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use pm_client::{Colours, plain};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, openat, openat2, statat,
};
use rustix::io::Errno;
use serde::Serialize;

/// More folders are not told.
const MOST: usize = 2000;

/// What a file of this name says of the folder it lies in.
const MARKS: [(&str, &str); 12] = [
    ("manage.py", "Django"),
    ("pyproject.toml", "Python"),
    ("requirements.txt", "Python"),
    ("Pipfile", "Python"),
    ("app.py", "Python"),
    ("main.py", "Python"),
    ("package.json", "Node"),
    ("go.mod", "Go"),
    ("Procfile", "Procfile"),
    ("compose.yaml", "Compose"),
    ("index.html", "HTML"),
    ("ecosystem.json5", "pm"),
];

/// A folder that was looked into.
#[derive(Debug, Serialize)]
pub(crate) struct FolderView {
    pub(crate) path: String,
    /// What it lies beneath, beyond which nobody gets.
    pub(crate) root: String,
    pub(crate) folders: Vec<FolderRow>,
}

/// One of those in it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FolderRow {
    pub(crate) name: String,
    pub(crate) marks: Vec<&'static str>,
}

/// Why it can't be looked into.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error(
        "there is no folder to choose from: pm runs as root, and nobody said where projects lie"
    )]
    NoRoot,
    #[error("{0} lies outside of where projects may lie")]
    Outside(String),
    #[error("could not look into {path}: {source}")]
    Look { path: String, source: io::Error },
}

/// A folder beneath a root, opened: whatever its name is made to mean later, this one is meant.
#[derive(Debug)]
pub(crate) struct OpenFolder {
    pub(crate) path: PathBuf,
    root: PathBuf,
    folder: OwnedFd,
}

impl OpenFolder {
    /// Opens a folder by its absolute path; without one, the first root.
    pub(crate) fn open(roots: &[PathBuf], path: Option<&str>) -> Result<Self, FolderError> {
        let first = roots.first().ok_or(FolderError::NoRoot)?;
        let path = path.map_or_else(|| first.clone(), PathBuf::from);
        let outside = || FolderError::Outside(shown(&path));
        let found = roots.iter().find_map(|root| Some((root, path.strip_prefix(root).ok()?)));
        let (root, below) = found.ok_or_else(outside)?;
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        let failed = |error: Errno| match error {
            // A link or a `..` that leads out.
            Errno::XDEV | Errno::LOOP => outside(),
            error => FolderError::Look { path: shown(&path), source: error.into() },
        };
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = openat(CWD, root, OFlags::PATH | flags, Mode::empty()).map_err(failed)?;
        let ways = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let folder =
            openat2(top, below, OFlags::RDONLY | flags, Mode::empty(), ways).map_err(failed)?;
        Ok(Self { root: root.clone(), folder, path })
    }

    /// What lies in it.
    pub(crate) fn view(self) -> Result<FolderView, FolderError> {
        let failed =
            |source: Errno| FolderError::Look { path: shown(&self.path), source: source.into() };
        let mut folders = Vec::new();
        for entry in Dir::read_from(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Hidden ones are nobody's project, and a name that is no text can't be asked for.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name.starts_with('.') || entry.file_type() != FileType::Directory {
                continue;
            }
            let marks = marks(&self.folder, name);
            folders.push(FolderRow { name: name.to_owned(), marks });
            if folders.len() == MOST {
                break;
            }
        }
        folders.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(FolderView {
            path: self.path.to_string_lossy().into(),
            root: self.root.to_string_lossy().into(),
            folders,
        })
    }
}

fn marks(folder: impl AsFd, name: &str) -> Vec<&'static str> {
    let mut found: Vec<&str> = Vec::new();
    for (file, mark) in MARKS {
        let there = statat(&folder, format!("{name}/{file}"), AtFlags::SYMLINK_NOFOLLOW);
        if there.is_ok() && !found.contains(&mark) {
            found.push(mark);
        }
    }
    found
}

fn shown(path: &Path) -> String {
    plain(path.to_string_lossy().as_bytes(), Colours::Drop).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, create_dir, create_dir_all};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_below_a_root_and_nothing_beyond_it() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("home");
        create_dir_all(root.join("sites/shop/.git")).unwrap();
        create_dir(root.join("sites/.hidden")).unwrap();
        create_dir(place.path().join("others")).unwrap();
        fs::write(root.join("sites/shop/manage.py"), "SECRET").unwrap();
        fs::write(root.join("sites/shop/requirements.txt"), "").unwrap();
        symlink(place.path().join("others"), root.join("out")).unwrap();
        symlink("sites/shop", root.join("in")).unwrap();
        let roots = [root.clone()];
        let look = |path: &str| OpenFolder::open(&roots, Some(path)).and_then(OpenFolder::view);
        let at = |below: &str| format!("{}/{below}", root.display());
        let sites = look(&at("sites")).unwrap();
        let shop = FolderRow { name: "shop".into(), marks: vec!["Django", "Python"] };
        assert_eq!((sites.folders, sites.root), (vec![shop], root.display().to_string()));
        // A link that stays within is a way; it is not offered.
        assert!(look(&at("in")).is_ok());
        let top = OpenFolder::open(&roots, None).unwrap().view().unwrap();
        assert_eq!(top.folders.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["sites"]);
        for bad in ["out", "..", "sites/../../others", "sites/shop/../../../others"] {
            let error = look(&at(bad)).unwrap_err();
            assert!(matches!(error, FolderError::Outside(_)), "{bad}: {error}");
        }
        for bad in ["/etc", "", "sites", &format!("{}others", root.display())] {
            assert!(matches!(look(bad), Err(FolderError::Outside(_))), "{bad}");
        }
        assert!(matches!(look(&at("nowhere")), Err(FolderError::Look { .. })));
        assert!(matches!(look(&at("sites/shop/manage.py")), Err(FolderError::Look { .. })));
        assert!(matches!(OpenFolder::open(&[], None), Err(FolderError::NoRoot)));
    }
}
