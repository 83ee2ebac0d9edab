//! What runs a script: as set, else its shebang, else its exact ending, else itself.
//!
//! Never by a part of a path (pain 22). Symlinks stay as they are; a venv's `python` is one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_spec::ByteString;

use crate::diagnose::{Finding, quoted};
use crate::env::Variables;
use crate::fields::AppFields;
use crate::ground::ConfigGround;
use crate::keys;
use crate::paths;
use crate::program::{FoundBy, Program};
use crate::runtime::{Runtime, also_called};
use crate::shebang::{Shebang, shebang};
use crate::venv::Venv;
use crate::venv_cure::{LostVenv, anew};

/// What runs the script.
#[derive(Debug)]
pub(crate) struct Choice {
    /// The program; `None`: the script itself.
    pub(crate) interpreter: Option<PathBuf>,
    /// Arguments of a shebang line; the file's own follow them.
    pub(crate) args: Vec<ByteString>,
    pub(crate) runtime: Runtime,
}

/// Exact endings and who runs them, the first that is there.
const ENDINGS: [(&[&str], &[&str]); 9] = [
    (&["py"], &["python3", "python"]),
    (&["js", "mjs", "cjs"], &["node", "nodejs"]),
    (&["ts", "tsx", "mts", "cts"], &["bun", "node"]),
    (&["sh", "bash"], &["bash", "sh"]),
    (&["rb"], &["ruby"]),
    (&["pl"], &["perl"]),
    (&["php"], &["php"]),
    (&["coffee"], &["coffee"]),
    (&["ls"], &["lsc"]),
];

/// Chooses; `None` after a finding.
pub(crate) fn choose(
    app: &mut AppFields<'_>,
    program: &Program,
    cwd: &Path,
    env: &Variables,
    ground: &ConfigGround<'_>,
) -> Option<Choice> {
    let set = app.text("interpreter");
    if set.is_none() && app.get("interpreter").is_some_and(|field| !field.node.value.is_falsy()) {
        // Wrong type: reported already, and guessing would hide it.
        return None;
    }
    // A module is run by whoever would run a file of Python that lies there.
    let module = cwd.join("-m.py");
    let (path, by_name) = match program {
        Program::File { path, found } => (path, *found == FoundBy::ByName),
        Program::Module(_) => (&module, false),
        Program::Server(_) => return Some(itself(Runtime::Other)),
        Program::Line { .. } => {
            // The shell is the interpreter of its line; PM2 ignores another one as well.
            if set.is_some_and(|name| name != "none") {
                let message =
                    "`interpreter` has no effect: a script with blanks is run by the shell";
                app.warn(app.place("interpreter"), message);
            }
            return Some(itself(Runtime::Other));
        }
    };
    // Nobody said that the caller's folder has to do with a script that lies elsewhere.
    let is_foreign = ground.source.is_none() && app.get("cwd").is_none() && !path.starts_with(cwd);
    let home = path.parent().filter(|_| is_foreign).unwrap_or(cwd);
    let search = Search { script: path, cwd, home, env, ground };
    match set {
        Some("none") => executable(app, path, ground.starts_later),
        Some(name) => explicit(app, name, &search),
        None if by_name => match shebang(path).filter(|line| is_moved(path, line)) {
            Some(line) => run_by(app, line, &search),
            None => Some(itself(own_runtime(path))),
        },
        None => automatic(app, &search),
    }
}

fn itself(runtime: Runtime) -> Choice {
    Choice { interpreter: None, args: Vec::new(), runtime }
}

fn by(interpreter: PathBuf, args: Vec<ByteString>) -> Choice {
    let runtime = Runtime::of(&interpreter);
    Choice { interpreter: Some(interpreter), args, runtime }
}

/// Where interpreters are looked up.
struct Search<'a> {
    script: &'a Path,
    cwd: &'a Path,
    /// Whose venv is the app's.
    home: &'a Path,
    env: &'a Variables,
    ground: &'a ConfigGround<'a>,
}

