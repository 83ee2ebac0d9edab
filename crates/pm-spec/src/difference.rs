//! What differs between two specs of one app, and what it takes to make a running one as the new spec says.
//!
//! The shell an app happened to be started from is no part of its specification: only variables that the file or the
//! command line declares are compared.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::options::{Effort, KeyKind, KeySpec, Setting, keys};
use crate::{AppSpec, ByteString, Environment, FOLLOWING};

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The attribute as it is called in a file; `env.NAME` for a variable.
    pub what: String,
    /// What it takes.
    pub effort: Effort,
    /// The old value for people, secrets masked; `None`: it was not set.
    pub from: Option<String>,
    /// The new value likewise.
    pub to: Option<String>,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{what} {from} -> {to}"),
            (None, Some(to)) => write!(f, "{what} added: {to}"),
            (Some(_), None) => write!(f, "{what} removed"),
            (None, None) => f.write_str(what),
        }
    }
}

/// A longer value is cut where it is shown.
const SHOWN: usize = 60;

impl AppSpec {
    /// What is different in `new`, in the order of the manual.
    pub fn edits(&self, new: &Self) -> Vec<Edit> {
        let mut edits = Vec::new();
        let counts = |key: &&KeySpec| {
            key.effort != Effort::Nothing && !self.derives(key, new) && !self.follows(key, new)
        };
        for key in keys().filter(counts) {
            if let KeyKind::Variables = key.kind {
                edits.extend(variables(self, new));
                continue;
            }
            let (was, is) = (key.value(self), key.value(new));
            if was != is {
                let show = |value: &Setting| value.is_set().then(|| short(value.to_string()));
                let (from, to) = (show(&was), show(&is));
                edits.push(Edit { what: key.name.into(), effort: key.effort, from, to });
            }
        }
        edits
    }

    /// What it takes to make a run of this one as `new` says.
    pub fn effort(&self, new: &Self) -> Effort {
        self.edits(new).iter().map(|edit| edit.effort).max().unwrap_or(Effort::Nothing)
    }

    /// Whether nobody wrote this key, neither here nor there.
    fn derives(&self, key: &KeySpec, new: &Self) -> bool {
        let is_in = |all: &[ByteString]| all.iter().any(|it| it.as_bytes() == key.name.as_bytes());
        is_in(&self.derived) && is_in(&new.derived)
    }

    /// Whether it differs only because the preset does, which is told itself.
    fn follows(&self, key: &KeySpec, new: &Self) -> bool {
        let is_derived = new.derived.iter().any(|it| it.as_bytes() == key.name.as_bytes());
        self.preset != new.preset && is_derived && FOLLOWING.contains(&key.name)
    }

    /// `new` for a run that goes on: with the environment it was started with, and the logs that nobody wrote to be others.
    #[must_use]
    pub fn carried_on(&self, new: Self) -> Self {
        let mut on = Self { env: self.env.clone(), ..new };
        for key in keys() {
            if self.derives(key, &on) {
                key.take(&mut on, self);
            }
        }
        on
    }

    /// The environment with a shell's laid over it (PM2: `--update-env`). What came from the shell before and is not in
    /// it any more goes; what the file declares stays where the shell says nothing else, and what we set for the app
    /// itself stays in any case: its language, its folder, its venv.
    pub fn seen_from(&self, shell: &Environment) -> Environment {
        let mut env = shell.clone();
        for (name, value) in self.env.iter() {
            let is_ours = name == "PYTHONUNBUFFERED";
            if env.get(name).is_none() && (self.declares(name) || is_ours) {
                env.set(name, value.clone());
            }
        }
        if !self.declares("PWD") && env.get("PWD").is_some() {
            env.set("PWD", self.cwd.clone());
        }
        if let Some((venv, bin)) = self.venv() {
            env.set("VIRTUAL_ENV", venv.clone());
            let path = env.get("PATH").map_or(&b""[..], ByteString::as_bytes);
            if !path.starts_with(&bin) {
                env.set("PATH", ByteString::from([&bin, path].concat()));
            }
        }
        env
    }

    pub(crate) fn declares(&self, name: &str) -> bool {
        self.declared_env.iter().any(|known| known.as_bytes() == name.as_bytes())
    }

    /// The venv it lives in, and how its PATH begins because of that. One that only the shell was in, as for an app of
    /// Node, is the shell's.
    pub fn venv(&self) -> Option<(&ByteString, Vec<u8>)> {
        let venv = self.env.get("VIRTUAL_ENV").filter(|venv| !venv.is_empty())?;
        let bin = [venv.as_bytes(), b"/bin:"].concat();
        let runs = self.interpreter.as_ref().unwrap_or(&self.script).as_bytes();
        let name = runs.rsplit(|byte| *byte == b'/').next();
        let is_shell = matches!(name, Some(b"sh" | b"bash" | b"dash" | b"ksh" | b"zsh"));
        let is_in = self.env.get("PATH").is_some_and(|path| path.as_bytes().starts_with(&bin));
        (is_in && (is_shell || runs.starts_with(venv.as_bytes()))).then_some((venv, bin))
    }
}

/// The variables that either declares, by name; secrets are masked.
fn variables(old: &AppSpec, new: &AppSpec) -> Vec<Edit> {
    let declared = old.declared_env.iter().chain(&new.declared_env);
    let secret = [old, new]
        .into_iter()
        .flat_map(|app| app.secret_files.keys().chain(app.secret_commands.keys()));
    let names: BTreeSet<String> =
        declared.map(|name| name.display().into_owned()).chain(secret.cloned()).collect();
    let changed = names.into_iter().filter_map(|name| {
        // Where the value is, or itself.
        let told = |app: &AppSpec| {
            let file = app.secret_files.get(&name).map(|path| (true, path.clone()));
            let command = || {
                let command = app.secret_commands.get(&name)?;
                Some((true, ByteString::from(command.line())))
            };
            file.or_else(command).or_else(|| app.env.get(&name).map(|value| (false, value.clone())))
        };
        let (was, is) = (told(old), told(new));
        let show = |(is_file, value): &(bool, ByteString)| {
            if *is_file {
                format!("(from {})", value.display())
            } else if old.hides(&name) || new.hides(&name) {
                "***".into()
            } else {
                short(value.display().into_owned())
            }
        };
        (was != is).then(|| Edit {
            what: format!("env.{name}"),
            effort: Effort::Renewal,
            from: was.as_ref().map(show),
            to: is.as_ref().map(show),
        })
    });
    changed.collect()
}

fn short(text: String) -> String {
    if text.is_empty() {
        return "\"\"".into();
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
