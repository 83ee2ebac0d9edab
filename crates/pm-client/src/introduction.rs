//! What this program says about whoever called it. Arguments may hold secrets: of them only what can't be one is said.

use std::ffi::OsString;
use std::path::Path;

use pm_protocol::Introduction;

/// Verbs whose words are values or belong to apps.
const SILENT: [&str; 6] = ["set", "multiset", "conf", "config", "send", "trigger"];

/// So many words of a command line are said.
const WORDS: usize = 6;

/// Who calls, as far as that can be seen from here.
pub(crate) fn introduction() -> Introduction {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Introduction {
        user: variable("LOGNAME").or_else(|| variable("USER")),
        command: command(std::env::args_os()),
        sudo: variable("SUDO_USER"),
        ssh: variable("SSH_CONNECTION").and_then(|it| it.split(' ').next().map(str::to_owned)),
    }
}

/// The program and its verb, and what follows up to the first option, or word with a value or a blank in it.
fn command(mut words: impl Iterator<Item = OsString>) -> Option<String> {
    let program = words.next()?;
    let mut said = vec![Path::new(&program).file_name()?.to_str()?.to_owned()];
    let mut words = words.skip_while(|word| word.as_encoded_bytes().starts_with(b"-"));
    let verb = words.next().and_then(|word| word.into_string().ok());
    let is_silent = verb.as_deref().is_some_and(|verb| SILENT.contains(&verb));
    said.extend(verb.filter(|verb| is_plain(verb)));
    let mut words = words.map(|word| word.into_string().ok().filter(|word| is_plain(word)));
    let mut more = words.next();
    while let Some(Some(word)) = &more
        && !is_silent
        && said.len() < WORDS
    {
        said.push(word.clone());
        more = words.next();
    }
    said.extend(more.map(|_| "...".to_owned()));
    Some(said.join(" "))
}

/// Whether a word names something and gives no value to anything.
fn is_plain(word: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '=' || c == '`';
    !word.starts_with('-') && !word.contains(is_odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_said_without_what_may_be_a_secret() {
        for (line, said) in [
            ("/usr/bin/pm stop web", "pm stop web"),
            ("pm --json -s restart web api", "pm restart web api"),
            ("pm start app.py --name x -- --password y", "pm start app.py ..."),
            ("pm start app.py PASSWORD=y", "pm start app.py ..."),
            ("pm set web:PASSWORD y", "pm set ..."),
            ("pm2 send 0 secret", "pm2 send ..."),
            ("pm delete a b c d e f g", "pm delete a b c d ..."),
            ("pm", "pm"),
        ] {
            let words = line.split(' ').map(OsString::from);
            assert_eq!(command(words).as_deref(), Some(said), "{line}");
        }
        let words = ["pm", "start", "node app.js --token y"].map(OsString::from);
        assert_eq!(command(words.into_iter()).as_deref(), Some("pm start ..."));
    }
}
