//! Python's virtual environments: which one an app belongs to.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use pm_spec::{AppSpec, ByteString};

use crate::env::Variables;
use crate::paths;

/// A folder with `bin/python` and `pyvenv.cfg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Venv(PathBuf);

impl Venv {
    /// The folder, if it is one.
    fn at(folder: PathBuf) -> Option<Self> {
        let venv = Self(folder);
        (paths::is_file(&venv.0.join("pyvenv.cfg")) && venv.python().is_some()).then_some(venv)
    }

    /// The one an app belongs to: `VIRTUAL_ENV` of its own `env`, else one in the script's folder, the app's, or one above these,
    /// else the caller's `VIRTUAL_ENV`.
    pub(crate) fn of(
        cwd: &Path,
        script: Option<&Path>,
        env: &Variables,
        root: &Path,
    ) -> Option<Self> {
        let named = || {
            let path = env.all.get("VIRTUAL_ENV").filter(|path| !path.is_empty())?;
            Self::at(paths::absolute(paths::from_bytes(path), cwd))
        };
        let declared = env.declared.contains("VIRTUAL_ENV");
        let active = named();
        let active = active.as_ref().map(|venv| venv.0.as_path());
        let beside = || places(cwd, script, root).find_map(|folder| Self::within(folder, active));
        declared.then(named).flatten().or_else(beside).or_else(named)
    }

    /// `.venv`, `venv`, the active one, or the first other one that lies in a folder.
    fn within(folder: &Path, active: Option<&Path>) -> Option<Self> {
        /// So many entries are looked at; folders with more are no project folders.
        const LOOKED_AT: usize = 1000;
        let usual = [".venv", "venv"].into_iter().find_map(|name| Self::at(folder.join(name)));
        let others = || {
            let entries = std::fs::read_dir(folder).ok()?.take(LOOKED_AT).flatten();
            let may_be =
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()));
            let mut folders: Vec<_> = may_be.map(|entry| entry.path()).collect();
            folders.sort_unstable();
            folders.into_iter().find_map(Self::at)
        };
        let active = active.filter(|venv| venv.parent() == Some(folder));
        usual.or_else(|| Self::at(active?.to_owned())).or_else(others)
    }

    /// What `activate` does: its programs are found first, and programs see where they are.
    pub(crate) fn enter(&self, env: &mut Variables) {
        if !env.declared.contains("VIRTUAL_ENV") {
            env.all.set("VIRTUAL_ENV", paths::to_bytes(&self.0));
        }
        let bin = paths::to_bytes(&self.0.join("bin"));
        let list = env.all.get("PATH").map_or(paths::DEFAULT, ByteString::as_bytes);
        let mut entries = list.split(|byte| *byte == b':');
        let is_there = if env.declared.contains("PATH") {
            entries.any(|entry| entry == bin.as_bytes())
        } else {
            entries.next() == Some(bin.as_bytes())
        };
        if !is_there {
            env.all.set("PATH", ByteString::from([bin.as_bytes(), b":", list].concat()));
        }
    }

    /// The one a program is part of: `<venv>/bin/<program>`.
    pub(crate) fn around(program: &Path) -> Option<Self> {
        let bin = program.parent().filter(|bin| bin.file_name() == Some(OsStr::new("bin")))?;
        Self::at(bin.parent()?.to_owned())
    }

    /// A program of it.
    pub(crate) fn program(&self, name: &OsStr) -> Option<PathBuf> {
        Some(self.0.join("bin").join(name)).filter(|path| paths::is_executable(path))
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> Option<PathBuf> {
        self.program(OsStr::new("python")).or_else(|| self.program(OsStr::new("python3")))
    }

    /// The version of its interpreter, as it says itself: `3.11.4`.
    pub(crate) fn version(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.0.join("pyvenv.cfg")).ok()?;
        let version = |line: &str| {
            let (key, value) = line.split_once('=')?;
            matches!(key.trim(), "version" | "version_info").then(|| value.trim().to_owned())
        };
        text.lines().find_map(version)
    }

    /// Whether its interpreter is what a name asks for: `python`, `python3`, `python3.11`. A version that nobody knows may
    /// be any.
    pub(crate) fn is_called(&self, name: &OsStr) -> bool {
        let Some(asked) = name.to_str().and_then(|name| name.strip_prefix("python")) else {
            return false;
        };
        let Some(version) = self.version() else { return true };
        let mut parts = version.split('.');
        asked.split('.').filter(|part| !part.is_empty()).all(|part| parts.next() == Some(part))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Whether a path lies inside.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.0)
    }
}

/// The virtual environment that lies beside an app or above it and that the app does not run in.
pub fn unused_venv(spec: &AppSpec) -> Option<PathBuf> {
    let cwd = paths::from_bytes(&spec.cwd);
    let variables = Variables::default();
    let root = spec.source.as_ref().and_then(|source| paths::from_bytes(source).parent());
    let script = paths::from_bytes(&spec.script);
    let venv = Venv::of(cwd, Some(script), &variables, root.unwrap_or(cwd))?;
    let by = spec.interpreter.as_ref().map_or(script, paths::from_bytes);
    let entered = spec.env.get("VIRTUAL_ENV").is_some_and(|it| paths::from_bytes(it) == venv.0);
    (!venv.holds(by) && !entered).then_some(venv.0)
}

/// Where one is looked for: in the script's folder, the app's, and above these.
pub(crate) fn places<'a>(
    cwd: &'a Path,
    script: Option<&'a Path>,
    root: &'a Path,
) -> impl Iterator<Item = &'a Path> {
    let starts = [script.and_then(Path::parent), Some(cwd)].into_iter().flatten();
    starts.flat_map(move |start| {
        let top = top(start, root);
        start.ancestors().take_while(move |place| place.starts_with(top))
    })
}

/// Where looking upwards ends: the root of the config or of git, the one that is farther up; else where it begins.
fn top<'a>(folder: &'a Path, root: &'a Path) -> &'a Path {
    let git = folder.ancestors().find(|place| place.join(".git").exists());
    let config = Some(root).filter(|root| folder.starts_with(root));
    [git, config]
        .into_iter()
        .flatten()
        .min_by_key(|place| place.as_os_str().len())
        .unwrap_or(folder)
}
