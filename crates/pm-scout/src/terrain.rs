//! What lies in a folder: names within limits, and the beginnings of files. Nothing outside the folder is opened, whatever links
//! say, and no pipe or device is read.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;

use crate::limits::SurveyLimits;

/// Why a folder could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// It can't be opened.
    #[error("read {folder}: {source}")]
    Open {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a file or something else.
    #[error("read {0}: it is no folder")]
    NoFolder(PathBuf),
}

/// Folders that hold no app of this project: what tools made, and what only tests and documents need.
const PASSED_OVER: [&str; 22] = [
    "node_modules",
    "__pycache__",
    "site-packages",
    "bower_components",
    "vendor",
    "target",
    "tests",
    "test",
    "testing",
    "migrations",
    "docs",
    "doc",
    "examples",
    "example",
    "samples",
    "dist",
    "build",
    "out",
    "static",
    "media",
    "templates",
    "locale",
];

/// Files that say most; they are found also where a folder has too many names to look at.
const TELLING: [&str; 28] = [
    "manage.py",
    "app.py",
    "main.py",
    "wsgi.py",
    "asgi.py",
    "server.py",
    "bot.py",
    "run.py",
    "requirements.txt",
    "pyproject.toml",
    "uv.lock",
    "Pipfile",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "package.json",
    "go.mod",
    "main.go",
    "Procfile",
    "index.html",
    ".env",
    ".python-version",
    "Dockerfile",
    "ecosystem.json5",
    "ecosystem.config.js",
    "ecosystem.yaml",
    "compose.yaml",
    "docker-compose.yml",
];

/// A folder with the names in it.
#[derive(Debug)]
pub(crate) struct Terrain {
    root: OwnedFd,
    pub(crate) path: PathBuf,
    /// Files, by their path from the folder.
    pub(crate) files: BTreeSet<String>,
    /// Folders; the empty one is the folder itself.
    pub(crate) folders: BTreeSet<String>,
    /// Virtual environments of Python, and whether each can be used.
    pub(crate) venvs: BTreeMap<String, bool>,
    /// What could not be looked at, and why.
    pub(crate) remarks: Vec<String>,
    limits: SurveyLimits,
    bytes_left: Cell<usize>,
}

/// Why a file says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silent {
    /// It is not there, no file, or leads out of the folder.
    Absent,
    /// It may not be read.
    Denied,
    /// It is no text.
    Binary,
    /// Enough was read already.
    Limit,
}

impl Silent {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Absent => "it leads out of the folder, or is no file",
            Self::Denied => "it may not be read",
            Self::Binary => "it is no text",
            Self::Limit => "enough was read before",
        }
    }
}

/// What is left to look at.
struct Walk {
    ahead: VecDeque<(String, usize)>,
    names: usize,
}

