//! What would cure a shell line of a program that is not found: where it was looked for, and what would bring it there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use pm_config::{path_of, program_in_path};
use pm_protocol::Description;
use pm_spec::{AppSpec, ByteString};

use crate::commands::support::failing::{Failing, cwd, typed};
use crate::commands::support::pip_names::package_with;
use crate::commands::support::python_cure::needs;

/// What is called otherwise on many machines.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("python", "python3"),
    ("pip", "pip3"),
    ("nodejs", "node"),
    ("node", "nodejs"),
    ("docker-compose", "docker compose"),
    ("vim", "vi"),
];

/// A shell, or `env`, says that there is no such program.
pub(super) fn program(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let name = named(line, one.ends.last().is_some_and(|end| end.code == Some(127)))?;
    Some(told(&one.spec, name))
}

/// The program in what a shell says: `sh: 1: NAME: not found`, `bash: line 1: NAME: command not found`,
/// `zsh:1: command not found: NAME`, `env: 'NAME': No such file or directory`.
fn named(line: &str, is_shells: bool) -> Option<&str> {
    let line = line.trim_end();
    let before = |what: &str| line.strip_suffix(what)?.rsplit(": ").next();
    let name = line
        .split_once("command not found: ")
        .map(|(_, name)| name)
        .or_else(|| before(": command not found"))
        .or_else(|| before(": not found"))
        .or_else(|| before(": No such file or directory").filter(|_| is_shells))?;
    let name = name.trim_matches(['\'', '"', '`', '\u{2018}', '\u{2019}']);
    (!name.is_empty() && !name.contains(' ')).then_some(name)
}

/// The same of who said nothing: the first word of a line that is one command.
pub(super) fn unfound(one: &Description) -> Option<String> {
    let [dash, line, ..] = one.spec.args.as_slice() else { return None };
    let line = line.display();
    let is_one = dash.as_bytes() == b"-c" && !line.contains(['|', ';', '&', '\n', '$', '`', '(']);
    let mut words = line.split_whitespace().filter(|word| *word != "exec" && !word.contains('='));
    let word = words.next().filter(|_| is_one)?;
    Some(told(&one.spec, word))
}

fn told(spec: &AppSpec, name: &str) -> String {
    let cwd = cwd(spec);
    if name.contains('/') {
        let path = cwd.join(name).display().to_string();
        return format!(
            "{path} is not there: it is looked for in {}, where it runs",
            cwd.display()
        );
    }
    let value = |name: &str| spec.env.get(name).filter(|value| !value.is_empty());
    let venv = value("VIRTUAL_ENV").map(|path| path_of(path).to_path_buf());
    let path = value("PATH").map_or_else(|| "the shell's own".into(), folders);
    let lacks = match &venv {
        Some(venv) => {
            let venv = venv.display();
            format!(
                "`{name}` is not in the virtual environment {venv}, nor elsewhere in PATH ({path})"
            )
        }
        None => format!("`{name}` is not in PATH ({path})"),
    };
    format!("{lacks}: {}", cure(spec, name, (&cwd, venv)))
}