impl Search<'_> {
    /// The app's venv; looked for only where it matters, since most apps have none.
    fn venv(&self) -> Option<Venv> {
        Venv::around(self.script)
            .or_else(|| Venv::of(self.home, Some(self.script), self.env, self.ground.folder))
    }

    fn venv_python(&self) -> Option<PathBuf> {
        self.venv().and_then(|venv| venv.python())
    }

    /// The venv whose Python would run it if that were still there: another one has nothing of what is installed in it.
    fn lost(&self) -> Option<LostVenv> {
        let line = shebang(self.script);
        let is_script = self.script.extension() == Some(OsStr::new("py"));
        let is_any =
            line.map_or(is_script, |line| line.runtime() == Runtime::Python && is_generic(&line));
        LostVenv::around(self.script).or_else(|| {
            let lost = LostVenv::beside(self.home, Some(self.script), self.ground.folder);
            lost.filter(|_| is_any && self.venv().is_none())
        })
    }

    /// A bare name: the app's venv for Python and for what is installed there, then its PATH.
    fn program(&self, name: &OsStr) -> Option<PathBuf> {
        let python = Runtime::of(Path::new(name)) == Runtime::Python;
        self.venv()
            .and_then(|venv| {
                let own = || venv.python().filter(|_| python && venv.is_called(name));
                venv.program(name).or_else(own)
            })
            .or_else(|| paths::search(name, &self.env.all, self.cwd))
    }

    /// That another Python is asked for by name than the one that lies beside the app.
    fn other_python(&self, name: &OsStr) -> Option<String> {
        if Runtime::of(Path::new(name)) != Runtime::Python {
            return None;
        }
        let venv = self.venv().filter(|it| it.program(name).is_none() && !it.is_called(name))?;
        let version = venv.version().map(|version| format!(", which is {version}"));
        Some(format!(
            "{} is not the Python of {}{}",
            quoted(name.as_bytes()),
            venv.folder().display(),
            version.unwrap_or_default()
        ))
    }

    /// Who runs files with this ending; `None`: the ending says nothing.
    fn by_ending(&self) -> Option<Result<PathBuf, &'static [&'static str]>> {
        let ending = self.script.extension().and_then(OsStr::to_str).unwrap_or("");
        let (_, names) = ENDINGS.iter().find(|(endings, _)| endings.contains(&ending))?;
        let python = names.iter().any(|name| Runtime::of(Path::new(name)) == Runtime::Python);
        let venv = python.then(|| self.venv_python()).flatten();
        let found = || names.iter().find_map(|name| self.program(OsStr::new(name)));
        Some(venv.or_else(found).ok_or(*names))
    }
}

