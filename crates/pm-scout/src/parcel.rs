//! A folder as the projects that lie in it: each has the files that no deeper one has.

use std::collections::BTreeSet;

use crate::terrain::{Terrain, ends, name_of, parent};

/// Files that make the folder they lie in a project.
const MANIFESTS: [&str; 8] = [
    "manage.py",
    "requirements.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "package.json",
    "go.mod",
    "Procfile",
];

/// A project's folder and its files.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// From the folder that is looked at.
    pub(crate) folder: String,
    /// Likewise.
    pub(crate) files: BTreeSet<String>,
}

impl Parcel {
    /// A path as seen from its folder.
    pub(crate) fn inner<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(self.folder.as_str()).map_or(path, |rest| rest.trim_start_matches('/'))
    }
}

/// The projects in a folder; the first is the folder itself.
pub(crate) fn parcels(terrain: &Terrain) -> Vec<Parcel> {
    let mut roots: BTreeSet<&str> = [""].into();
    let is_manifest = |path: &str| MANIFESTS.contains(&name_of(path));
    let manifests = terrain.files.iter().filter(|path| is_manifest(path));
    let folders = manifests.map(|path| parent(path));
    let venvs = terrain.venvs.keys().map(|path| parent(path));
    roots.extend(folders.chain(venvs).filter(|folder| name_of(folder) != "requirements"));
    let is_of_root = |path: &String| {
        !path.contains('/') && (ends(path, "py") || roots.len() > 1 && is_manifest(path))
    };
    if !terrain.files.iter().any(is_of_root) {
        let folders = terrain.files.iter().filter(|path| ends(path, "py"));
        let folders: BTreeSet<_> =
            folders.filter_map(|path| path.split_once('/')).map(|(top, _)| top).collect();
        let has_root =
            |top: &str| roots.iter().any(|root| root.split('/').next().unwrap_or_default() == top);
        let plain =
            |top: &&str| !terrain.files.contains(&format!("{top}/__init__.py")) && !has_root(top);
        let plain: Vec<_> = folders.into_iter().filter(plain).collect();
        // A lone one is where the code of this folder lies.
        roots.extend(plain.iter().filter(|_| plain.len() > 1));
    }
    let owner = |path: &str| {
        let mut folder = parent(path);
        while !roots.contains(folder) {
            folder = parent(folder);
        }
        folder.to_owned()
    };
    let mut all: Vec<_> = roots
        .iter()
        .map(|root| Parcel { folder: (*root).into(), files: BTreeSet::new() })
        .collect();
    for path in &terrain.files {
        let folder = owner(path);
        if let Some(parcel) = all.iter_mut().find(|parcel| parcel.folder == folder) {
            parcel.files.insert(path.clone());
        }
    }
    all
}
