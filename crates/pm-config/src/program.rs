//! What `script` means: a file, a program in the venv or PATH, or a line for the shell.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_spec::ByteString;

use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::env::Variables;
use crate::fields::AppFields;
use crate::ground::ConfigGround;
use crate::keys;
use crate::package::{self, Package};
use crate::paths::{self, PathKind};
use crate::runtime::{Runtime, also_called};
use crate::venv::Venv;
use crate::venv_cure::{LostVenv, pip_install};

/// What is run.
#[derive(Debug)]
pub(crate) enum Program {
    /// A file that exists.
    File {
        /// Absolute, symlinks kept.
        path: PathBuf,
        /// How it was found.
        found: FoundBy,
    },
    /// A line for `bash -c`, or `sh -c` where there is no bash.
    Line {
        /// The shell.
        shell: PathBuf,
        /// The line, as written.
        line: ByteString,
    },
    /// A module for Python: the words before the app's own arguments, `-m` among them.
    Module(Vec<ByteString>),
    /// Our own program, as a file server.
    Server(PathBuf),
}

/// The script that means our own file server (PM2: `script: "serve"`).
pub(crate) const SERVE: &str = "serve";

/// The hidden verb of our program that serves what its environment says.
pub const SERVE_VERB: &str = "serve-files";

/// The hidden verb that is in front of an event listener of Supervisor.
pub const EVENT_VERB: &str = "event-pool";

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundBy {
    /// By its path.
    ByPath,
    /// By its bare name, in a venv or in PATH; it can be executed.
    ByName,
}

/// Finds what an app runs; `None` after a finding.
///
/// As in PM2 a file wins over a program of the same name, and an existing file over shell text (pain 51).
pub(crate) fn find(
    app: &mut AppFields<'_>,
    cwd: &Path,
    env: &Variables,
    ground: &ConfigGround<'_>,
) -> Option<Program> {
    let at = app.place("script");
    if app.get("script").is_none_or(|field| field.node.value.is_falsy()) {
        app.findings.add(Finding::no_script(at, "the app has no `script`"));
        return None;
    }
    let text = app.bytes("script")?;
    // On the command line it is a program like any other, as in PM2.
    if text.as_bytes() == SERVE.as_bytes() && !matches!(at, ConfigPlace::Flag(_)) {
        let own = ground.caller.argv.first().map(paths::from_bytes);
        return Some(Program::Server(own.unwrap_or(Path::new("pm")).to_owned()));
    }
    if let Some(path) = file(app, text, cwd, ground) {
        return Some(Program::File { path, found: FoundBy::ByPath });
    }
    if let Some(module) = Module::read(app) {
        if module.name.is_none() {
            let finding = Finding::error(at, "`script` is Python's `-m`, but which module is it?");
            app.findings.add(finding.hint("args: \"MODULE\""));
        }
        return module.name.map(|_| Program::Module(module.words));
    }
    let name = OsStr::from_bytes(text.as_bytes());
    if !text.as_bytes().contains(&b'/') {
        let venv = Venv::of(cwd, None, env, ground.folder);
        let lost = LostVenv::beside(cwd, None, ground.folder);
        if let Some(lost) = lost.filter(|lost| venv.is_none() && lost.has(name)) {
            app.findings.add(Finding::error(at, lost.says()).hint(lost.cure()));
            return None;
        }
        let named = |name: &OsStr| {
            let own = venv.as_ref().and_then(|venv| venv.program(name));
            own.or_else(|| paths::search(name, &env.all, cwd))
        };
        if let Some(path) = named(name) {
            return Some(Program::File { path, found: FoundBy::ByName });
        }
        if let Some(path) = also_called(name).and_then(|name| named(OsStr::new(name))) {
            let message = format!("there is no program {}", quoted(text.as_bytes()));
            app.warn(at, format!("{message}; {} is used", path.display()));
            return Some(Program::File { path, found: FoundBy::ByName });
        }
    }
    let folder = paths::written(text, cwd, &ground.caller.env);
    if let Some(path) = main_of(&folder) {
        return Some(Program::File { path, found: FoundBy::ByPath });
    }
    if text.as_bytes().iter().any(u8::is_ascii_whitespace) {
        return line(app, text, cwd, env);
    }
    let finding = missing(at, text, cwd, ground);
    let path = ground.starts_later.then_some(folder);
    app.findings.add(if path.is_some() { finding.later() } else { finding });
    path.map(|path| Program::File { path, found: FoundBy::ByPath })
}

