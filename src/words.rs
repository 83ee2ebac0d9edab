//! What is said to people, in their language. The code says everything in English; this is where it becomes Chinese, on its
//! way out: a text is looked up in one table of codes, whole, and what stands in its gaps is kept.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::LazyLock;

use pm_pm2::CalledAs;
use pm_pm2::settings::{SettingKey, Settings};

use crate::called;

/// Three lines for each code: the code, our English, our Chinese.
const TEXTS: &str = include_str!("words/table.txt");

/// The setting that chooses: `zh`, `en`, or `auto`.
pub(crate) const SETTING: &str = "lang";

/// What it may say.
pub(crate) const SETTINGS: [&str; 3] = ["zh", "en", "auto"];

/// What these gaps hold may be a text of ours again.
const SENTENCES: [&str; 7] = ["why", "last", "saw", "error", "note", "word", "kind"];

/// What these hold is one, or a value between backticks: half a sentence in each language is worse than none.
const KNOWN: [&str; 2] = ["word", "kind"];

/// What these hold has no blanks: else whatever ends as a text of ours does would be taken for it.
const WORDS: [&str; 14] = [
    "name", "key", "file", "flag", "verb", "on", "port", "signal", "span", "within", "used",
    "limit", "cpu", "memory",
];

/// What these hold is a number.
const NUMBERS: [&str; 5] = ["n", "all", "code", "id", "pid"];

/// What follows from how this program was called; nobody sets it. English needs none.
static TABLE: LazyLock<Option<WordTable>> =
    LazyLock::new(|| (!cfg!(test) && asks_for_chinese()).then(|| WordTable::read(TEXTS)));

/// A text of ours, in two languages.
#[derive(Debug)]
struct Phrase {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for who reads the table, and for its tests")
    )]
    code: &'static str,
    english: &'static str,
    chinese: &'static str,
}

/// All texts, those that say most for certain first.
#[derive(Debug)]
struct WordTable(Vec<Phrase>);

/// Whether this call is to be answered in Chinese. Scripts made for PM2 and Supervisor know English only.
fn asks_for_chinese() -> bool {
    let words: Vec<OsString> = std::env::args_os().collect();
    let program = words.first().map(OsString::as_os_str).unwrap_or_default();
    let name = Path::new(program).file_name().unwrap_or_default();
    let is_other =
        CalledAs::of(program).is_pm2() || name.as_encoded_bytes().starts_with(b"supervisor");
    if is_other || is_for_programs(&words) {
        return false;
    }
    is_chinese(setting(program).as_deref(), |name| std::env::var_os(name))
}

/// Whether what is said is read by programs, or goes into a log.
fn is_for_programs(words: &[OsString]) -> bool {
    let inner = ["daemon", "guardian", "remote", "serve-files", pm_config::EVENT_VERB];
    let is_inner = words.get(1).is_some_and(|verb| inner.iter().any(|inner| verb == inner));
    is_inner
        || words
            .iter()
            .take_while(|word| *word != "--")
            .any(|word| word == "--json" || word == "--foreground")
}

/// The setting of this home. Whatever is wrong with that is told by who needs it.
fn setting(program: &OsStr) -> Option<String> {
    let book = Settings::load(&called::home(program).ok()?.module_conf()).ok()?;
    Some(book.get(&SettingKey::parse(SETTING).ok()?)?.as_str()?.to_owned())
}

/// Whether Chinese is meant: by the setting `lang`, else by the environment as POSIX orders it. What is written is UTF-8, so a
/// locale that names another charset gets English.
pub(crate) fn is_chinese(
    setting: Option<&str>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> bool {
    match setting {
        Some("zh") => return true,
        Some("en") => return false,
        Some(_) | None => {}
    }
    let said = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some(value.to_string_lossy().to_lowercase())
    });
    let said = said.unwrap_or_default();
    let (tongue, rest) = said.split_once(['_', '.', '@']).unwrap_or((&said, ""));
    let charset =
        rest.split_once('.').map_or(if said.contains('_') { "" } else { rest }, |it| it.1);
    let charset = charset.split('@').next().unwrap_or_default();
    tongue == "zh" && matches!(charset, "" | "utf8" | "utf-8")
}

/// A text of ours in the language of whoever reads it; what is not in the table stays as it is.
pub(crate) fn say(english: &str) -> Cow<'_, str> {
    TABLE.as_ref().and_then(|table| table.say(english)).map_or(Cow::Borrowed(english), Cow::Owned)
}