impl Terrain {
    /// Looks at the names of a folder.
    pub(crate) fn look(folder: &Path, limits: SurveyLimits) -> Result<Self, SurveyError> {
        let failed = |source: io::Error| match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOTDIR) => SurveyError::NoFolder(folder.into()),
            Some(_) | None => SurveyError::Open { folder: folder.into(), source },
        };
        let path = folder.canonicalize().map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat2(CWD, &path, flags, Mode::empty(), ResolveFlags::empty())
            .map_err(|error| failed(error.into()))?;
        let mut terrain = Self {
            root,
            path,
            files: BTreeSet::new(),
            folders: BTreeSet::new(),
            venvs: BTreeMap::new(),
            remarks: Vec::new(),
            limits,
            bytes_left: Cell::new(limits.bytes),
        };
        let mut walk = Walk { ahead: [(String::new(), 0)].into(), names: limits.names };
        while let Some((folder, depth)) = walk.ahead.pop_front() {
            let listed = terrain.list(&folder, depth, &mut walk);
            match listed {
                Ok(()) => {}
                Err(error) if folder.is_empty() => return Err(failed(error)),
                Err(error) => {
                    let why = error.to_string();
                    let why = why.split(" (os error").next().unwrap_or_default();
                    terrain.remarks.push(format!("{folder}/ was not looked at: {why}"));
                }
            }
        }
        Ok(terrain)
    }

    /// Opens what lies inside; a pipe that nobody writes to holds nobody up.
    fn open(&self, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let path = if path.is_empty() { "." } else { path };
        let waits = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NONBLOCK };
        openat2(&self.root, path, flags | OFlags::CLOEXEC | waits, Mode::empty(), inside)
    }

    fn list(&mut self, folder: &str, depth: usize, walk: &mut Walk) -> io::Result<()> {
        let opened = self.open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
        self.folders.insert(folder.into());
        let mut below = BTreeSet::new();
        for entry in Dir::read_from(&opened)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            if walk.names == 0 {
                self.cut_off(folder, walk);
                return Ok(());
            }
            walk.names -= 1;
            let path = joined(folder, name);
            match self.kind(&path, entry.file_type()) {
                FileType::RegularFile => drop(self.files.insert(path)),
                FileType::Directory => drop(below.insert(path)),
                FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {}
            }
        }
        for path in below {
            let name = path.rsplit('/').next().unwrap_or_default();
            let is_of_interest = !name.starts_with('.') && !PASSED_OVER.contains(&name);
            if !self.is_venv(&path) && is_of_interest && depth < self.limits.depth {
                walk.ahead.push_back((path, depth + 1));
            }
        }
        Ok(())
    }

    /// What something is. A link counts as the file it leads to if that lies inside; a folder behind a link is not entered, so that no
    /// circle is walked, but a virtual environment may lie elsewhere.
    fn kind(&mut self, path: &str, told: FileType) -> FileType {
        if !matches!(told, FileType::Symlink | FileType::Unknown) {
            return told;
        }
        let stat = self.open(path, OFlags::PATH).and_then(|opened| fstat(&opened));
        let kind = stat.map_or(FileType::Symlink, |stat| FileType::from_raw_mode(stat.st_mode));
        if kind == FileType::RegularFile {
            return kind;
        }
        self.is_venv(path);
        if told == FileType::Unknown { kind } else { told }
    }

    /// Whether a folder is a virtual environment, which is noted.
    fn is_venv(&mut self, path: &str) -> bool {
        let folder = self.path.join(path);
        if !folder.join("pyvenv.cfg").is_file() {
            return false;
        }
        let runs = ["bin/python", "bin/python3"].iter().any(|name| folder.join(name).is_file());
        self.venvs.insert(path.into(), runs);
        true
    }

    /// There are too many names: those that say most are looked for, here and in the folders that would have come next.
    fn cut_off(&mut self, folder: &str, walk: &mut Walk) {
        let shown = if folder.is_empty() { "the folder".into() } else { format!("{folder}/") };
        let most = self.limits.names;
        self.remarks.push(format!(
            "{shown} has more names than are looked at ({most} in all): what lies deeper was not seen"
        ));
        let next = std::mem::take(&mut walk.ahead).into_iter().filter(|(_, depth)| *depth == 1);
        let folders = [folder.to_owned()].into_iter().chain(next.map(|(folder, _)| folder));
        let telling = folders.flat_map(|it| TELLING.map(|name| joined(&it, name)));
        let telling: Vec<_> = telling.filter(|path| self.has(path)).collect();
        self.files.extend(telling);
    }

    /// Whether this is a file inside the folder; also what lies in folders that are passed over.
    pub(crate) fn has(&self, path: &str) -> bool {
        let stat = self.open(path, OFlags::PATH).and_then(|opened| fstat(&opened));
        stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    }

    /// The beginning of a file, as text.
    pub(crate) fn read(&self, path: &str) -> Result<String, Silent> {
        let left = self.bytes_left.get().min(self.limits.file_bytes);
        if left == 0 {
            return Err(Silent::Limit);
        }
        let opened = self.open(path, OFlags::RDONLY).map_err(|error| match error {
            Errno::ACCESS | Errno::PERM => Silent::Denied,
            _ => Silent::Absent,
        })?;
        let stat = fstat(&opened).map_err(|_| Silent::Absent)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Silent::Absent);
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(left).unwrap_or(u64::MAX);
        File::from(opened).take(most).read_to_end(&mut bytes).map_err(|_| Silent::Denied)?;
        self.bytes_left.set(self.bytes_left.get().saturating_sub(bytes.len()));
        let is_cut = bytes.len() == left;
        text(bytes, is_cut).ok_or(Silent::Binary)
    }
}

/// Bytes as text; a letter that is cut off at the end is left out.
fn text(bytes: Vec<u8>, is_cut: bool) -> Option<String> {
    if bytes.contains(&0) {
        return None;
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let is_end = is_cut && error.as_bytes().len() - good < 4;
            let mut bytes = error.into_bytes();
            bytes.truncate(good);
            String::from_utf8(bytes).ok().filter(|_| is_end)?
        }
    };
    Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Whether a file's name ends so, behind a dot.
pub(crate) fn ends(path: &str, ending: &str) -> bool {
    name_of(path).rsplit_once('.').is_some_and(|(_, it)| it == ending)
}

/// A name in a folder.
pub(crate) fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.into() } else { format!("{folder}/{name}") }
}

/// The folder a path lies in.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub(crate) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
