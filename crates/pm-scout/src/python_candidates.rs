//! Which object of which module a server would be told to serve, and which of several is the likeliest.

use crate::proposal::{Evidence, Stack};
use crate::python_kinds::of_package;
use crate::python_look::PythonLook;
use crate::python_objects::AppObject;
use crate::python_source::PySource;
use crate::terrain::{joined, name_of, parent};

/// An app object, with the module that has it.
#[derive(Clone, Debug)]
pub(crate) struct AppCandidate<'a> {
    pub(crate) source: &'a PySource,
    pub(crate) object: AppObject,
    pub(crate) stack: Stack,
    module: String,
    rank: (bool, usize, usize, bool),
}

impl AppCandidate<'_> {
    /// As servers are told: `module:object`.
    pub(crate) fn target(&self) -> String {
        format!("{}:{}", self.module, self.object.name)
    }

    /// Likewise, with brackets behind what makes one.
    pub(crate) fn spec(&self) -> String {
        self.target() + if self.object.is_factory { "()" } else { "" }
    }

    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::new(&self.source.path, self.object.line, self.object.words.clone())
    }
}

/// Where a module is imported from, and its name there.
#[derive(Debug)]
pub(crate) struct ModulePlace {
    /// The folder, from the one that is looked at.
    pub(crate) base: String,
    /// `shop.main`.
    pub(crate) name: String,
    /// Whether the folder only holds the code (`src`), and what runs is at home in the one above.
    pub(crate) is_source_folder: bool,
}

impl ModulePlace {
    /// The folder of imports as seen from this one, if it lies deeper.
    pub(crate) fn below(&self, folder: &str) -> Option<&str> {
        let below = self.base.strip_prefix(folder)?.trim_start_matches('/');
        Some(below).filter(|below| !below.is_empty())
    }
}

/// The module that a file is.
pub(crate) fn module_of(look: &PythonLook<'_>, path: &str) -> ModulePlace {
    let home = look.parcel.folder.as_str();
    let has = |path: String| look.parcel.files.contains(&path);
    let mut base = parent(path);
    while base != home && has(joined(base, "__init__.py")) {
        base = parent(base);
    }
    let is_source_folder = base != home && name_of(base) == "src";
    let source = look.sources.iter().find(|source| source.path == path);
    let is_beside = |folder: &str, name: &str| {
        has(joined(folder, &format!("{name}.py")))
            || has(joined(folder, &format!("{name}/__init__.py")))
    };
    let names_neighbours = source.is_some_and(|source| {
        source.modules.iter().any(|name| is_beside(base, name) && !is_beside(home, name))
    });
    if !is_source_folder && !names_neighbours {
        base = home;
    }
    let inner = path.strip_prefix(base).unwrap_or(path).trim_start_matches('/');
    let name = inner.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".");
    ModulePlace { base: base.into(), name, is_source_folder }
}

/// All app objects of these kinds.
pub(crate) fn candidates<'a>(
    look: &PythonLook<'a>,
    wanted: impl Fn(Stack) -> bool,
) -> Vec<AppCandidate<'a>> {
    let usual = usual(look);
    let sources = look.sources.iter().filter(|source| !is_test(&source.path));
    let objects = sources.flat_map(|source| {
        let own = source.objects.iter().cloned();
        own.chain(handed_on(source)).map(move |object| (source, object))
    });
    let known =
        objects.filter_map(|(source, object)| Some((object.stack.or(usual)?, source, object)));
    let known = known.filter(|(stack, ..)| wanted(*stack));
    let candidate = |(stack, source, object): (Stack, &'a PySource, AppObject)| {
        let place = module_of(look, &source.path);
        let rank = rank(look, source, &object);
        AppCandidate { source, object, stack, module: place.name, rank }
    };
    let mut all: Vec<_> = known.map(candidate).collect();
    all.sort_by_key(|one| one.rank);
    all
}

fn is_test(path: &str) -> bool {
    let name = name_of(path);
    name.starts_with("test_") || name.ends_with("_test.py") || name == "conftest.py"
}

/// What an object is of which only functions know what it is.
fn usual(look: &PythonLook<'_>) -> Option<Stack> {
    let is_web = |stack: &Stack| !matches!(stack, Stack::Celery | Stack::Gradio);
    let objects = look.sources.iter().flat_map(|source| &source.objects);
    let known = objects.filter_map(|object| object.stack).find(is_web);
    known.or_else(|| look.ground.packages.keys().find_map(|name| of_package(name)))
}

/// What `wsgi.py` and `asgi.py` have from elsewhere is what they are there for.
fn handed_on(source: &PySource) -> impl Iterator<Item = AppObject> {
    let is_entrance = matches!(name_of(&source.path), "wsgi.py" | "asgi.py");
    let imported = source.imported.iter().filter(move |_| is_entrance);
    let imported = imported.filter(|(name, _)| {
        ["app", "application"].contains(&name.as_str())
            && !source.objects.iter().any(|object| object.name == *name)
    });
    imported.map(|(name, line)| AppObject {
        name: name.clone(),
        stack: None,
        is_factory: false,
        needs: Vec::new(),
        line: *line,
        words: format!("import {name}"),
    })
}

/// The less, the likelier: made already, in a file of the usual name, near the top, with the usual name.
fn rank(
    look: &PythonLook<'_>,
    source: &PySource,
    object: &AppObject,
) -> (bool, usize, usize, bool) {
    let file = match name_of(&source.path) {
        "wsgi.py" | "asgi.py" => 0,
        "app.py" | "main.py" | "server.py" | "api.py" | "application.py" | "run.py"
        | "__init__.py" => 1,
        _ => 2,
    };
    let depth = look.parcel.inner(&source.path).matches('/').count();
    let is_usual = ["app", "application", "api", "server"].contains(&object.name.as_str());
    (object.is_factory, file, depth, !is_usual)
}

/// One of several.
#[derive(Debug)]
pub(crate) struct ChosenApp<'a> {
    pub(crate) one: AppCandidate<'a>,
    /// The others, as servers are told.
    pub(crate) others: Vec<String>,
    /// Whether another one is as likely.
    pub(crate) is_doubtful: bool,
}

/// The chosen one, else the likeliest.
pub(crate) fn choose<'a>(
    mut all: Vec<AppCandidate<'a>>,
    choice: Option<&str>,
) -> Option<ChosenApp<'a>> {
    let is_chosen =
        |it: &AppCandidate<'a>| choice == Some(&*it.spec()) || choice == Some(&*it.target());
    let chosen = all.iter().position(is_chosen);
    if all.is_empty() {
        return None;
    }
    let one = all.remove(chosen.unwrap_or_default());
    let is_doubtful = chosen.is_none() && all.first().is_some_and(|other| other.rank == one.rank);
    let others = all.iter().map(AppCandidate::spec).collect();
    Some(ChosenApp { one, others, is_doubtful })
}
