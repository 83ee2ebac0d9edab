//! What would cure a program in Python of what it lacks.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use pm_pm2::shell;
use pm_spec::AppSpec;

use crate::called;
use crate::commands::support::failing::{Failing, cwd, quoted, typed};
use crate::commands::support::pip_names::package_of;

/// Who ran an app, and the virtual environment it could have had.
pub(super) fn run_by(spec: &AppSpec) -> String {
    let by = spec.interpreter.as_ref().unwrap_or(&spec.script).display().into_owned();
    let by = match named_inside(spec) {
        Some(python) => format!("{python}, which {by} names in its first line"),
        None => by,
    };
    match pm_config::unused_venv(spec) {
        Some(venv) => {
            format!("it was run by {by}, but a virtual environment lies in {}", venv.display())
        }
        None => format!("it was run by {by}"),
    }
}

/// The Python that runs an app: itself, the one beside a program of a virtual environment, or the one a script names.
fn python(spec: &AppSpec) -> Option<PathBuf> {
    let by = spec.interpreter.as_ref().unwrap_or(&spec.script).display().into_owned();
    let by = PathBuf::from(by);
    if by.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"python")) {
        return Some(by);
    }
    let beside = Some(by.with_file_name("python")).filter(|beside| beside.exists());
    beside.or_else(|| named_inside(spec).map(PathBuf::from))
}

/// The Python that a script without an interpreter names in its first line.
fn named_inside(spec: &AppSpec) -> Option<String> {
    /// Linux reads no more of such a line (execve(2)).
    const MOST: u64 = 256;
    let (script, mut head) = (PathBuf::from(spec.script.display().into_owned()), Vec::new());
    if spec.interpreter.is_some() {
        return None;
    }
    File::open(script).ok()?.take(MOST).read_to_end(&mut head).ok()?;
    let line = String::from_utf8_lossy(head.strip_prefix(b"#!")?).into_owned();
    let mut words = line.lines().next()?.split_whitespace();
    let word = words.find(|word| !word.starts_with('-') && !word.ends_with("/env"))?;
    word.rsplit('/').next()?.starts_with("python").then(|| word.to_owned())
}

pub(super) fn python_module(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let server = own_module(line);
    let name = server.or_else(|| quoted(line, "No module named"))?;
    let top = name.split('.').next().unwrap_or(name);
    let spec = &one.spec;
    let of_args = |arg: &str| arg.strip_prefix(top).is_some_and(|it| it.starts_with([':', '.']));
    let of_line = python_of(line);
    let by = of_line.map_or_else(|| run_by(spec), |python| format!("it was run by {python}"));
    if let Some(lacks) = lacking(&cwd(spec), name) {
        return Some(format!("{by}; {lacks}"));
    }
    let near = neighbour(spec, top);
    let meant = near.map(|near| format!("did you mean `{near}`?"));
    if server.is_some() || spec.args.iter().any(|arg| of_args(&arg.display())) {
        let place = cwd(spec).join(top);
        let is_there = place.exists() || place.with_extension("py").exists();
        let made = made_here(&cwd(spec)).filter(|_| !is_there);
        let meant = meant.or_else(|| made.map(|object| format!("`{object}` is made there")));
        let (lacks, cwd) = (if is_there { name } else { top }, spec.cwd.display());
        let meant = meant.unwrap_or_else(|| "`cwd` says where".into());
        return Some(format!("{by} in {cwd}, where no `{lacks}` lies: {meant}"));
    }
    if by.contains("virtual environment") {
        return Some(by);
    }
    if let Some(meant) = meant {
        return Some(format!("{by} in {}, where no `{top}` lies: {meant}", spec.cwd.display()));
    }
    let python = of_line.map(PathBuf::from).or_else(|| python(spec));
    let Some(python) = python else { return Some(by) };
    let in_venv = python.ancestors().nth(2).is_some_and(|it| it.join("pyvenv.cfg").exists());
    let package = shell(package_of(name));
    Some(match needs(spec) {
        Some(needs) if !in_venv => format!("{by}; {}", needs.venv()),
        Some(needs) => format!("{by}: {}", needs.install(&python)),
        None if takes_no_packages(spec, &python) => {
            let venv = typed(cwd(spec).join(".venv"));
            format!(
                "{by}, the system's, which takes no packages: `python3 -m venv {venv} && {venv}/bin/python -m pip install {package}`"
            )
        }
        None => format!("{by}: `{} {package}`", pm_config::pip_install(&python)),
    })
}