/// What Python's `-m` is to run: `script: "-m"` with the module first in `args`, or `interpreter_args` that end with `-m`
/// before a script that is no path.
pub(crate) struct Module {
    /// What it is called; `None`: nobody said.
    pub(crate) name: Option<ByteString>,
    /// What comes before the app's own arguments.
    words: Vec<ByteString>,
}

impl Module {
    /// `None`: it is none, or another language's.
    pub(crate) fn read(app: &mut AppFields<'_>) -> Option<Self> {
        let script = app.get("script")?.node.value.as_text()?;
        let interpreter = app.get("interpreter").map(|field| field.node.value.as_text());
        let is_pythons =
            |name: &ByteString| Runtime::of(paths::from_bytes(name)) == Runtime::Python;
        if interpreter.is_some_and(|name| !name.is_some_and(is_pythons)) {
            return None;
        }
        let mut words = app.words("interpreter_args");
        if script.as_bytes() == b"-m" {
            words.push(script.clone());
            return Some(Self { name: app.words("args").into_iter().next(), words });
        }
        let last = words.last().is_some_and(|word| word.as_bytes() == b"-m");
        let is_path = script.as_bytes().contains(&b'/') || script.as_bytes().ends_with(b".py");
        words.push(script.clone());
        (last && !is_path).then(|| Self { name: Some(script.clone()), words })
    }
}

/// The file that a folder means: what `main` of its package.json names, its index, or a Python package's main.
fn main_of(folder: &Path) -> Option<PathBuf> {
    const MAINS: [&str; 5] = ["index.js", "index.cjs", "index.mjs", "index.ts", "__main__.py"];
    let inside = |folder: &Path| {
        MAINS.map(|name| folder.join(name)).into_iter().find(|it| paths::is_file(it))
    };
    let named = package::of::<Package>(folder).and_then(|package| Some(folder.join(package.main?)));
    let named = named.and_then(|main| {
        let mut ended = main.clone().into_os_string();
        ended.push(".js");
        let files = [main.clone(), PathBuf::from(ended)];
        files.into_iter().find(|path| paths::is_file(path)).or_else(|| inside(&main))
    });
    let path = named.or_else(|| inside(folder))?;
    Some(paths::absolute(&path, folder))
}

/// The script as a file: seen from the app's folder, else from the config's, else from the caller's, the latter two with a warning.
fn file(
    app: &mut AppFields<'_>,
    text: &ByteString,
    cwd: &Path,
    ground: &ConfigGround<'_>,
) -> Option<PathBuf> {
    let seen_from = |folder: &Path| {
        Some(paths::written(text, folder, &ground.caller.env)).filter(|path| paths::is_file(path))
    };
    if let Some(path) = seen_from(cwd) {
        return Some(path);
    }
    let (path, whence) = seen_from(ground.folder)
        .map(|path| (path, "the folder of the config"))
        .or_else(|| seen_from(&ground.caller.cwd).map(|path| (path, "where you call")))?;
    let at = app.place("script");
    let message = format!("`script` {} is found only from {whence}", quoted(text.as_bytes()));
    let hint = format!("it is seen from the app's folder, {}", cwd.display());
    app.findings.add(Finding::warning(at, message).hint(hint));
    Some(path)
}

/// The shell, as PM2 chooses it.
fn line(
    app: &mut AppFields<'_>,
    text: &ByteString,
    cwd: &Path,
    env: &Variables,
) -> Option<Program> {
    let named = |name: &str| paths::search(OsStr::new(name), &env.all, cwd);
    let shell = named("bash")
        .or_else(|| named("sh"))
        .or_else(|| Some(PathBuf::from("/bin/sh")).filter(|shell| paths::is_executable(shell)));
    if shell.is_none() {
        let at = app.place("script");
        app.error(at, "there is no bash and no sh to run this line with");
    }
    shell.map(|shell| Program::Line { shell, line: text.clone() })
}

