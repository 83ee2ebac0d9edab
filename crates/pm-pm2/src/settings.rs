//! The file of settings: JSON, two levels deep for apps, replaced as a whole or not at all (pain 3).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value};

use crate::error::Pm2Error;

/// Where a setting stands: `a`, `app:key`, `app.key.deeper`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingKey(Vec<String>);

impl SettingKey {
    /// As PM2: dots part if there are any, else colons; quotes keep them together.
    pub fn parse(text: &str) -> Result<Self, Pm2Error> {
        let mark = if text.contains('.') { '.' } else { ':' };
        let mut parts = vec![String::new()];
        let mut is_quoted = false;
        for c in text.chars() {
            match (c, parts.last_mut()) {
                ('"', _) => is_quoted = !is_quoted,
                (c, _) if c == mark && !is_quoted => parts.push(String::new()),
                (c, Some(part)) => part.push(c),
                (_, None) => {}
            }
        }
        if is_quoted || parts.iter().any(|part| part.is_empty() || part.contains('\0')) {
            return Err(Pm2Error::input(format!("`{text}` is no name of a setting"))
                .hint("write key, app:key or app.key"));
        }
        Ok(Self(parts))
    }

    /// The settings of an app.
    pub fn of_app(app: &str) -> Self {
        Self(vec![app.to_owned()])
    }

    /// The app it is about.
    pub fn app(&self) -> Option<&str> {
        self.0.first().filter(|_| self.0.len() > 1).map(String::as_str)
    }
}

/// All settings.
#[derive(Clone, Debug, Default)]
pub struct Settings(Map<String, Value>);

impl Settings {
    /// Reads the file; a missing or empty one holds nothing.
    pub fn load(file: &Path) -> Result<Self, Pm2Error> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed("read", file, &error)),
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(&text).map(Self).map_err(|error| {
            Pm2Error::failed(format!("could not read {}: {error}", file.display()))
                .hint("correct it, or remove it to begin anew")
        })
    }

    /// Changes the file; nobody else changes it meanwhile.
    pub fn change(file: &Path, change: impl FnOnce(&mut Self)) -> Result<Self, Pm2Error> {
        let folder = File::open(folder(file)).map_err(|error| failed("open", file, &error))?;
        folder.lock().map_err(|error| failed("lock", file, &error))?;
        let mut book = Self::load(file)?;
        change(&mut book);
        book.store(file)?;
        // A rename is there after a power cut once its folder is on disk.
        folder.sync_all().ok();
        Ok(book)
    }

    /// A copy of it to be edited, beside the file.
    pub fn copy(&self, file: &Path) -> Result<PathBuf, Pm2Error> {
        let copy = file.with_added_extension("edit.json");
        write(&copy, &self.text()).map_err(|error| failed("write", &copy, &error))?;
        Ok(copy)
    }

    /// Takes an edited copy over.
    pub fn take(copy: &Path, file: &Path) -> Result<Self, Pm2Error> {
        let edited = Self::load(copy)?;
        Self::change(file, |book| *book = edited)
    }

    /// What stands there.
    pub fn get(&self, key: &SettingKey) -> Option<&Value> {
        let (first, rest) = key.0.split_first()?;
        rest.iter().try_fold(self.0.get(first)?, |value, part| value.get(part))
    }

    /// The apps that have settings, and whoever else has some below its name.
    pub fn apps(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| value.is_object()).map(|(name, _)| name.as_str())
    }

    /// What stood in the way of a deeper key is replaced (PM2).
    pub fn set(&mut self, key: &SettingKey, value: &str) {
        let Some((last, folders)) = key.0.split_last() else { return };
        let mut map = &mut self.0;
        for part in folders {
            let inner = map.entry(part.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            let Value::Object(inner) = inner else { return };
            map = inner;
        }
        map.insert(last.clone(), value.into());
    }

    /// Removes what stands there.
    pub fn unset(&mut self, key: &SettingKey) {
        let Some((last, folders)) = key.0.split_last() else { return };
        let mut map = &mut self.0;
        for part in folders {
            let Some(Value::Object(inner)) = map.get_mut(part) else { return };
            map = inner;
        }
        map.remove(last);
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keys and values in order, and the same as a document; of one key or of all.
    pub fn lines(&self, only: Option<&SettingKey>) -> (Vec<(String, String)>, Value) {
        let mut lines = Vec::new();
        let all = Value::Object(self.0.clone());
        match only {
            None => collect(&[], &all, &mut lines),
            Some(key) => {
                if let Some(value) = self.get(key) {
                    collect(&key.0, value, &mut lines);
                }
            }
        }
        let json = only.map_or(all, |key| self.get(key).cloned().unwrap_or_default());
        (lines, json)
    }

    /// PM2's form: four blanks for each level.
    fn text(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let form = PrettyFormatter::with_indent(b"    ");
        // A map with text for keys can't fail, nor can writing to memory.
        self.0.serialize(&mut Serializer::with_formatter(&mut bytes, form)).ok();
        bytes
    }

    fn store(&self, file: &Path) -> Result<(), Pm2Error> {
        let new = file.with_added_extension("new");
        write(&new, &self.text())
            .and_then(|()| fs::rename(&new, file))
            .map_err(|error| failed("write", file, &error))
    }
}

/// One level below another, as it is typed.
fn joined(parts: &[String]) -> String {
    let quoted = |part: &String| {
        if part.contains(['.', ':']) { format!("\"{part}\"") } else { part.clone() }
    };
    let mark = if parts.iter().any(|part| part.contains('.')) { "." } else { ":" };
    parts.iter().map(quoted).collect::<Vec<_>>().join(mark)
}

fn collect(key: &[String], value: &Value, lines: &mut Vec<(String, String)>) {
    let Value::Object(inner) = value else {
        lines.push((joined(key), plain(value)));
        return;
    };
    for (name, value) in inner {
        let key = [key, std::slice::from_ref(name)].concat();
        collect(&key, value, lines);
    }
}

/// A value as it was typed: text without quotes, the rest as JSON.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Words of a line; quotes keep blanks, and stay where they are.
pub fn words(line: &str) -> Result<Vec<String>, Pm2Error> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default().push(c);
            }
            c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if is_quoted {
        return Err(Pm2Error::input("a quote is not closed: nothing was set"));
    }
    Ok(words)
}

fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or_else(|| Path::new("/"))
}

/// Writes a file of ours alone, surely on disk.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn failed(what: &str, file: &Path, error: &io::Error) -> Pm2Error {
    Pm2Error::failed(format!("could not {what} {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Vec<String> {
        SettingKey::parse(text).unwrap().0
    }

    #[test]
    fn keys_are_parted_as_in_pm2() {
        for (text, parts) in [
            ("a", &["a"][..]),
            ("web:port", &["web", "port"]),
            ("web.port", &["web", "port"]),
            ("a.b.c", &["a", "b", "c"]),
            ("a.b:c", &["a", "b:c"]),
            ("\"my.app\".port", &["my.app", "port"]),
        ] {
            assert_eq!(key(text), parts, "{text}");
        }
        for bad in ["", ":", "a:", ".a", "\"a", "a..b"] {
            assert!(SettingKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_set_is_found_and_removed() {
        let mut book = Settings::default();
        for (text, value) in [("a", "1"), ("web:port", "80"), ("a:b", "2"), ("web:x.y", "-1")] {
            book.set(&SettingKey::parse(text).unwrap(), value);
        }
        assert_eq!(
            book.get(&SettingKey::parse("a:b").unwrap()),
            Some(&"2".into()),
            "a scalar gave way"
        );
        assert_eq!(book.get(&SettingKey::parse("nosuch:b").unwrap()), None);
        book.unset(&SettingKey::parse("web:port").unwrap());
        book.unset(&SettingKey::parse("nosuch:b:c").unwrap());
        assert_eq!(
            String::from_utf8(book.text()).unwrap(),
            "{\n    \"a\": {\n        \"b\": \"2\"\n    },\n    \"web\": {},\n    \"web:x\": {\n        \
             \"y\": \"-1\"\n    }\n}"
        );
    }

    #[test]
    fn lines_can_be_typed_again() {
        let mut book = Settings::default();
        for (text, value) in [("a", "x y"), ("web:port", "80"), ("\"my.app\".port", "1")] {
            book.set(&SettingKey::parse(text).unwrap(), value);
        }
        let (lines, _) = book.lines(None);
        let mut again = Settings::default();
        for (text, value) in &lines {
            again.set(&SettingKey::parse(text).unwrap(), value);
        }
        assert_eq!(again.0, book.0, "{lines:?}");
        let (lines, json) = book.lines(Some(&SettingKey::of_app("web")));
        assert_eq!(lines, [("web:port".into(), "80".into())]);
        assert_eq!(json.to_string(), "{\"port\":\"80\"}");
    }

    #[test]
    fn quotes_keep_blanks() {
        assert_eq!(words(" a \"b c\".d \"\" ").unwrap(), ["a", "\"b c\".d", "\"\""]);
        assert!(words("a \"b").is_err());
    }
}
