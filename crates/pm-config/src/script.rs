//! Configs that are programs: `*.config.js`, `.cjs`, `.mjs`, `.ts`.
//!
//! A small engine is built in (feature `js`), so that a machine needs no Node; what the engine lacks, `node` does if it
//! is there. Both have ten seconds and a limit on memory, and what a config prints is talk: it goes to standard error.

#[cfg(feature = "js")]
mod builtin;
mod fault;
#[cfg(feature = "js")]
mod host;
mod node;
#[cfg(feature = "js")]
mod packages;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pm_spec::{ByteString, Environment};
use serde::{Deserialize, Deserializer};

use crate::caller::{Caller, Engine};
use crate::diagnose::{Finding, Place, quoted};
use crate::json::Unplaced;
use crate::paths;
use crate::shape::Shape;
use crate::tree::{Node, Value};

/// A config that is to be run.
pub(crate) struct Script<'a> {
    /// Absolute.
    pub(crate) file: &'a Path,
    pub(crate) caller: &'a Caller,
    pub(crate) engine: Engine,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Evaluated {
    /// What it exports, without places: they are not those of the text.
    pub(crate) root: Node,
    /// What it did to `process.env` (dotenv does): the new value, or `None` for a variable it removed.
    pub(crate) env: BTreeMap<String, Option<String>>,
}

/// What an engine tells, as JSON.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    #[serde(default)]
    value: Option<Exported>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    error: Option<Thrown>,
    /// Parts of Node that were touched and are not there.
    #[serde(default)]
    lacks: Vec<String>,
    /// Files whose first line began with [`fault::WRAPPER`].
    #[serde(skip)]
    wrapped: Vec<String>,
}

/// A value without places.
#[derive(Debug)]
struct Exported(Value);

impl<'de> Deserialize<'de> for Exported {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Shape::<Unplaced>::deserialize(deserializer).map(|shape| Self(shape.0))
    }
}

/// What a config threw.
#[derive(Clone, Debug, Deserialize)]
struct Thrown {
    /// The error's name; empty if what was thrown is no error.
    name: String,
    message: String,
    stack: String,
    /// It called `process.exit`.
    #[serde(default)]
    exit: bool,
}

impl Thrown {
    /// What it says. Node adds to a missing module the list of those who required it.
    fn headline(&self) -> Option<&str> {
        self.message.lines().next()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("it ran longer than {0:?}")]
    TooLong(std::time::Duration),
    #[cfg(feature = "js")]
    #[error("it used more than {0} MiB of memory")]
    TooLarge(usize),
    #[cfg(feature = "js")]
    #[error("it waits for something that never comes")]
    Waiting,
    #[error("it exports more than can be read")]
    TooMuch,
    #[cfg(feature = "js")]
    #[error("could not start the engine: {0}")]
    Engine(String),
    #[error("could not run {}: {}", .0.display(), paths::cause(.1))]
    Node(PathBuf, std::io::Error),
    #[error("node ended with {0} before the config was read")]
    Ended(std::process::ExitStatus),
    #[error("its answer can't be read: {0}")]
    Garbled(String),
}

/// So many MiB a config may use.
#[cfg(feature = "js")]
const MEMORY: usize = 256;

/// Runs a config.
pub(crate) fn run(script: &Script<'_>) -> Result<Evaluated, Finding> {
    // As in Node, `__dirname` is where the file really lies.
    let file = script.file.canonicalize().unwrap_or_else(|_| script.file.to_owned());
    let work = Work { file: &file, caller: script.caller, node: find_node(script.caller) };
    let answer = match script.engine {
        Engine::Node => work.by_node(),
        Engine::Builtin | Engine::Auto if is_typescript(&file) => work.typescript(script.engine),
        Engine::Builtin => work.builtin().map(|(answer, said)| told(answer, &said)),
        Engine::Auto => work.by_either(),
    }?;
    work.understood(answer)
}

/// One config and who runs it.
struct Work<'a> {
    /// Absolute, without links.
    file: &'a Path,
    caller: &'a Caller,
    node: Option<PathBuf>,
}

