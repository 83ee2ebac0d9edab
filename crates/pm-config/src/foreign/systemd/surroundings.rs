//! What a service finds when it begins: its variables (`Environment=`, `EnvironmentFile=`).

use std::path::Path;

use super::quoting;
use super::service::ServiceReading;
use super::unit::UnitSetting;
use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::dotenv::{self, Dialect, FileVariable};
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// A larger file holds no variables.
const LARGEST: usize = 1 << 20;

impl ServiceReading<'_> {
    /// The variables besides those of the caller; what a file says counts more.
    pub(super) fn environment(&mut self) {
        let (mut env, mut files): (Vec<TableEntry>, Vec<ConfigNode>) = (Vec::new(), Vec::new());
        for setting in self.unit.all("Service", "Environment") {
            let pairs = self.pairs(setting);
            lay(&mut env, &pairs, setting.at);
        }
        for setting in self.unit.all("Service", "EnvironmentFile") {
            let Some((path, text)) = self.file(setting) else { continue };
            let pairs = quoting::variables(&text);
            env.retain(|entry| pairs.iter().all(|(name, _)| *name != entry.key));
            if self.is_ours(&text, &pairs) {
                let path = TableEntry::new("path", setting.at, Value::text(path.as_str()));
                let value = Value::Table(vec![path]);
                files.push(ConfigNode { at: setting.at, value });
            } else {
                self.secrets.insert(setting.at);
                lay(&mut env, &pairs, setting.at);
            }
        }
        if let Some(at) = files.first().map(|file| file.at) {
            self.entries.push(TableEntry::new("env_file", at, Value::List(files)));
        }
        if let Some(at) = env.first().map(|entry| entry.at) {
            self.entries.push(TableEntry::new("env", at, Value::Table(env)));
        }
    }

    /// Whether our own reader of such files finds the same in it, so that it is enough to name the file.
    fn is_ours(&self, text: &str, pairs: &[(String, String)]) -> bool {
        let (ours, findings) = dotenv::parse(text, Dialect::Compose, &self.caller.env);
        let is_same = |(ours, (name, value)): (&FileVariable, &(String, String))| {
            let known = ours.value.as_ref().is_some_and(|it| it.as_bytes() == value.as_bytes());
            ours.name == *name && known
        };
        findings.is_empty() && ours.len() == pairs.len() && ours.iter().zip(pairs).all(is_same)
    }

    fn pairs(&mut self, setting: &UnitSetting) -> Vec<(String, String)> {
        let words = quoting::words(&setting.text).and_then(|words| {
            let filled = words.iter().map(|word| quoting::specified(word, self.unit, self.caller));
            filled.collect::<Result<Vec<_>, _>>()
        });
        let words = words.unwrap_or_else(|why| {
            self.findings.add(Finding::error(setting.at, format!("`{}`: {why}", setting.key)));
            Vec::new()
        });
        let mut pairs = Vec::new();
        for word in words {
            match word.split_once('=') {
                Some((name, value)) if !name.is_empty() => pairs.push((name.into(), value.into())),
                // What it is may be half of a secret.
                _ => {
                    let message = "`Environment` is NAME=value, with quotes around what has blanks";
                    self.findings.add(Finding::error(setting.at, message));
                }
            }
        }
        pairs
    }

    /// A file that is named, and what is in it; `None`: nothing, or why is told.
    fn file(&mut self, setting: &UnitSetting) -> Option<(String, String)> {
        let text = quoting::specified(&setting.text, self.unit, self.caller);
        let text = text.unwrap_or_else(|why| {
            self.findings.add(Finding::error(setting.at, format!("`{}`: {why}", setting.key)));
            String::new()
        });
        let (path, is_required) = match text.strip_prefix('-') {
            Some(path) => (path, false),
            None => (text.as_str(), true),
        };
        if path.is_empty() {
            return None;
        }
        let mut fail = |why: &str| {
            let message = format!("`{}` {}: {why}", setting.key, quoted(path));
            self.findings.add(Finding::error(setting.at, message));
            None
        };
        if !path.starts_with('/') {
            return fail("the path has to begin with a slash");
        }
        if path.contains(['*', '?', '[']) {
            return fail("only one file can be named here");
        }
        match paths::head(Path::new(path), LARGEST + 1) {
            Ok(bytes) if bytes.len() > LARGEST => fail("it is larger than 1 MiB"),
            Ok(bytes) => match std::str::from_utf8(&bytes) {
                Ok(text) => Some((path.to_owned(), text.to_owned())),
                Err(_) => fail("this is not UTF-8"),
            },
            Err(error) if !is_required && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => fail(&paths::cause(&error)),
        }
    }
}

/// Lays variables over those that are there.
fn lay(env: &mut Vec<TableEntry>, pairs: &[(String, String)], at: ConfigPlace) {
    for (name, value) in pairs {
        env.retain(|known| known.key != *name);
        env.push(TableEntry::new(name, at, Value::text(value.as_str())));
    }
}
