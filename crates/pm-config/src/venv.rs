//! Python's virtual environments: which one an app belongs to.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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

    /// The one an app belongs to: `VIRTUAL_ENV` of its own `env`, else `venv` or `.venv` beside it, else the caller's `VIRTUAL_ENV`.
    pub(crate) fn of(cwd: &Path, script: Option<&Path>, env: &Variables) -> Option<Self> {
        let named = || {
            let path = env.all.get("VIRTUAL_ENV").filter(|path| !path.is_empty())?;
            Self::at(paths::absolute(paths::from_bytes(path), cwd))
        };
        let declared = env.declared.contains("VIRTUAL_ENV");
        let folders = [Some(cwd), script.and_then(Path::parent)];
        let beside = || {
            let places = folders.into_iter().flatten();
            places.flat_map(|at| [at.join("venv"), at.join(".venv")]).find_map(Self::at)
        };
        declared.then(named).flatten().or_else(beside).or_else(named)
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

    /// Whether a path lies inside.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.0)
    }
}