fn explicit(app: &mut AppFields<'_>, name: &str, search: &Search<'_>) -> Option<Choice> {
    let at = app.place("interpreter");
    let (name, version) = match name.split_once('@') {
        Some((name, version)) if !name.contains('/') && !name.is_empty() => (name, Some(version)),
        _ => (name, None),
    };
    if let Some(version) = version {
        let message = format!(
            "`interpreter`: choosing version {} is not supported yet; the {} of PATH is used",
            quoted(version),
            quoted(name)
        );
        app.warn(at, message);
    }
    let path = if name.contains('/') {
        written(app, name, search)
    } else {
        search.program(OsStr::new(name))
    };
    // Who writes a path means that one: another Python lacks what is installed there.
    let short = if name.contains('/') { None } else { also_called(OsStr::new(name)) };
    let other = search.other_python(OsStr::new(name)).filter(|_| !name.contains('/'));
    if let Some((other, path)) = other.as_ref().zip(path.as_ref()) {
        let message =
            format!("{other}: {} runs it without what is installed there", path.display());
        let hint = "leave `interpreter` out for that of the venv";
        app.findings.add(Finding::warning(at, message).hint(hint));
    }
    let Some(path) = path.or_else(|| {
        let path = search.program(OsStr::new(short?))?;
        app.warn(
            at,
            format!("there is no interpreter {}; {} is used", quoted(name), path.display()),
        );
        Some(path)
    }) else {
        let finding = Finding::error(at, format!("there is no interpreter {}", quoted(name)));
        let lost = || LostVenv::around(&paths::written(&name.into(), search.cwd, &search.env.all));
        app.findings.add(if let Some(lost) = lost() {
            finding.hint(format!("{}; {}", lost.says(), lost.cure()))
        } else if name.contains('/') {
            let is_python = Runtime::of(Path::new(name)) == Runtime::Python;
            let there = search.venv_python().filter(|_| is_python);
            let named = Path::new(name).file_name().unwrap_or_default();
            let other = || search.program(OsStr::new(also_called(named)?));
            match there.or_else(|| search.program(named)).or_else(other) {
                Some(there) => finding.hint(format!("there is {}", there.display())),
                None => finding.hint("it must be a file that can be executed"),
            }
        } else if let Some(other) = other {
            finding.hint(other + "; without `interpreter` that one runs it")
        } else {
            let meant = meant(OsStr::new(name));
            finding.hint(meant + "it is looked up in the app's venv and in its PATH")
        });
        return None;
    };
    // A venv's program imports from its venv, and only the venv's python finds that.
    let outside = Venv::around(search.script)
        .filter(|venv| Runtime::of(&path) == Runtime::Python && !venv.holds(&path));
    if let Some(python) = outside.and_then(|venv| venv.python()) {
        let message = format!(
            "the script belongs to a venv, so {} runs it instead of {}",
            python.display(),
            path.display()
        );
        app.findings.add(
            Finding::warning(at, message).hint("leave `interpreter` out or name the venv's python"),
        );
        return Some(by(python, Vec::new()));
    }
    Some(by(path, Vec::new()))
}

/// An interpreter given by its path: seen from the app's folder, else, with a warning, from where scripts are looked for too.
fn written(app: &mut AppFields<'_>, name: &str, search: &Search<'_>) -> Option<PathBuf> {
    let text = ByteString::from(name);
    let seen_from = |folder: &Path| {
        let path = paths::written(&text, folder, &search.env.all);
        Some(path).filter(|path| paths::is_executable(path))
    };
    if let Some(path) = seen_from(search.cwd) {
        return Some(path);
    }
    let path = seen_from(search.ground.folder).or_else(|| seen_from(&search.ground.caller.cwd))?;
    let at = app.place("interpreter");
    let message = format!("`interpreter` is found only as {}", path.display());
    let hint = format!("it is seen from the app's folder, {}", search.cwd.display());
    app.findings.add(Finding::warning(at, message).hint(hint));
    Some(path)
}

/// Without an `interpreter`: shebang, ending, itself.
fn automatic(app: &mut AppFields<'_>, search: &Search<'_>) -> Option<Choice> {
    let path = search.script;
    if let Some(lost) = search.lost() {
        let finding = Finding::error(app.place("script"), lost.says());
        let other = "`interpreter: \"python3\"` runs it without what was installed there";
        app.findings.add(finding.hint(format!("{}; {other}", lost.cure())));
        return None;
    }
    if let Some(line) = shebang(path) {
        let generic = is_generic(&line);
        if line.runtime() == Runtime::Python
            && generic
            && search.other_python(line.called()).is_none()
            && let Some(python) = search.venv_python()
        {
            return Some(by(python, line.args));
        }
        if paths::is_executable(path) {
            let found = match &line.name {
                Some(name) => search.program(name).is_some(),
                None => paths::is_file(&line.program),
            };
            if found {
                return Some(itself(line.runtime()));
            }
        }
        return run_by(app, line, search);
    }
    let names = match search.by_ending() {
        None => return executable(app, path, false),
        Some(Ok(interpreter)) => return Some(by(interpreter, Vec::new())),
        Some(Err(names)) => names,
    };
    let at = app.place("script");
    let message = format!("there is no {} to run {} with", names.join(" and no "), path.display());
    app.findings.add(Finding::error(at, message).hint("install it, or set `interpreter`"));
    None
}

