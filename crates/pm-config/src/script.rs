//! Configs that are programs: `*.config.js`, `.cjs`, `.mjs`, `.ts`.
//!
//! A small engine is built in (feature `js`), so that a machine needs no Node; what the engine lacks, `node` does if it
//! is there. Both have ten seconds and a limit on memory, and what a config prints is talk: it goes to standard error.

#[cfg(feature = "js")]
mod builtin;
mod engine;
mod fault;
#[cfg(feature = "js")]
mod host;
mod node;
#[cfg(feature = "js")]
mod packages;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pm_spec::Environment;

use crate::caller::{Caller, ScriptEngine};
use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::paths;
use crate::tree::{ConfigNode, Value};
use engine::{EngineAnswer, ThrownError, is_typescript, tell};

/// A config that is to be run.
pub(crate) struct Script<'a> {
    /// Absolute.
    pub(crate) file: &'a Path,
    pub(crate) caller: &'a Caller,
    pub(crate) engine: ScriptEngine,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Evaluated {
    /// What it exports, without places: they are not those of the text.
    pub(crate) root: ConfigNode,
    /// What it did to `process.env` (dotenv does): the new value, or `None` for a variable it removed.
    pub(crate) env: BTreeMap<String, Option<String>>,
}

/// Runs a config.
pub(crate) fn run(script: &Script<'_>) -> Result<Evaluated, Finding> {
    // As in Node, `__dirname` is where the file really lies.
    let file = script.file.canonicalize().unwrap_or_else(|_| script.file.to_owned());
    let work = ConfigRun { file: &file, caller: script.caller, node: find_node(script.caller) };
    let answer = match script.engine {
        ScriptEngine::Node => work.by_node(),
        ScriptEngine::Builtin | ScriptEngine::Auto if is_typescript(&file) => {
            work.typescript(script.engine)
        }
        ScriptEngine::Builtin => work.builtin().map(|(answer, said)| told(answer, &said)),
        ScriptEngine::Auto => work.by_either(),
    }?;
    work.understood(answer)
}

/// One config and who runs it.
struct ConfigRun<'a> {
    /// Absolute, without links.
    file: &'a Path,
    caller: &'a Caller,
    node: Option<PathBuf>,
}

impl ConfigRun<'_> {
    fn deadline(&self) -> Instant {
        Instant::now() + self.caller.patience
    }

    /// Without an engine of our own, only `node` is left.
    #[cfg(not(feature = "js"))]
    fn builtin(&self) -> Result<(EngineAnswer, Vec<u8>), Finding> {
        let message = "this build of pm has no JavaScript engine of its own (cargo feature `js`)";
        let finding = Finding::error(ConfigPlace::Whole, message);
        Err(match &self.node {
            Some(_) => finding.hint("leave out --config-runtime: `node` runs it"),
            None => finding.hint("with `node` in PATH that would run it"),
        })
    }

    #[cfg(feature = "js")]
    fn builtin(&self) -> Result<(EngineAnswer, Vec<u8>), Finding> {
        let (answer, said) = builtin::run(self.file, self.caller, self.node.as_deref());
        match answer {
            Ok(answer) => Ok((answer, said)),
            Err(failed) => {
                tell(&said);
                Err(Finding::error(ConfigPlace::Whole, failed.to_string()))
            }
        }
    }

    fn by_node(&self) -> Result<EngineAnswer, Finding> {
        let Some(node) = &self.node else {
            let finding =
                Finding::error(ConfigPlace::Whole, "there is no `node` in PATH to run it with");
            let without = "--config-runtime builtin runs it without";
            return Err(if cfg!(feature = "js") { finding.hint(without) } else { finding });
        };
        let run = node::run(self.file, self.caller, node, self.deadline());
        run.map_err(|failed| Finding::error(ConfigPlace::Whole, failed.to_string()))
    }

    /// The built-in engine first. What it lacks or does not understand is for `node`, where there is one.
    fn by_either(&self) -> Result<EngineAnswer, Finding> {
        if cfg!(not(feature = "js")) && self.node.is_some() {
            return self.by_node();
        }
        let (answer, said) = self.builtin()?;
        let is_good = answer.error.is_none() && answer.lacks.is_empty();
        let exits = answer.error.as_ref().is_some_and(|error| error.exit);
        if is_good || exits || self.node.is_none() {
            return Ok(told(answer, &said));
        }
        let ours = answer.error.as_ref().and_then(ThrownError::headline);
        match self.by_node() {
            // The same complaint: ours has the column.
            Ok(EngineAnswer { error: Some(theirs), .. }) if ours == theirs.headline() => Ok(answer),
            Ok(theirs) => Ok(theirs),
            Err(_) if answer.error.is_none() => Ok(told(answer, &said)),
            Err(finding) => Err(finding),
        }
    }

    fn typescript(&self, engine: ScriptEngine) -> Result<EngineAnswer, Finding> {
        const NEEDS: &str = "TypeScript configs need node 22.6 or newer in PATH";
        const HINT: &str = "or write it as JavaScript, JSON5, YAML or TOML";
        let refuse = |text: String| Err(Finding::error(ConfigPlace::Whole, text).hint(HINT));
        if engine == ScriptEngine::Builtin {
            return refuse("the built-in engine runs JavaScript only".into());
        }
        let Some(node) = &self.node else { return refuse(format!("{NEEDS}, and there is none")) };
        match node::version(node, self.caller) {
            Some(version) if node::strips_types(version) => self.by_node(),
            Some((major, minor)) => {
                refuse(format!("{NEEDS}; {} is {major}.{minor}", node.display()))
            }
            None => refuse(format!("{NEEDS}; {} does not say its version", node.display())),
        }
    }

    fn understood(&self, answer: EngineAnswer) -> Result<Evaluated, Finding> {
        if let Some(thrown) = &answer.error {
            let finding = fault::finding(thrown, self.file, &answer.wrapped);
            return Err(match answer.lacks.as_slice() {
                [] => finding,
                lacks => finding.hint(lacking(lacks)),
            });
        }
        let value = answer.value.map_or(Value::Null, |exported| exported.0);
        let is_empty = value.as_table().is_some_and(<[_]>::is_empty);
        if is_empty || matches!(value, Value::Null) {
            let finding = Finding::error(ConfigPlace::Whole, "it exports nothing");
            return Err(finding.hint("write module.exports = { apps: [...] }"));
        }
        let env = changes(&self.caller.env, answer.env);
        Ok(Evaluated { root: ConfigNode { at: ConfigPlace::Whole, value }, env })
    }
}

fn lacking(lacks: &[String]) -> String {
    let names: Vec<_> = lacks.iter().take(3).map(quoted).collect();
    format!("the built-in engine has no {}; with node in PATH that would run it", names.join(", "))
}

/// What differs from the environment the config began with. Values that are no text are not touched.
fn changes(
    before: &Environment,
    mut after: BTreeMap<String, String>,
) -> BTreeMap<String, Option<String>> {
    let mut changed = BTreeMap::new();
    for (name, value) in before.iter() {
        match after.remove(name) {
            Some(new) if new == value.display() => {}
            new => drop(changed.insert(name.to_owned(), new)),
        }
    }
    changed.extend(after.into_iter().map(|(name, value)| (name, Some(value))));
    changed
}

/// An answer that is taken, and what was said on the way to it.
fn told(answer: EngineAnswer, said: &[u8]) -> EngineAnswer {
    tell(said);
    answer
}

fn find_node(caller: &Caller) -> Option<PathBuf> {
    let named = |name| paths::search(OsStr::new(name), &caller.env, &caller.cwd);
    named("node").or_else(|| named("nodejs"))
}
