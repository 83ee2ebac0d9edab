//! Programs of this machine that set up projects: which Pythons there are, and whether uv is.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use pm_scout::PythonWish;

/// A program of PATH.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::var_os("PATH")?;
    let is_program = |file: &PathBuf| {
        std::fs::metadata(file)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(is_program)
}

/// An interpreter, as it is called, and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundPython {
    pub(super) name: String,
    pub(super) version: (u32, u32),
}

/// The newest that names of PATH are looked for.
const NEWEST: u32 = 20;

/// The interpreter of a name or path; only its version is asked.
pub(super) fn of_name(name: &str) -> Option<FoundPython> {
    if !name.contains('/') {
        program(name)?;
    }
    let mut command = Command::new(name);
    let output = command.arg("--version").stdin(Stdio::null()).current_dir("/").output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let mut numbers = said.trim().strip_prefix("Python ")?.split('.');
    let version = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    output.status.success().then(|| FoundPython { name: name.into(), version })
}

/// The interpreters of PATH, the usual one first.
fn all() -> impl Iterator<Item = FoundPython> {
    let names = ["python3".to_owned(), "python".to_owned()].into_iter();
    let names = names.chain((6..=NEWEST).rev().map(|minor| format!("python3.{minor}")));
    names.filter_map(|name| of_name(&name))
}

/// What makes the venv, or why nothing can.
pub(super) fn choose(
    asked: Option<&str>,
    wish: Option<&PythonWish>,
    has_uv: bool,
) -> Result<String, String> {
    if let Some(asked) = asked {
        let version = asked.starts_with(|it: char| it.is_ascii_digit());
        let name = if version { format!("python{asked}") } else { asked.to_owned() };
        return match of_name(&name) {
            Some(found) => Ok(found.name),
            None if has_uv && version => Ok(asked.to_owned()),
            None => Err(format!("there is no Python `{name}` here")),
        };
    }
    let mut found = Vec::new();
    for python in all() {
        if wish.is_none_or(|wish| wish.allows(python.version)) && python.version.0 == 3 {
            return Ok(python.name);
        }
        found.push(python);
    }
    let Some(wish) = wish else {
        return Err(
            "there is no python3 in PATH: install it (Debian: python3, python3-venv)".into()
        );
    };
    if let Some((major, minor)) = wish.exact().filter(|_| has_uv) {
        return Ok(format!("{major}.{minor}"));
    }
    let mut versions: Vec<_> = found.iter().map(|it| it.version).collect();
    versions.sort_unstable();
    versions.dedup();
    let versions: Vec<_> = versions.iter().map(|(a, b)| format!("{a}.{b}")).collect();
    let here = if versions.is_empty() { "none".into() } else { versions.join(", ") };
    Err(format!(
        "Python {} is wanted ({}:{}), and here is {here}: --python names another, or let uv fetch it",
        wish.text, wish.evidence.file, wish.evidence.line
    ))
}