/// A script with a shebang that may not be executed: its interpreter is called as the kernel would.
fn run_by(app: &mut AppFields<'_>, line: Shebang, search: &Search<'_>) -> Option<Choice> {
    let interpreter = match &line.name {
        Some(name) => search.program(name),
        None => Some(line.program.clone()).filter(|path| paths::is_executable(path)),
    };
    if let Some(interpreter) = interpreter {
        return Some(by(interpreter, line.args));
    }
    let wanted = line.name.as_deref().unwrap_or(line.program.as_os_str());
    let at = app.place("script");
    let message = format!(
        "there is no {}, which the first line of {} asks for",
        quoted(wanted.as_bytes()),
        search.script.display()
    );
    let name = Path::new(wanted).file_name().unwrap_or(wanted);
    let other = || also_called(name).and_then(|name| search.program(OsStr::new(name)));
    if let Some(other) = search.by_ending().and_then(Result::ok).or_else(other) {
        app.warn(at, format!("{message}; {} runs it", other.display()));
        return Some(by(other, Vec::new()));
    }
    let moved = Venv::around(search.script);
    let moved =
        moved.map(|venv| format!("a virtual environment can't be moved: {}", anew(venv.folder())));
    let hint = moved.unwrap_or_else(|| meant(name) + "install it, or set `interpreter`");
    app.findings.add(Finding::error(at, message).hint(hint));
    None
}

/// Asks about a name that is nearly that of a known interpreter, before other advice.
fn meant(name: &OsStr) -> String {
    let known = ENDINGS.iter().flat_map(|(_, names)| names.iter().copied());
    let near = name.to_str().and_then(|name| keys::nearest(name, known));
    let near = near.filter(|near| name != *near);
    near.map_or_else(String::new, |near| format!("did you mean {}? Else ", quoted(near)))
}

fn executable(app: &mut AppFields<'_>, path: &Path, is_later: bool) -> Option<Choice> {
    if paths::is_executable(path) {
        return Some(itself(own_runtime(path)));
    }
    let is_missing = matches!(paths::look(path), paths::PathKind::Missing(_));
    if is_later && is_missing {
        // Told of by who looked for it.
        return Some(itself(Runtime::Other));
    }
    let at = app.place("script");
    let message = format!("{} can't be executed", path.display());
    let finding = Finding::error(at, message).hint("chmod +x it, or set `interpreter`");
    app.findings.add(if is_later { finding.later() } else { finding });
    is_later.then(|| itself(Runtime::Other))
}

/// Whether a program of a venv asks for a Python in another place than that.
fn is_moved(program: &Path, line: &Shebang) -> bool {
    line.name.is_none() && !paths::is_file(&line.program) && Venv::around(program).is_some()
}

/// Whether it asks for any Python, not for a certain one of somebody's own.
fn is_generic(line: &Shebang) -> bool {
    let folders = ["/usr/bin", "/bin", "/usr/local/bin"].map(Path::new);
    line.name.is_some() || line.program.parent().is_some_and(|folder| folders.contains(&folder))
}

/// What a file is that is executed itself: `python` with a script among its arguments is an app in Python too.
fn own_runtime(path: &Path) -> Runtime {
    match Runtime::of(path) {
        Runtime::Python => Runtime::Python,
        runtime @ Runtime::Shell => runtime,
        Runtime::Node | Runtime::Bun | Runtime::Deno | Runtime::Other => {
            shebang(path).map_or(Runtime::Other, |line| line.runtime())
        }
    }
}