/// Talk, line for line: what begins with `error:` and its like is looked up behind that.
pub(crate) fn talk(english: &str) -> Cow<'_, str> {
    let Some(table) = &*TABLE else { return english.into() };
    table.talk(english).into()
}

/// clap's line of usage.
pub(crate) fn usage(line: &str) -> String {
    let (mark, rest) = line.split_at(if line.starts_with("Usage: ") { 7 } else { 0 });
    let said = say(mark.trim_end());
    // Only what was said anew brings its own gap.
    if said == mark.trim_end() { line.to_owned() } else { said.into_owned() + rest }
}

impl WordTable {
    fn read(text: &'static str) -> Self {
        let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut all = Vec::new();
        while let (Some(code), Some(english), Some(chinese)) =
            (lines.next(), lines.next(), lines.next())
        {
            all.push(Phrase { code, english: english.trim_start(), chinese: chinese.trim_start() });
        }
        all.sort_by_cached_key(|one| std::cmp::Reverse(one.certain()));
        Self(all)
    }

    fn say(&self, english: &str) -> Option<String> {
        let (phrase, found) = self.find(english)?;
        let mut said = String::new();
        for (before, gap) in pieces(phrase.chinese) {
            said.push_str(before);
            let Some((_, value)) = found.iter().find(|(name, _)| *name == gap) else { continue };
            let again = SENTENCES.contains(&gap).then(|| self.say(value)).flatten();
            if again.is_none() && KNOWN.contains(&gap) && !value.starts_with('`') {
                return None;
            }
            said.push_str(again.as_deref().unwrap_or(value));
        }
        Some(said)
    }

    fn say_or_leave(&self, english: &str) -> String {
        self.say(english).unwrap_or_else(|| english.into())
    }

    fn find<'a>(&self, english: &'a str) -> Option<(&Phrase, Vec<(&'static str, &'a str)>)> {
        self.0.iter().find_map(|phrase| Some((phrase, phrase.gaps(english)?)))
    }

    fn talk(&self, english: &str) -> String {
        // What is behind the place of a problem in a file: the words before it stay, for editors know them.
        let mut is_finding = false;
        let line = |line: &str| {
            let marks = ["error: ", "warning: ", "hint: ", "note: ", "usage: "];
            if let Some(mark) = marks.into_iter().find(|mark| line.starts_with(mark)) {
                is_finding = false;
                let said = self.say(mark.trim_end()).unwrap_or_default();
                return said + &self.say_or_leave(&line[mark.len()..]);
            }
            let words = [": error: ", ": warning: "].into_iter();
            let behind = words.filter_map(|word| Some(line.find(word)? + word.len())).min();
            let behind = behind.filter(|_| !line.starts_with(' '));
            is_finding = behind.is_some() || is_finding && line.starts_with(' ');
            let hint = Some("  hint: ").filter(|hint| is_finding && line.starts_with(hint));
            let (place, rest) = line.split_at(behind.or(hint.map(str::len)).unwrap_or(0));
            place.to_owned() + &self.say_or_leave(rest)
        };
        english.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Phrase {
    /// How much of it is no gap.
    fn certain(&self) -> usize {
        pieces(self.english).map(|(before, _)| before.len()).sum()
    }

    /// What stands in its gaps, if a text has its form.
    fn gaps<'a>(&self, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
        let mut found = Vec::new();
        let mut rest = text;
        let mut open = "";
        for (piece, gap) in pieces(self.english) {
            if open.is_empty() {
                rest = rest.strip_prefix(piece)?;
            } else {
                let at = match (piece, gap) {
                    ("", "") => rest.len(),
                    // The last one ends the text.
                    (_, "") => rest.strip_suffix(piece)?.len(),
                    _ => rest.find(piece)?,
                };
                let (value, after) = rest.split_at(at);
                let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
                let is_odd = NUMBERS.contains(&open) && !is_number
                    || WORDS.contains(&open) && value.contains(' ')
                    || open == "path" && value.contains(' ') && !value.starts_with('/');
                if value.is_empty() || is_odd {
                    return None;
                }
                found.push((open, value));
                rest = &after[piece.len()..];
            }
            open = gap;
        }
        rest.is_empty().then_some(found)
    }
}

/// A text in pieces, each with the gap behind it; behind the last one there is none.
fn pieces(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some((before, (gap, after))) =
            text.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        else {
            return Some((text, ""));
        };
        rest = Some(after);
        Some((before, gap))
    })
}

#[cfg(test)]
#[path = "words/tests.rs"]
mod tests;