/// The folders of a PATH, the first of them where they are many.
fn folders(path: &ByteString) -> String {
    /// More are hard to read.
    const SHOWN: usize = 6;
    let text = path.display();
    let all: Vec<_> = text.split(':').collect();
    let more = all.len().saturating_sub(SHOWN);
    let shown = all[..all.len() - more].join(":");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// What would bring it there.
fn cure(spec: &AppSpec, name: &str, (cwd, venv): (&Path, Option<PathBuf>)) -> String {
    let beside = cwd.join("node_modules/.bin").join(name);
    if beside.is_file() {
        return format!("it is in node_modules: `npx {name}`, or {}", beside.display());
    }
    if let Some(other) = pm_config::unused_venv(spec).map(|venv| venv.join("bin").join(name))
        && other.is_file()
    {
        return format!("but there is {}", other.display());
    }
    if let Some(lost) = pm_config::lost_venv_beside(spec) {
        return lost;
    }
    let package = package_with(name);
    let needs = needs(spec).filter(|needs| package.is_some() || lists(&needs.file, name));
    match (venv, needs, package) {
        (Some(venv), Some(needs), _) => {
            return needs.install(&venv.join("bin/python"));
        }
        (Some(venv), None, Some(package)) => {
            let install = pm_config::pip_install(&venv.join("bin/python"));
            return format!("`{install} {package}`");
        }
        (None, Some(needs), _) => return needs.venv(),
        (None, None, Some(package)) => {
            let venv = typed(cwd.join(".venv"));
            return format!(
                "`python3 -m venv {venv} && {venv}/bin/python -m pip install {package}` makes a virtual environment, which it is found in"
            );
        }
        (_, None, None) => {}
    }
    if lists(&cwd.join("package.json"), name) {
        return format!(
            "package.json names it: `npm install` in {}, then `npx {name}`",
            cwd.display()
        );
    }
    let is_there = |other: &&(&str, &str)| {
        let program = other.1.split(' ').next().unwrap_or(other.1);
        other.0 == name && program_in_path(OsStr::new(program), &spec.env, cwd).is_some()
    };
    match OTHER_NAMES.iter().find(is_there) {
        Some((_, other)) => format!("there is `{other}`"),
        None => {
            "install it, write its whole path, or add its folder: `env: { PATH: \"...\" }`".into()
        }
    }
}

/// Whether a list of packages names this one.
fn lists(file: &Path, name: &str) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let is_it = |line: &str| {
        let word = line.trim_start_matches([' ', '\t', '"', '\'']);
        let rest = word.get(..name.len()).filter(|it| it.eq_ignore_ascii_case(name));
        rest.is_some()
            && !word[name.len()..]
                .starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_')
    };
    text.lines().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::support::failing::described;

    #[test]
    fn the_program_a_shell_does_not_find_is_heard() {
        for (line, is_shells, name) in [
            ("sh: 1: celery: not found", false, Some("celery")),
            ("/bin/sh: celery: not found\n", false, Some("celery")),
            ("bash: line 1: celery: command not found", false, Some("celery")),
            ("zsh:1: command not found: celery", false, Some("celery")),
            ("env: \u{2018}node\u{2019}: No such file or directory", true, Some("node")),
            ("bash: line 1: ./run: No such file or directory", true, Some("./run")),
            ("cat: notes: No such file or directory", false, None),
            ("GET /x y: not found", false, None),
            ("the page was not found", false, None),
        ] {
            assert_eq!(named(line, is_shells), name, "{line}");
        }
    }

    /// What is told of a program that is missing where these files are, with ROOT for their folder.
    fn told_of(name: &str, files: &[(&str, &str)], venv: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (file, text) in files {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let mut one = described();
        (one.spec.script, one.spec.cwd) = ("/bin/bash".into(), pm_config::path_bytes(root));
        one.spec.args =
            vec!["-c".into(), ByteString::from(format!("A=b exec {name} -A app worker").as_str())];
        one.spec.env.set("PATH", "/a:/b");
        if venv {
            one.spec.env.set("VIRTUAL_ENV", pm_config::path_bytes(&root.join("env")));
        }
        unfound(&one).unwrap().replace(root.to_str().unwrap(), "ROOT")
    }

    #[test]
    fn what_is_not_found_is_told_with_where_it_was_looked_for_and_the_cure() {
        let list = ("requirements.txt", "Celery==5\nredis\n");
        assert_eq!(
            told_of("celery", &[], true),
            "`celery` is not in the virtual environment ROOT/env, nor elsewhere in PATH (/a:/b): `ROOT/env/bin/python -m pip install celery`"
        );
        assert!(
            told_of("celery", &[list], true)
                .ends_with(": `ROOT/env/bin/python -m pip install -r ROOT/requirements.txt`")
        );
        assert_eq!(
            told_of("celery", &[list], false),
            "`celery` is not in PATH (/a:/b): ROOT/requirements.txt says what it needs: `pm add ROOT` puts that into a virtual environment"
        );
        assert!(
            told_of("celery", &[], false)
                .contains("-m venv ROOT/.venv && ROOT/.venv/bin/python -m pip install celery`")
        );
        // What a list of Python does not have is no affair of Python.
        assert!(told_of("redis-server", &[list], true).ends_with(
            ": install it, write its whole path, or add its folder: `env: { PATH: \"...\" }`"
        ));
        assert!(told_of("vite", &[("node_modules/.bin/vite", "")], false).contains("`npx vite`"));
        assert!(
            told_of("vite", &[("package.json", "{\n \"vite\": \"5\"\n}")], false)
                .contains("`npm install` in ROOT")
        );
        assert!(told_of("./run", &[], false).starts_with("ROOT/./run is not there"));
    }
}