fn missing(at: ConfigPlace, text: &ByteString, cwd: &Path, ground: &ConfigGround<'_>) -> Finding {
    let path = paths::written(text, cwd, &ground.caller.env);
    let shown = quoted(text.as_bytes());
    let finding = match paths::look(&path) {
        PathKind::Folder => {
            let message = format!("`script` {shown} is a folder");
            let folder = path.display();
            let hint = format!(
                "`pm add {folder}` finds the apps in it; or name the file in it that is to be run"
            );
            return Finding::error(at, message).hint(hint);
        }
        // A link in a circle or a closed folder; "not found" would send people looking for the wrong thing.
        PathKind::Missing(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let message = format!("`script` {shown}: {}", paths::cause(&error));
            return Finding::error(at, message);
        }
        PathKind::Missing(_) | PathKind::File { .. } if text.as_bytes().contains(&b'/') => {
            Finding::no_script(at, format!("there is no script {}", path.display()))
        }
        PathKind::Missing(_) | PathKind::File { .. } => {
            let message = format!("there is no script {} and no program {shown}", path.display());
            Finding::no_script(at, message)
        }
    };
    match (neighbour(&path), text.as_bytes()) {
        (Some(near), _) => finding.hint(format!("did you mean {}?", quoted(near))),
        (None, b"serve") => {
            finding.hint("the verb `serve` serves files; in a config `serve` means that")
        }
        (None, bytes) if bytes.contains(&b'/') => finding,
        (None, bytes) if is_required(bytes, cwd) => finding.hint(format!(
            "requirements.txt asks for it, and no venv beside it has it: `pm add {}` makes one, or \
             `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt`",
            cwd.display()
        )),
        (None, bytes) if is_of_python(bytes) => {
            let name = String::from_utf8_lossy(bytes);
            let python = cwd.join(".venv/bin/python");
            let install = if cwd.join(".venv/pyvenv.cfg").is_file() {
                format!("`{} {name}`", pip_install(&python))
            } else {
                let shown = cwd.display();
                format!("`python3 -m venv .venv && .venv/bin/python -m pip install {name}` in {shown}")
            };
            finding.hint(format!(
                "{install} puts it into the app's venv; one in another folder than the app's: `--interpreter VENV/bin/python`"
            ))
        }
        (None, _) => finding.hint("programs are looked up in the app's venv and in its PATH; a venv in another folder than the app's: \
             `--interpreter VENV/bin/python`, or the program by its path"),
    }
}

/// Whether pip installs a program by its name.
fn is_of_python(name: &[u8]) -> bool {
    const NAMES: [&str; 8] =
        ["gunicorn", "uvicorn", "hypercorn", "granian", "daphne", "celery", "flask", "streamlit"];
    NAMES.iter().any(|known| known.as_bytes() == name)
}

/// Whether the folder's list for pip has a package of the name of a program.
fn is_required(program: &[u8], folder: &Path) -> bool {
    /// A list of packages is no longer.
    const MOST: usize = 1 << 20;
    let list = paths::head(&folder.join("requirements.txt"), MOST).unwrap_or_default();
    list.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        let ends = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let name = line.split(|byte| !ends(byte)).next().unwrap_or_default();
        !name.is_empty() && name.eq_ignore_ascii_case(program)
    })
}

/// What lies beside the missing one under nearly the same name.
pub(crate) fn neighbour(path: &Path) -> Option<String> {
    /// So many names are compared; folders with more are no project folders.
    const LOOKED_AT: usize = 1000;
    let wrong = path.file_name()?.to_str()?;
    let names: Vec<String> = std::fs::read_dir(path.parent()?)
        .ok()?
        .take(LOOKED_AT)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    keys::nearest(wrong, sorted.into_iter()).map(str::to_owned)
}
