//! Command lines of units (`ExecStart=` and its like): prefixes, words, variables.

use super::quoting;
use super::unit::{UnitFile, UnitSetting};
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings};

/// One command.
#[derive(Debug)]
pub(super) struct UnitCommand {
    pub(super) at: ConfigPlace,
    /// Its failure counts as success (`-`).
    pub(super) may_fail: bool,
    /// `$NAME` in it means nothing (`:`).
    is_literal: bool,
    words: Vec<String>,
}

/// The commands of a key, in order.
pub(super) fn commands(
    settings: &[&UnitSetting],
    unit: &UnitFile,
    caller: &Caller,
    findings: &mut Findings,
) -> Vec<UnitCommand> {
    let mut all = Vec::new();
    for setting in settings {
        match of_line(setting, unit, caller, findings) {
            Ok(commands) => all.extend(commands),
            Err(why) => {
                findings.add(Finding::error(setting.at, format!("`{}`: {why}", setting.key)));
            }
        }
    }
    all
}

fn of_line(
    setting: &UnitSetting,
    unit: &UnitFile,
    caller: &Caller,
    findings: &mut Findings,
) -> Result<Vec<UnitCommand>, String> {
    let words = quoting::told_apart(&setting.text)?;
    let mut all = Vec::new();
    for part in words.split(|(word, is_quoted)| word == ";" && !is_quoted) {
        let part = part.iter().map(|(word, is_quoted)| match word.as_str() {
            r"\;" if !is_quoted => ";",
            word => word,
        });
        let part: Vec<_> = part.collect();
        let Some((first, rest)) = part.split_first() else { continue };
        let program = first.trim_start_matches(['-', '@', ':', '+', '!', '|']);
        let prefixes = first.strip_suffix(program).unwrap_or_default();
        if prefixes.contains(['+', '!', '|']) {
            let message = format!(
                "`{prefixes}` before the program of `{}`: it runs as the app does, and by no shell",
                setting.key
            );
            findings.add(Finding::warning(setting.at, message));
        }
        // The first word after the program is what it is told to be called.
        let skipped = usize::from(prefixes.contains('@'));
        if skipped == 1 {
            let message =
                format!("`@` in `{}`: programs are called what they are here", setting.key);
            findings.add(Finding::warning(setting.at, message));
        }
        let words = [program].into_iter().chain(rest.iter().skip(skipped).copied());
        let words: Result<Vec<_>, _> =
            words.map(|word| quoting::specified(word, unit, caller)).collect();
        if program.is_empty() {
            return Err("there is no program".into());
        }
        all.push(UnitCommand {
            at: setting.at,
            may_fail: prefixes.contains('-'),
            is_literal: prefixes.contains(':'),
            words: words?,
        });
    }
    Ok(all)
}

impl UnitCommand {
    /// Its words, if they are the same whatever its variables are.
    pub(super) fn plain(&self) -> Option<Vec<String>> {
        let is_same = self.is_literal
            || self.words.iter().all(|word| parts(word).iter().all(WordPart::is_text));
        let text = |word: &String| {
            if self.is_literal {
                word.clone()
            } else {
                parts(word).iter().map(WordPart::text).collect()
            }
        };
        is_same.then(|| self.words.iter().map(text).collect())
    }

    /// Whether this name of a variable is in it, for itself or for a shell that it is.
    pub(super) fn names(&self, variable: &str) -> bool {
        self.words.iter().any(|word| word.contains(variable))
    }

