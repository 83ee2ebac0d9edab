//! What is watched for one app: which folders there are, and which files count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pm_core::InstanceId;
use pm_spec::{AppSpec, Watch};
use pm_triggers::{EntryKind, WatchFilter};

use super::own_places::OwnPlaces;
use crate::plan;

/// What of a file shows that it has changed: when it was written, its size and its inode.
pub(super) type Stamp = (i64, i64, u64, u64);

/// The files that count, as they were at one look.
pub(super) type Snapshot = BTreeMap<PathBuf, Stamp>;

/// What is watched for one app.
#[derive(Debug)]
pub(super) struct WatchTree {
    filter: WatchFilter,
    roots: Vec<PathBuf>,
    follow_links: bool,
    ours: OwnPlaces,
}

impl WatchTree {
    pub(super) fn new(app: &AppSpec, watch: &Watch, ours: &OwnPlaces) -> Self {
        // The endings of its instances' files are numbers, which is how rotation's are known, too.
        let paths = plan::log_paths(app, InstanceId(0));
        let plain = [paths.out, paths.error, paths.combined, app.pid_file.clone()];
        let mut own: Vec<PathBuf> = plain.iter().flatten().map(plan::path_of).collect();
        own.extend(own.clone().iter().filter_map(|path| without_number(path)));
        let filter = WatchFilter::new(watch, plan::path_of(&app.cwd), own);
        let roots = filter.roots();
        let ours = ours.seen_from(&roots);
        Self { roots, filter, follow_links: watch.follow_links, ours }
    }

    /// As people see a path.
    pub(super) fn seen<'p>(&self, path: &'p Path) -> &'p Path {
        self.filter.seen(path)
    }

    /// Whether a path counts, and every folder between it and what is watched.
    pub(super) fn counts(&self, path: &Path, kind: EntryKind) -> bool {
        let counts_below = |root: &PathBuf| {
            let mut above = path.ancestors().skip(1).take_while(|it| *it != root);
            path.starts_with(root)
                && above.all(|folder| self.filter.counts(folder, EntryKind::Folder))
                && self.filter.counts(path, kind)
                && !self.ours.hold(path)
        };
        self.roots.iter().any(|root| path == root || counts_below(root))
    }

    /// All folders to look into: those that are watched, and those in which a watched file is or may come to be.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        for root in &self.roots {
            // Of what is watched by name the coming and going is seen in the folder above.
            folders
                .extend(root.parent().filter(|above| self.is_named(root, above)).map(Into::into));
            self.walk(root, &mut |folder| folders.push(folder.into()), &mut |_| {});
        }
        folders.sort();
        folders.dedup();
        folders
    }

    fn is_named(&self, root: &Path, above: &Path) -> bool {
        self.seen(root) != root && above.is_dir() || !root.is_dir()
    }

    /// All files that count, as they are now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut files = Snapshot::new();
        for root in &self.roots {
            self.walk(root, &mut |_| {}, &mut |file| {
                if let Ok(meta) = fs::metadata(&file) {
                    let stamp = (meta.mtime(), meta.mtime_nsec(), meta.size(), meta.ino());
                    files.insert(file, stamp);
                }
            });
        }
        files
    }

    /// Shows each folder and each file at and below a path that counts; ignored folders are not entered (pain 40).
    pub(super) fn walk(
        &self,
        from: &Path,
        folder: &mut dyn FnMut(&Path),
        file: &mut dyn FnMut(PathBuf),
    ) {
        let mut known: BTreeSet<_> = self.ours.folder().into_iter().collect();
        let mut waiting = vec![from.to_path_buf()];
        while let Some(path) = waiting.pop() {
            let Ok(meta) = fs::metadata(&path) else { continue };
            if !meta.is_dir() {
                file(path);
                continue;
            }
            // A link may lead back to where we come from.
            if !known.insert((meta.dev(), meta.ino())) {
                continue;
            }
            folder(&path);
            for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
                let path = entry.path();
                if let Some(kind) = self.kind(&entry)
                    && self.filter.counts(&path, kind)
                    && !self.ours.hold(&path)
                {
                    waiting.push(path);
                }
            }
        }
    }

    /// `None`: a link to a folder that is not to be followed.
    fn kind(&self, entry: &fs::DirEntry) -> Option<EntryKind> {
        let kind = entry.file_type().ok()?;
        let is_link = kind.is_symlink();
        let leads_to_folder = is_link && fs::metadata(entry.path()).is_ok_and(|it| it.is_dir());
        match (kind.is_dir() || leads_to_folder, is_link) {
            (false, _) => Some(EntryKind::File),
            (true, true) if !self.follow_links => None,
            (true, _) => Some(EntryKind::Folder),
        }
    }
}

/// `web-0.log` as `web.log`.
fn without_number(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let stem = stem.strip_suffix("-0")?;
    let name = if ending.is_empty() { stem.to_owned() } else { format!("{stem}.{ending}") };
    Some(path.with_file_name(name))
}
