//! What a mistyped command or option was probably meant to be: the best one or two, never one that is hidden.

use clap::CommandFactory;
use pm_config::near;

use crate::cli::Cli;

/// More would be a list to read, which `--help` has.
const MOST: usize = 2;

/// Fewer letters begin too much to mean something.
const BEGUN: usize = 3;

/// What others call our commands, and what is an option here.
const ELSEWHERE: [(&[&str], &str); 5] = [
    (&["stat", "stats"], "status"),
    (&["remove", "rm", "destroy"], "delete"),
    (&["tail"], "logs"),
    (&["ls-all"], "list"),
    (&["version"], "--version"),
];

/// The hint for a word that is no command.
pub(crate) fn command(word: &str) -> Option<String> {
    if let Some((_, ours)) = ELSEWHERE.iter().find(|(theirs, _)| theirs.contains(&word)) {
        return meant(&[ours]);
    }
    let all = Cli::command();
    let names = all.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<_> = names.map(clap::Command::get_name).collect();
    meant(&similar(word, &names))
}

/// Names that begin with the word, if these are few; else the nearest.
fn similar<'a>(word: &str, names: &[&'a str]) -> Vec<&'a str> {
    let begun = names.iter().filter(|name| word.len() >= BEGUN && name.starts_with(word));
    let begun: Vec<_> = begun.copied().collect();
    if (1..=MOST).contains(&begun.len()) {
        return begun;
    }
    let mut near = near(word, names.iter().copied());
    near.truncate(MOST);
    near
}

/// clap's tip for an option or a value that was written so, in our form; it names the best last, and some that share hardly a letter.
pub(crate) fn tip(tip: &str, wrong: &str) -> Option<String> {
    if let Some((_, example)) = tip.split_once("as a value, use ") {
        let example = example.trim_matches('\'');
        return Some(format!("options of a program itself come after `--`: `{example}`"));
    }
    let words: Vec<_> = similar_in(tip).filter(|word| is_near(word, wrong)).collect();
    meant(&words.into_iter().rev().take(MOST).collect::<Vec<_>>())
}

/// What a tip of clap's names that is like nothing that was written.
pub(crate) fn far<'a>(tip: &'a str, wrong: &str) -> Vec<&'a str> {
    similar_in(tip).filter(|word| !is_near(word, wrong)).collect()
}

fn similar_in(tip: &str) -> impl Iterator<Item = &str> {
    let words = tip.split_once("similar ").and_then(|(_, rest)| rest.split_once(": "));
    let words = words.map_or("", |(_, words)| words).split(',');
    words.map(|word| word.trim_matches([' ', '\''])).filter(|word| !word.is_empty())
}

fn is_near(word: &str, wrong: &str) -> bool {
    !near(wrong, [word].into_iter()).is_empty()
}

/// What the standard library says of a bad number, in words for people.
const NUMBERS: [(&str, &str); 4] = [
    ("invalid digit found in string", "it is no whole number"),
    ("cannot parse integer from empty string", "it is no whole number"),
    ("number too large to fit in target type", "it is too large"),
    ("invalid float literal", "it is no number"),
];

/// A line of clap's with these words.
pub(crate) fn plain(line: &str) -> String {
    let known = NUMBERS.iter().find_map(|(theirs, ours)| Some((line.strip_suffix(theirs)?, ours)));
    known.map_or_else(|| line.to_owned(), |(line, ours)| format!("{line}{ours}"))
}

fn meant(words: &[&str]) -> Option<String> {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    (!words.is_empty()).then(|| format!("did you mean {}?", words.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_command_and_nothing_else_does() {
        for (word, hint) in [
            ("strat", Some("did you mean `start`?")),
            ("startt", Some("did you mean `start`?")),
            ("stat", Some("did you mean `status`?")),
            ("remove", Some("did you mean `delete`?")),
            ("rm", Some("did you mean `delete`?")),
            ("tail", Some("did you mean `logs`?")),
            ("ls-all", Some("did you mean `list`?")),
            ("version", Some("did you mean `--version`?")),
            ("lst", Some("did you mean `list`?")),
            ("delte", Some("did you mean `delete`?")),
            ("monitt", Some("did you mean `monit`?")),
            ("rstart", Some("did you mean `restart` or `start`?")),
            ("mon", Some("did you mean `monit`?")),
            ("resu", Some("did you mean `resurrect`?")),
            ("guardia", None),
            ("xyzzy", None),
            ("re", None),
            ("", None),
        ] {
            let found = command(word);
            let found =
                found.map(|found| found.replace("`start` or `restart`", "`restart` or `start`"));
            assert_eq!(found.as_deref(), hint, "{word}");
        }
    }

    #[test]
    fn bad_numbers_are_told_in_words() {
        for (text, told) in
            [("abc", "it is no whole number"), ("99999999999999999999999", "it is too large")]
        {
            let error = text.parse::<usize>().unwrap_err();
            assert_eq!(plain(&format!("bad: {error}")), format!("bad: {told}"));
        }
        assert_eq!(plain("bad: x"), "bad: x");
    }

    #[test]
    fn the_tips_of_the_grammar_take_our_form() {
        let one = "a similar argument exists: '--name'";
        assert_eq!(tip(one, "--nmae").unwrap(), "did you mean `--name`?");
        let more = "some similar arguments exist: '--gid', '--bond', '--bin'";
        assert_eq!(tip(more, "--bind").unwrap(), "did you mean `--bin` or `--bond`?");
        assert_eq!(tip("a similar argument exists: '--gid'", "--bind"), None);
        let own = tip("to pass '--x' as a value, use '-- --x'", "--x").unwrap();
        assert_eq!(own, "options of a program itself come after `--`: `-- --x`");
    }
}