    /// As a line for a shell, which fills in the variables as systemd does, when they are known.
    pub(super) fn line(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| self.shell_word(word)).collect();
        words.join(" ")
    }

    fn shell_word(&self, word: &str) -> String {
        if self.is_literal {
            return single(word);
        }
        // A word of its own becomes as many words as its value has.
        if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
            return format!("${name}");
        }
        let part = |part: &WordPart<'_>| match part {
            WordPart::Text(text) => single(text),
            WordPart::Variable(name) => format!("\"${{{name}}}\""),
        };
        let parts = parts(word);
        if parts.is_empty() { "''".into() } else { parts.iter().map(part).collect() }
    }

    /// The signal, if all it does is to send one to the main process.
    pub(super) fn signal(&self) -> Option<String> {
        let words: Vec<_> = self.words.iter().map(String::as_str).collect();
        let (signal, whom) = match words.as_slice() {
            [_, whom] => ("TERM", whom),
            [_, "-s", signal, whom] => (*signal, whom),
            [_, signal, whom] => (signal.strip_prefix('-')?, whom),
            _ => return None,
        };
        let is_kill = words.first()?.rsplit('/').next() == Some("kill");
        let is_main = matches!(*whom, "$MAINPID" | "${MAINPID}");
        let signal = pm_spec::Signal::parse(signal).ok()?;
        (is_kill && is_main).then(|| signal.to_string())
    }
}

/// Several commands, each after the one before it, as one line.
pub(super) fn line(commands: &[UnitCommand]) -> String {
    let one = |command: &UnitCommand| {
        let line = command.line();
        if command.may_fail { format!("{{ {line} || :; }}") } else { line }
    };
    let all: Vec<_> = commands.iter().map(one).collect();
    format!("set -f; {}", all.join(" && "))
}

enum WordPart<'a> {
    Text(&'a str),
    Variable(&'a str),
}

impl WordPart<'_> {
    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Variable(text) => text,
        }
    }
}

/// `${NAME}` anywhere, `$NAME` as the whole word, `$$` for a dollar.
fn parts(word: &str) -> Vec<WordPart<'_>> {
    if let Some(name) = word.strip_prefix('$').filter(|name| is_name(name)) {
        return vec![WordPart::Variable(name)];
    }
    let (mut parts, mut rest) = (Vec::new(), word);
    while let Some(at) = rest.find('$') {
        let (before, behind) = rest.split_at(at);
        let name = behind.strip_prefix("${").and_then(|behind| behind.split_once('}'));
        let (part, next) = match name.filter(|(name, _)| is_name(name)) {
            Some((name, next)) => (WordPart::Variable(name), next),
            None if behind.starts_with("$$") => (WordPart::Text("$"), &behind[2..]),
            None => (WordPart::Text("$"), &behind[1..]),
        };
        if !before.is_empty() {
            parts.push(WordPart::Text(before));
        }
        parts.push(part);
        rest = next;
    }
    if !rest.is_empty() {
        parts.push(WordPart::Text(rest));
    }
    parts
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_letter) && name.starts_with(|c: char| !c.is_ascii_digit())
}

/// As one word of a shell.
fn single(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> UnitCommand {
        UnitCommand {
            at: ConfigPlace::Whole,
            may_fail: false,
            is_literal: false,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn variables_are_left_to_a_shell() {
        assert_eq!(
            command(&["/a", "x y", "$$1", "a$b"]).plain().unwrap(),
            ["/a", "x y", "$1", "a$b"]
        );
        let some = command(&["/a", "$OPTS", "--t=${T}.", "it's", "$$x", ""]);
        assert!(some.plain().is_none());
        assert_eq!(some.line(), r#"/a $OPTS --t="${T}". 'it'\''s' '$'x ''"#);
        let literal = UnitCommand { is_literal: true, ..command(&["/a", "$X"]) };
        assert_eq!(
            (literal.plain().unwrap()[1].as_str(), literal.line()),
            ("$X", "/a '$X'".into())
        );
    }

    #[test]
    fn a_kill_of_the_main_process_is_a_signal() {
        for (words, signal) in [
            (vec!["/bin/kill", "-HUP", "$MAINPID"], Some("SIGHUP")),
            (vec!["kill", "-s", "QUIT", "${MAINPID}"], Some("SIGQUIT")),
            (vec!["/bin/kill", "$MAINPID"], Some("SIGTERM")),
            (vec!["/bin/kill", "-HUP", "1"], None),
            (vec!["/bin/killer", "-HUP", "$MAINPID"], None),
        ] {
            assert_eq!(command(&words).signal().as_deref(), signal, "{words:?}");
        }
    }
}
