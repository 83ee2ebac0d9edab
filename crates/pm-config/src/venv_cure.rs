//! What brings a virtual environment back whose Python is gone, or a package into one: as whoever made it would.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use pm_spec::AppSpec;

use crate::compose::engine::quote;
use crate::paths;
use crate::venv::{Venv, places};

/// A virtual environment whose Python is not there any more, as after an upgrade of the system.
#[derive(Debug)]
pub(crate) struct LostVenv {
    folder: PathBuf,
    /// What its Python leads to.
    wanted: PathBuf,
}

impl LostVenv {
    fn at(folder: PathBuf) -> Option<Self> {
        /// Links to links are followed so far.
        const MOST: usize = 8;
        let bin = folder.join("bin");
        let mut names = ["python", "python3"].map(|name| bin.join(name)).into_iter();
        if !paths::is_file(&folder.join("pyvenv.cfg")) || names.clone().any(|it| it.exists()) {
            return None;
        }
        let mut wanted = names.find(|name| name.is_symlink())?;
        for _ in 0..MOST {
            let Ok(next) = std::fs::read_link(&wanted) else { break };
            wanted = wanted.parent().unwrap_or(&bin).join(next);
        }
        Some(Self { folder, wanted })
    }

    /// The one a program is part of: `<venv>/bin/<program>`.
    pub(crate) fn around(program: &Path) -> Option<Self> {
        let bin = program.parent().filter(|bin| bin.file_name() == Some(OsStr::new("bin")))?;
        Self::at(bin.parent()?.to_owned())
    }

    /// The one beside an app or above it, by its usual name.
    pub(crate) fn beside(cwd: &Path, script: Option<&Path>, root: &Path) -> Option<Self> {
        let usual = |folder: &Path| {
            [".venv", "venv"].into_iter().find_map(|name| Self::at(folder.join(name)))
        };
        places(cwd, script, root).find_map(usual)
    }

    /// Whether it has a program of this name, which can't run.
    pub(crate) fn has(&self, program: &OsStr) -> bool {
        paths::is_file(&self.folder.join("bin").join(program))
    }

    /// What is wrong with it.
    pub(crate) fn says(&self) -> String {
        let (folder, wanted) = (self.folder.display(), self.wanted.display());
        format!("the Python of the virtual environment {folder} is gone: {wanted} is not there")
    }

    /// What makes it anew.
    pub(crate) fn cure(&self) -> String {
        anew(&self.folder)
    }
}

/// What makes a virtual environment anew, with what was in it.
pub(crate) fn anew(venv: &Path) -> String {
    let word = |path: &Path| quote(&path.to_string_lossy());
    let folder = venv.parent().unwrap_or(venv);
    let by_uv = is_uvs(venv);
    if by_uv && folder.join("uv.lock").is_file() {
        return format!("`uv sync` in {} makes it anew", folder.display());
    }
    let shown = word(venv);
    let make = if by_uv { "uv venv --clear" } else { "python3 -m venv --clear" };
    let list = folder.join("requirements.txt");
    let project = std::fs::read_to_string(folder.join("pyproject.toml")).unwrap_or_default();
    let packages = if list.is_file() {
        format!("-r {}", word(&list))
    } else if project.contains("dependencies") {
        word(folder)
    } else {
        return format!(
            "`{make} {shown}` makes it anew, and its packages are to be installed again"
        );
    };
    let install = if by_uv {
        format!("uv pip install --python {shown}/bin/python")
    } else {
        format!("{shown}/bin/python -m pip install")
    };
    format!("`{make} {shown} && {install} {packages}` makes it anew")
}

/// The words of a command that installs packages for a Python: its pip or, in a virtual environment that has none, uv.
pub fn pip_install(python: &Path) -> String {
    let shown = quote(&python.to_string_lossy());
    let venv = python.ancestors().nth(2).filter(|venv| venv.join("pyvenv.cfg").is_file());
    match venv.filter(|venv| lacks_pip(venv)) {
        Some(venv) if is_uvs(venv) => format!("uv pip install --python {shown}"),
        Some(_) => format!("{shown} -m ensurepip && {shown} -m pip install"),
        None => format!("{shown} -m pip install"),
    }
}

/// What is wrong with the virtual environment that an app runs in, if its Python is gone or it was moved, and the cure.
pub fn lost_venv(spec: &AppSpec) -> Option<String> {
    let script = paths::from_bytes(&spec.script);
    let runs = spec.interpreter.as_ref().map_or(script, paths::from_bytes);
    if let Some(lost) = [runs, script].into_iter().find_map(LostVenv::around) {
        return Some(format!("{}; {}", lost.says(), lost.cure()));
    }
    let venv = Venv::around(script)?;
    let head = paths::head(script, 256).unwrap_or_default();
    let line = String::from_utf8_lossy(head.strip_prefix(b"#!")?).into_owned();
    let python = line.lines().next()?.trim().to_owned();
    (Path::new(&python).is_absolute() && !Path::new(&python).exists()).then(|| {
        let folder = venv.folder();
        format!(
            "{} was moved, and its programs look for {python}; {}",
            folder.display(),
            anew(folder)
        )
    })
}

/// As [`lost_venv`], of the one that lies beside an app.
pub fn lost_venv_beside(spec: &AppSpec) -> Option<String> {
    let cwd = paths::from_bytes(&spec.cwd);
    let root = spec.source.as_ref().and_then(|source| paths::from_bytes(source).parent());
    let lost = LostVenv::beside(cwd, None, root.unwrap_or(cwd))?;
    Some(format!("{}; {}", lost.says(), lost.cure()))
}

/// Whether uv made it, which says so.
fn is_uvs(venv: &Path) -> bool {
    let text = std::fs::read_to_string(venv.join("pyvenv.cfg")).unwrap_or_default();
    text.lines().any(|line| line.split('=').next().is_some_and(|key| key.trim() == "uv"))
}

/// Whether it has packages, and none of them is pip.
fn lacks_pip(venv: &Path) -> bool {
    let entries = std::fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
    let packages = entries.map(|entry| entry.path().join("site-packages"));
    let mut packages = packages.filter(|folder| folder.is_dir()).peekable();
    packages.peek().is_some() && !packages.any(|folder| folder.join("pip").is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_come_as_into_what_made_the_venv() {
        let folder = tempfile::tempdir().unwrap();
        let venv = folder.path().join("v");
        let python = venv.join("bin/python");
        let packages = venv.join("lib/python3.12/site-packages");
        std::fs::create_dir_all(&packages).unwrap();
        let shown = python.display();
        assert_eq!(pip_install(&python), format!("{shown} -m pip install"), "no venv at all");
        std::fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\nuv = 0.8.1\n").unwrap();
        assert_eq!(pip_install(&python), format!("uv pip install --python {shown}"));
        std::fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        let ensured = format!("{shown} -m ensurepip && {shown} -m pip install");
        assert_eq!(pip_install(&python), ensured);
        std::fs::create_dir(packages.join("pip")).unwrap();
        assert_eq!(pip_install(&python), format!("{shown} -m pip install"));
    }
}