/// The Python that complains itself: `/usr/bin/python3: No module named gunicorn`.
fn python_of(line: &str) -> Option<&str> {
    let (python, _) = line.split_once(": No module named")?;
    let name = python.rsplit('/').next()?;
    (name.starts_with("python") && !python.contains(' ')).then_some(python)
}

/// Whether it is the system's, into which pip installs nothing (PEP 668).
fn takes_no_packages(spec: &AppSpec, python: &Path) -> bool {
    let found = pm_config::program_in_path(python.as_os_str(), &spec.env, &cwd(spec));
    let real = found.unwrap_or_else(|| python.into()).canonicalize().unwrap_or_default();
    let name = real.strip_prefix("/usr/bin").ok();
    name.is_some_and(|name| Path::new("/usr/lib").join(name).join("EXTERNALLY-MANAGED").exists())
}

/// A module that lies where an app runs, whose name is nearly this one; not where it is a package that it needs.
fn neighbour(spec: &AppSpec, name: &str) -> Option<String> {
    let listed = needs(spec).and_then(|needs| std::fs::read_to_string(needs.file).ok());
    let is_listed = |text: String| text.to_lowercase().contains(&name.to_lowercase());
    if listed.is_some_and(is_listed) {
        return None;
    }
    near_module(&cwd(spec), name)
}

/// The module in a folder whose name is nearly this one.
fn near_module(folder: &Path, name: &str) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let module = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let module = name.strip_suffix(".py").map(str::to_owned);
        module.or_else(|| is_package(&entry.path()).then_some(name))
    };
    let all: Vec<_> = entries.filter_map(module).filter(|module| module != name).collect();
    pm_config::near(name, all.iter().map(String::as_str)).first().map(|near| (*near).to_owned())
}

fn is_package(folder: &Path) -> bool {
    folder.join("__init__.py").is_file()
}

/// What a package that lies where an app runs has not: nothing to install brings that.
fn lacking(cwd: &Path, name: &str) -> Option<String> {
    let (package, rest) = name.rsplit_once('.')?;
    let folder = cwd.join(package.replace('.', "/"));
    if !is_package(&folder) {
        return lacking(cwd, package);
    }
    if folder.join(rest).with_extension("py").exists() || folder.join(rest).is_dir() {
        return None;
    }
    let meant = near_module(&folder, rest);
    let meant =
        meant.map_or_else(String::new, |near| format!(": did you mean `{package}.{near}`?"));
    Some(format!("no `{rest}` lies in {}{meant}", folder.display()))
}

/// What kombu says for a package it needs and has not.
pub(super) fn python_broker(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    if !line.contains("'NoneType' object has no attribute 'Redis'") {
        return None;
    }
    let by = run_by(&one.spec);
    let python = python(&one.spec).unwrap_or_else(|| "python".into());
    let install = pm_config::pip_install(&python);
    Some(format!("{by}: its broker needs a package: `{install} redis`"))
}

/// The module with the app that a server was told of, in its own words: those of uvicorn, flask, hypercorn, and celery.
fn own_module(line: &str) -> Option<&str> {
    let name = quoted(line, "Could not import module")
        .or_else(|| quoted(line, "Error: Could not import"))
        .or_else(|| {
            let of = quoted(line, "Cannot load application from")?;
            line.ends_with("module not found.").then_some(of)
        })
        .or_else(|| line.strip_prefix("The module ")?.strip_suffix(" was not found."))?;
    name.split(':').next()
}

/// The file that says which packages an app needs.
pub(super) struct Needs {
    pub(super) file: PathBuf,
    /// Whether pip reads it as a list.
    is_list: bool,
}

impl Needs {
    /// What installs all of it with this Python.
    pub(super) fn install(&self, python: &Path) -> String {
        let file = if self.is_list { &self.file } else { self.file.parent().unwrap_or(&self.file) };
        let list = if self.is_list { "-r " } else { "" };
        format!("`{} {list}{}`", pm_config::pip_install(python), typed(file))
    }

