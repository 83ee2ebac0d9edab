//! From what people type to what the grammar takes. PM2's options may stand anywhere before `--`, on any command, also
//! where they mean nothing; its verbs have aliases for programs of their own (`pm2-runtime`). Pure: words in, words out.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{Arg, Command};

use pm_spec::options::{FlagValue, keys};

use crate::called_as::CalledAs;

/// Whether an option of PM2 takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    /// The next word, whatever it looks like.
    Value,
    /// The next word if it is no option, and if a word to act on came before: `start --watch app.js` means the app.
    Perhaps,
}

use Takes::{Nothing, Perhaps, Value};

/// A long name, a short one, whether a value follows.
type Known = (&'static str, Option<u8>, Takes);

/// PM2's options that may stand on any command and are no flags of keys, or take their value in another way than those.
/// Those of its Docker mode are not here.
const OTHERS: [Known; 23] = [
    ("silent", Some(b's'), Nothing),
    ("mini-list", Some(b'm'), Nothing),
    ("filter-env", None, Perhaps),
    ("env", None, Value),
    ("update-env", Some(b'a'), Nothing),
    ("force", Some(b'f'), Nothing),
    ("parallel", None, Value),
    ("max-restarts", None, Perhaps),
    ("user", Some(b'u'), Value),
    ("hp", None, Value),
    ("wait-ip", None, Nothing),
    ("service-name", None, Value),
    ("write", Some(b'w'), Nothing),
    ("no-daemon", None, Nothing),
    ("only", None, Value),
    ("no-color", None, Nothing),
    ("trace", None, Nothing),
    ("disable-trace", None, Nothing),
    ("sort", None, Value),
    ("attach", None, Nothing),
    ("v8", None, Nothing),
    ("event-loop-inspector", None, Nothing),
    ("deep-monitoring", None, Nothing),
];

/// Ours that may stand anywhere and take a value.
const OURS: [Known; 3] =
    [("hosts", Some(b'H'), Value), ("batch", None, Value), ("max-fail", None, Value)];

/// All options that may stand on any command.
fn options() -> impl Iterator<Item = Known> {
    let flags = keys().filter_map(|key| key.flag.as_ref()).flat_map(|flag| {
        let takes = match flag.value {
            FlagValue::On | FlagValue::Off => Nothing,
            FlagValue::MaybePath | FlagValue::MaybeWords => Perhaps,
            FlagValue::Word
            | FlagValue::AnyWord
            | FlagValue::Path
            | FlagValue::Seconds
            | FlagValue::Words
            | FlagValue::List => Value,
        };
        let short = flag.short.and_then(|short| u8::try_from(short).ok());
        let names = [flag.name()].into_iter().chain(flag.aliases.iter().copied());
        names.map(move |name| (name, short, takes))
    });
    OTHERS.into_iter().chain(OURS).chain(flags)
}

/// Words as the grammar takes them.
#[derive(Debug, PartialEq, Eq)]
pub struct GrammarWords {
    /// The whole command line.
    pub argv: Vec<OsString>,
    /// Options of PM2 that mean nothing for this command, as typed.
    pub idle: Vec<String>,
}

/// A command line as it was typed, with the place of its verb.
#[derive(Debug)]
pub struct CommandLine {
    program: OsString,
    /// What stands before `--`.
    typed: Vec<OsString>,
    /// `--` and what follows.
    behind: Vec<OsString>,
    /// Of the verb in `typed`.
    verb: Option<usize>,
}

impl CommandLine {
    /// Takes the names into account that are verbs themselves.
    pub fn new(called_as: CalledAs, argv: Vec<OsString>) -> Self {
        let mut argv = argv.into_iter();
        let program = argv.next().unwrap_or_else(|| "pm".into());
        let mut typed: Vec<OsString> = argv.collect();
        // What follows may be options first, which are for that verb.
        if let Some(verb) = match called_as {
            CalledAs::Runtime => Some("runtime"),
            CalledAs::Dev => Some("dev"),
            CalledAs::Pm | CalledAs::Pm2 => None,
        } {
            let is_start = typed.first().is_some_and(|word| word == "start");
            typed.splice(..usize::from(is_start), [OsString::from(verb)]);
        }
        let end = typed.iter().position(|word| word == "--").unwrap_or(typed.len());
        let behind = typed.split_off(end);
        let verb = verb(&typed);
        Self { program, typed, behind, verb }
    }

    /// The name of a command, if there is a command of that name.
    pub fn verb(&self) -> Option<&str> {
        self.typed.get(self.verb?)?.to_str()
    }

    /// Puts the words into the grammar's form; what can't be understood is left for the grammar to refuse. `command`:
    /// the one the verb names, with its arguments.
    pub fn words(mut self, called_as: CalledAs, command: Option<&Command>) -> GrammarWords {
        let (Some(at), Some(command)) = (self.verb, command) else {
            self.typed.insert(0, self.program);
            self.typed.extend(self.behind);
            return GrammarWords { argv: self.typed, idle: Vec::new() };
        };
        let asks_version = |word: &OsString| word == "-v" || word == "-V" || word == "--version";
        if called_as.is_pm2() && self.typed.iter().any(asks_version) {
            return GrammarWords { argv: vec![self.program, "--version".into()], idle: Vec::new() };
        }
        let mut sorted = Sorted { argv: vec![self.program], idle: Vec::new(), targets: 0 };
        sorted.argv.extend(self.typed.get(at).cloned());
        sorted.sort(self.typed.get(..at).unwrap_or_default(), command, false);
        let after = self.typed.get(at + 1..).unwrap_or_default();
        if command.get_name() == "deploy" || command.has_subcommands() {
            // They may be a shell line for the host; `deploy` reads them itself. A command with commands of its own is not
            // PM2's, and neither are its options.
            sorted.argv.extend_from_slice(after);
        } else {
            sorted.sort(after, command, true);
        }
        sorted.argv.extend(self.behind);
        GrammarWords { argv: sorted.argv, idle: sorted.idle }
    }
}

/// Where the verb stands: the first word that is neither an option nor the value of one.
fn verb(words: &[OsString]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match option(word) {
            Some(known) if known.takes == Value && known.value.is_none() => at += 2,
            Some(_) => at += 1,
            None if word.as_bytes().starts_with(b"-") => at += 1,
            None => return Some(at),
        }
    }
    None
}