impl Work<'_> {
    fn deadline(&self) -> Instant {
        Instant::now() + self.caller.patience
    }

    /// Without an engine of our own, only `node` is left.
    #[cfg(not(feature = "js"))]
    fn builtin(&self) -> Result<(Answer, Vec<u8>), Finding> {
        let message = "this build of pm has no JavaScript engine of its own (cargo feature `js`)";
        let finding = Finding::error(Place::Whole, message);
        Err(match &self.node {
            Some(_) => finding.hint("leave out --config-runtime: `node` runs it"),
            None => finding.hint("with `node` in PATH that would run it"),
        })
    }

    #[cfg(feature = "js")]
    fn builtin(&self) -> Result<(Answer, Vec<u8>), Finding> {
        let (answer, said) = builtin::run(self.file, self.caller, self.node.as_deref());
        match answer {
            Ok(answer) => Ok((answer, said)),
            Err(failed) => {
                tell(&said);
                Err(Finding::error(Place::Whole, failed.to_string()))
            }
        }
    }

    fn by_node(&self) -> Result<Answer, Finding> {
        let Some(node) = &self.node else {
            let finding = Finding::error(Place::Whole, "there is no `node` in PATH to run it with");
            let without = "--config-runtime builtin runs it without";
            return Err(if cfg!(feature = "js") { finding.hint(without) } else { finding });
        };
        let run = node::run(self.file, self.caller, node, self.deadline());
        run.map_err(|failed| Finding::error(Place::Whole, failed.to_string()))
    }

    /// The built-in engine first. What it lacks or does not understand is for `node`, where there is one.
    fn by_either(&self) -> Result<Answer, Finding> {
        if cfg!(not(feature = "js")) && self.node.is_some() {
            return self.by_node();
        }
        let (answer, said) = self.builtin()?;
        let is_good = answer.error.is_none() && answer.lacks.is_empty();
        let exits = answer.error.as_ref().is_some_and(|error| error.exit);
        if is_good || exits || self.node.is_none() {
            return Ok(told(answer, &said));
        }
        let ours = answer.error.as_ref().and_then(Thrown::headline);
        match self.by_node() {
            // The same complaint: ours has the column.
            Ok(Answer { error: Some(theirs), .. }) if ours == theirs.headline() => Ok(answer),
            Ok(theirs) => Ok(theirs),
            Err(_) if answer.error.is_none() => Ok(told(answer, &said)),
            Err(finding) => Err(finding),
        }
    }

    fn typescript(&self, engine: Engine) -> Result<Answer, Finding> {
        const NEEDS: &str = "TypeScript configs need node 22.6 or newer in PATH";
        const HINT: &str = "or write it as JavaScript, JSON5, YAML or TOML";
        let refuse = |text: String| Err(Finding::error(Place::Whole, text).hint(HINT));
        if engine == Engine::Builtin {
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

    fn understood(&self, answer: Answer) -> Result<Evaluated, Finding> {
        if let Some(thrown) = &answer.error {
            let finding = fault::finding(thrown, self.file, &answer.wrapped);
            return Err(match answer.lacks.as_slice() {
                [] => finding,
                lacks => finding.hint(lacking(lacks)),
            });
        }
        let value = answer.value.map_or(Value::Null, |exported| exported.0);
        let is_nothing = match &value {
            Value::Null => true,
            Value::Table(entries) => entries.is_empty(),
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => false,
        };
        if is_nothing {
            let finding = Finding::error(Place::Whole, "it exports nothing");
            return Err(finding.hint("write module.exports = { apps: [...] }"));
        }
        let env = changes(&self.caller.env, answer.env);
        Ok(Evaluated { root: Node { at: Place::Whole, value }, env })
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
fn told(answer: Answer, said: &[u8]) -> Answer {
    tell(said);
    answer
}

fn tell(said: &[u8]) {
    // Who closed standard error does not want to know.
    std::io::stderr().write_all(&shown(said)).ok();
}

/// Without what would move a terminal's cursor or worse: of all controls only ends of lines and tabs are left.
fn shown(said: &[u8]) -> Vec<u8> {
    let is_text = |byte: u8| matches!(byte, b'\n' | b'\t') || !byte.is_ascii_control();
    let text = String::from_utf8_lossy(said);
    // The controls beyond ASCII, which some terminals obey.
    let plain = text
        .chars()
        .map(|letter| if letter.is_control() && !letter.is_ascii() { '?' } else { letter });
    plain.collect::<String>().bytes().map(|byte| if is_text(byte) { byte } else { b'?' }).collect()
}

fn find_node(caller: &Caller) -> Option<PathBuf> {
    let named = |name| paths::search(OsStr::new(name), &caller.env, &caller.cwd);
    named("node").or_else(|| named("nodejs"))
}

fn is_typescript(file: &Path) -> bool {
    let ending = file.extension().map(OsStr::to_ascii_lowercase);
    ending.is_some_and(|ending| ["ts", "mts", "cts"].iter().any(|known| ending == *known))
}

/// The words of `process.argv` behind our program.
fn words(caller: &Caller) -> impl Iterator<Item = &ByteString> {
    caller.argv.iter().skip(1)
}

fn program(caller: &Caller) -> String {
    caller.argv.first().map_or_else(|| "pm".into(), |program| program.display().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_config_says_moves_no_cursor() {
        let said = "a\x1b[2J\u{9b}2J\r\x07b\tc\n\u{8ba2}\n";
        assert_eq!(shown(said.as_bytes()), "a?[2J?2J??b\tc\n\u{8ba2}\n".as_bytes());
    }
}