    /// What makes a virtual environment of it.
    pub(super) fn venv(&self) -> String {
        let (pm, folder) = (called::name(), typed(self.file.parent().unwrap_or(&self.file)));
        let file = self.file.display();
        format!(
            "{file} says what it needs: `{pm} add {folder}` puts that into a virtual environment"
        )
    }
}

/// Where it lies beside the script or where that runs.
pub(super) fn needs(spec: &AppSpec) -> Option<Needs> {
    let script = PathBuf::from(spec.script.display().into_owned());
    let folders = [script.parent().map(Path::to_path_buf), Some(cwd(spec))];
    folders.into_iter().flatten().find_map(|folder| {
        let (list, project) = (folder.join("requirements.txt"), folder.join("pyproject.toml"));
        if list.is_file() {
            return Some(Needs { file: list, is_list: true });
        }
        // Many hold nothing but what linters want to know.
        let text = std::fs::read_to_string(&project).ok()?;
        text.contains("dependencies").then_some(Needs { file: project, is_list: false })
    })
}

/// A server was told of an app object that its module does not have.
pub(super) fn python_attribute(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let (name, before) = quoted(line, "Failed to find attribute").map_or_else(
        || Some((quoted(line, "Error loading ASGI app. Attribute")?, " not found in module")),
        |name| Some((name, " in ")),
    )?;
    let module = quoted(line, before)?;
    let file = cwd(&one.spec).join(module.replace('.', "/")).with_extension("py");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let (lacks, file) = (format!("`{module}` has no `{name}`"), file.display());
    Some(match text.lines().find_map(made_in) {
        Some(object) => format!("{lacks}, but {file} makes `{object}`: `{module}:{object}`"),
        None => format!("{lacks}: `{module}:NAME` must name the app object as {file} calls it"),
    })
}

/// A server was started without the app that it is to serve.
pub(super) fn python_nothing(Failing { one, .. }: &Failing<'_>, line: &str) -> Option<String> {
    let server = if line.contains("No application module specified") {
        "gunicorn"
    } else if line.contains("Missing argument 'APP'") {
        "uvicorn"
    } else {
        return None;
    };
    let cwd = cwd(&one.spec);
    Some(match made_here(&cwd) {
        Some(object) => {
            format!(
                "it was not told what to serve; {} makes `{object}`: `{server} {object}`",
                cwd.display()
            )
        }
        None => format!("it was not told what to serve: `{server} MODULE:NAME`"),
    })
}

/// The app that a file in a folder makes, as servers are told of it; the usual names come first.
fn made_here(folder: &Path) -> Option<String> {
    /// So many files are looked at; no project has more at its top.
    const MOST: usize = 200;
    let entries = std::fs::read_dir(folder).ok()?.take(MOST).flatten();
    let mut modules: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".py").map(str::to_owned))
        .collect();
    let usual = |name: &str| ["app", "main", "wsgi", "asgi"].iter().position(|it| *it == name);
    modules.sort_by_key(|name| (usual(name).unwrap_or(usize::MAX), name.clone()));
    modules.into_iter().find_map(|module| {
        let text = std::fs::read_to_string(folder.join(&module).with_extension("py")).ok()?;
        let object = text.lines().find_map(made_in)?;
        Some(format!("{module}:{object}"))
    })
}

/// An app of one kind behind a server of the other: each call of it fails.
pub(super) fn python_kind(_: &Failing<'_>, line: &str) -> Option<String> {
    let (_, error) = line.split_once("TypeError: ")?;
    let (call, rest) = error.split_once("__call__() ")?;
    let lacks = |name: &str| rest.contains("missing 1 required") && rest.contains(name);
    let kind = call.trim_end_matches('.');
    let kind = if kind.is_empty() { "it".to_owned() } else { format!("`{kind}`") };
    if lacks("'send'") {
        return Some(format!(
            "{kind} is an ASGI app, and its server speaks WSGI: `uvicorn MODULE:NAME`, or gunicorn with `-k uvicorn.workers.UvicornWorker`"
        ));
    }
    let is_wsgi =
        lacks("'start_response'") || rest == "takes 3 positional arguments but 4 were given";
    is_wsgi.then(|| {
        format!("{kind} is a WSGI app, and its server speaks ASGI: `gunicorn MODULE:NAME`, or uvicorn with `--interface wsgi`")
    })
}