/// A word that is an option, with what stands behind `=`.
#[derive(Debug)]
struct TypedOption {
    long: &'static str,
    is_short: bool,
    takes: Takes,
    /// Behind `=`.
    value: Option<OsString>,
}

fn option(word: &OsStr) -> Option<TypedOption> {
    let bytes = word.as_bytes();
    let known =
        |(long, _, takes): Known, is_short, value| TypedOption { long, is_short, takes, value };
    if let [b'-', short] = bytes {
        let found = options().find(|(_, known, _)| *known == Some(*short))?;
        return Some(known(found, true, None));
    }
    let name = bytes.strip_prefix(b"--")?;
    let (name, value) = match name.iter().position(|byte| *byte == b'=') {
        Some(at) => (&name[..at], Some(OsString::from_vec(name[at + 1..].to_vec()))),
        None => (name, None),
    };
    let found = options().find(|(long, ..)| long.as_bytes() == name)?;
    Some(known(found, false, value))
}

#[derive(Debug)]
struct Sorted {
    argv: Vec<OsString>,
    idle: Vec<String>,
    /// So many words to act on were seen.
    targets: usize,
}

impl Sorted {
    /// Options of PM2 in the form this command takes them, the rest untouched. `is_behind`: the words stand behind
    /// the verb, where a short option is the command's own if it has such.
    fn sort(&mut self, words: &[OsString], command: &Command, is_behind: bool) {
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let theirs =
                |known: &TypedOption| !(is_behind && known.is_short && is_other(command, known));
            let Some(mut known) = option(word).filter(theirs) else {
                self.targets += usize::from(!word.as_bytes().starts_with(b"-"));
                self.argv.push(word.clone());
                continue;
            };
            let is_value = |next: &&OsString| match known.takes {
                Nothing => false,
                Value => true,
                Perhaps => self.targets > 0 && !next.as_bytes().starts_with(b"-"),
            };
            if known.value.is_none() {
                known.value = words.next_if(is_value).cloned();
            }
            if is_global(known.long) {
                self.argv.push(format!("--{}", known.long).into());
                continue;
            }
            match command.get_arguments().find(|arg| is_named(arg, known.long)) {
                Some(own) => self.argv.extend(form(own, known)),
                None => self.idle.push(word.to_string_lossy().into_owned()),
            }
        }
    }
}

fn is_named(arg: &Arg, long: &str) -> bool {
    arg.get_long() == Some(long)
        || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
}

/// Whether a short option means something else to this command: `logs -n 5` is no name.
fn is_other(command: &Command, known: &TypedOption) -> bool {
    let short = options().find(|(long, ..)| *long == known.long).and_then(|(_, it, _)| it);
    let mine = |arg: &&Arg| arg.get_short() == short.map(char::from);
    command.get_arguments().find(mine).is_some_and(|arg| !is_named(arg, known.long))
}

/// Options of every command of the grammar.
fn is_global(long: &str) -> bool {
    matches!(long, "silent" | "no-color" | "mini-list")
}

/// An option and its value as one word, so that a value may look like an option.
fn form(own: &Arg, known: TypedOption) -> Vec<OsString> {
    let name = format!("--{}", known.long);
    match known.value {
        None => vec![name.into()],
        Some(value) if own.get_action().takes_values() => {
            let mut joined = OsString::from(name + "=");
            joined.push(value);
            vec![joined]
        }
        Some(value) => vec![name.into(), value],
    }
}