/// The name a line at a module's top level gives to an app that it makes.
fn made_in(line: &str) -> Option<&str> {
    const KINDS: [&str; 7] =
        ["Flask", "FastAPI", "Starlette", "Quart", "Sanic", "Dash", "create_app"];
    let (name, call) = line.split_once('=')?;
    let class = call.trim().split_once('(')?.0.rsplit('.').next()?;
    let is_django = class.starts_with("get_") && class.ends_with("_application");
    let is_name = |name: &&str| name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    Some(name.trim_end()).filter(is_name).filter(|_| is_django || KINDS.contains(&class))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::commands::support::failing::described;

    /// What is told of a line of a script `app.py` in a folder that has these files.
    fn told(files: &[(&str, &str)], interpreter: Option<&str>, line: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (file, text) in files {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let mut one = described();
        let path = |file: &str| pm_config::path_bytes(&root.join(file));
        (one.spec.script, one.spec.cwd) = (path("app.py"), pm_config::path_bytes(root));
        one.spec.interpreter = interpreter.map(path);
        let case = Failing { one: &one, lines: &[] };
        let text = python_module(&case, line).or_else(|| python_attribute(&case, line));
        let text = text.or_else(|| python_nothing(&case, line));
        text.unwrap().replace(root.to_str().unwrap(), "ROOT")
    }

    #[test]
    fn what_lists_the_packages_is_what_is_installed() {
        let line = "ModuleNotFoundError: No module named 'yaml'";
        let list = ("requirements.txt", "PyYAML");
        let project = ("pyproject.toml", "[project]\ndependencies = ['PyYAML']");
        let linter = ("pyproject.toml", "[tool.ruff]");
        let venv = ("env/pyvenv.cfg", "");
        let of = |files: &[_], python| told(files, Some(python), line);
        let python = "env/bin/python";
        assert!(of(&[], "bin/python3").ends_with(": `ROOT/bin/python3 -m pip install PyYAML`"));
        assert!(of(&[linter, venv], python).ends_with("-m pip install PyYAML`"));
        for files in [&[list][..], &[project]] {
            let told = of(files, "bin/python3");
            assert!(told.contains(" says what it needs: `pm add ROOT` puts"), "{told}");
        }
        assert!(
            of(&[list, project, venv], python)
                .ends_with("/python -m pip install -r ROOT/requirements.txt`")
        );
        assert!(of(&[project, venv], python).ends_with("/python -m pip install ROOT`"));
        let hostile = told(&[], Some("bin/python3"), "ModuleNotFoundError: No module named 'x;id'");
        assert!(hostile.ends_with(": `ROOT/bin/python3 -m pip install 'x;id'`"), "{hostile}");
        let hostile = told(&[], None, "/x;id/python3: No module named y");
        assert!(hostile.ends_with(": `'/x;id/python3' -m pip install y`"), "{hostile}");
    }

    #[test]
    fn a_script_that_is_run_by_its_first_line_has_a_python_too() {
        let line = "ModuleNotFoundError: No module named 'django'";
        // No system has one that is called so.
        let files = [("app.py", "#!/usr/bin/env python9\nimport django\n")];
        let text = told(&files, None, line);
        assert_eq!(
            text,
            "it was run by python9, which ROOT/app.py names in its first line: `python9 -m pip install django`"
        );
        let files = [files[0], ("requirements.txt", "Django")];
        assert!(told(&files, None, line).contains("`pm add ROOT`"));
        let files = [("app.py", "#!/bin/sh\n")];
        assert_eq!(told(&files, None, line), "it was run by ROOT/app.py");
    }

    #[test]
    fn a_module_that_a_server_does_not_find_is_looked_for_where_it_runs() {
        for line in [
            "ERROR:    Error loading ASGI app. Could not import module \"ap\".",
            "hypercorn.utils.NoAppError: Cannot load application from 'ap:app', module not found.",
            "Error: Could not import 'ap'.",
            "The module ap was not found.",
        ] {
            let text = told(&[], None, line);
            assert!(text.ends_with(" in ROOT, where no `ap` lies: `cwd` says where"), "{text}");
        }
        let line = "ERROR:    Error loading ASGI app. Could not import module \"web.ap\".";
        for (files, lacks) in [(&[][..], "`web`"), (&[("web/main.py", "")], "`web.ap`")] {
            let text = told(files, None, line);
            assert!(text.contains(&format!("where no {lacks} lies")), "{text}");
        }
    }

    #[test]
    fn a_module_of_nearly_that_name_is_meant() {
        let line = "ERROR:    Error loading ASGI app. Could not import module \"mian\".";
        let text = told(&[("main.py", "")], None, line);
        assert!(text.ends_with("where no `mian` lies: did you mean `main`?"), "{text}");
        let line = "ModuleNotFoundError: No module named 'sites'";
        let package = ("site/__init__.py", "");
        let text = told(&[package], Some("bin/python3"), line);
        assert!(text.ends_with("where no `sites` lies: did you mean `site`?"), "{text}");
        let listed = ("requirements.txt", "sites==1");
        assert!(!told(&[package, listed], Some("bin/python3"), line).contains("did you mean"));
    }

    #[test]
    fn the_app_that_is_made_there_is_named() {
        let files = [
            ("app.py", "import flask\napi = flask.Flask(__name__)\n"),
            ("zoo.py", "x = FastAPI()\n"),
        ];
        let text = told(&files, None, "ModuleNotFoundError: No module named 'main'");
        assert!(!text.contains("app:api"), "nobody asked for a module to be served: {text}");
        let text = told(
            &files,
            None,
            "ERROR:    Error loading ASGI app. Could not import module \"main\".",
        );
        assert!(text.ends_with("where no `main` lies: `app:api` is made there"), "{text}");
        let text = told(&files, None, "Error: No application module specified.");
        assert_eq!(text, "it was not told what to serve; ROOT makes `app:api`: `gunicorn app:api`");
    }

    #[test]
    fn what_an_own_package_has_not_is_nothing_to_install() {
        let files = [
            ("shop/__init__.py", ""),
            ("shop/settings.py", ""),
            ("shop/db/__init__.py", ""),
            ("shop/db/models.py", ""),
            ("requirements.txt", "django"),
        ];
        let told = |line: &str| told(&files, Some("bin/python3"), line);
        let text = told("ModuleNotFoundError: No module named 'shop.setings'");
        let wanted = "no `setings` lies in ROOT/shop: did you mean `shop.settings`?";
        assert!(text.ends_with(wanted), "{text}");
        let text = told("ModuleNotFoundError: No module named 'shop.db.model.x'");
        let wanted = "no `model` lies in ROOT/shop/db: did you mean `shop.db.models`?";
        assert!(text.ends_with(wanted), "{text}");
        let text = told("ModuleNotFoundError: No module named 'shop.zebra'");
        assert!(text.ends_with("no `zebra` lies in ROOT/shop"), "{text}");
        for other in ["django.contrib.x", "shop.settings"] {
            let text = told(&format!("ModuleNotFoundError: No module named '{other}'"));
            assert!(text.contains("requirements.txt says what it needs"), "{text}");
        }
    }

    #[test]
    fn a_python_that_complains_itself_is_the_one_that_lacks_something() {
        let text = told(&[], None, "/srv/venv/bin/python: No module named uvicorn");
        let wanted =
            "it was run by /srv/venv/bin/python: `/srv/venv/bin/python -m pip install uvicorn`";
        assert_eq!(text, wanted);
    }

    #[test]
    fn an_app_object_of_another_name_is_found() {
        let line = "Failed to find attribute 'application' in 'web.main'.";
        let text = "import flask\nsite = flask.Flask(__name__)\n";
        let text = told(&[("web/main.py", text)], None, line);
        assert!(text.ends_with("but ROOT/web/main.py makes `site`: `web.main:site`"), "{text}");
        assert!(told(&[], None, line).contains("`web.main:NAME`"));
    }
}
