//! The table of texts is whole, each of them is said, and each finds its own code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use clap::CommandFactory;

use super::*;
use crate::cli::Cli;

/// What others say, whose texts are not in our tree.
const OTHERS: [&str; 2] = ["os.", "clap."];

fn table() -> WordTable {
    WordTable::read(TEXTS)
}

fn gaps(text: &'static str) -> BTreeSet<&'static str> {
    pieces(text).map(|(_, gap)| gap).filter(|gap| !gap.is_empty()).collect()
}

/// A text as it may come: numbers in all gaps, or words in those that take them.
fn filled(text: &'static str, word: &str) -> String {
    let mut filled = String::new();
    for (before, gap) in pieces(text) {
        let value = if NUMBERS.contains(&gap) { "7" } else { word };
        filled.extend([before, if gap.is_empty() { "" } else { value }]);
    }
    filled
}

#[test]
fn each_code_is_there_once_in_both_languages_with_the_same_gaps() {
    let table = table();
    let lines = TEXTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let begins: Vec<_> = lines.map(|line| !line.starts_with("  ")).collect();
    assert!(begins.chunks(3).all(|three| three == [true, false, false]), "three lines for each");
    let codes: BTreeSet<_> = table.0.iter().map(|one| one.code).collect();
    assert_eq!(codes.len(), table.0.len(), "a code is there twice");
    for one in &table.0 {
        assert_eq!(gaps(one.english), gaps(one.chinese), "{}", one.code);
        let is_chinese = one.chinese.chars().any(|letter| letter > '\u{2e7f}');
        let is_name = ["label.cpu", "kind.bool", "usage.also.flag"];
        assert!(is_chinese || is_name.contains(&one.code), "{} is not Chinese", one.code);
    }
}

#[test]
fn each_text_finds_its_own_code() {
    let table = table();
    let taken = |one: &Phrase| {
        let (found, _) = table.find(&filled(one.english, "x/y")).unwrap();
        (found.code != one.code).then(|| format!("{} by {}", one.code, found.code))
    };
    let taken: Vec<_> = table.0.iter().filter_map(taken).collect();
    assert!(taken.is_empty(), "{taken:?}");
}

#[test]
fn a_code_that_the_page_has_says_the_same_there() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/pm-web/assets/words/zh.json");
    let page: BTreeMap<String, String> =
        serde_json::from_str(&fs::read_to_string(page).unwrap()).unwrap();
    let mut shared = 0;
    for one in &table().0 {
        let there = page.get(one.code).or_else(|| page.get(&format!("{}.other", one.code)));
        let Some(there) = there else { continue };
        shared += 1;
        // The page shows no backticks in some of them.
        assert_eq!(one.chinese.replace('`', ""), there.replace('`', ""), "{}", one.code);
    }
    assert!(shared > 30, "{shared}");
}

/// Every text between quotes in our sources, each gap as a number.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join("src")];
    folders.extend(
        fs::read_dir(root.join("crates")).unwrap().map(|it| it.unwrap().path().join("src")),
    );
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    let text = regex_lite::Regex::new(r#""((?:[^"\\]|\\[\s\S])*)""#).unwrap();
    let more = regex_lite::Regex::new(r"\\\n\s*").unwrap();
    let gap = regex_lite::Regex::new(r"\{[^{}]*\}").unwrap();
    let mut all = Vec::new();
    for file in &files {
        let code =
            file.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().replace("'\"'", "''");
        for line in text.captures_iter(&code) {
            let line = more.replace_all(&line[1], "").replace("\\\"", "\"");
            let line = line.trim_end_matches("\\n").replace("{{", "(").replace("}}", ")");
            all.push(gap.replace_all(&line, "7").into_owned());
        }
    }
    all
}

/// Of what is put together from several texts each has these words.
fn parts(text: &'static str) -> impl Iterator<Item = &'static str> {
    let text = text.strip_prefix("could not ").unwrap_or(text);
    let parts = pieces(text).flat_map(|(piece, _)| piece.split([':', ';', ',', '(', ')', '`']));
    parts.map(str::trim).filter(|part| part.len() > 3)
}

/// What the help says: commands and options, and what stands above them.
fn help(command: &clap::Command, texts: &mut BTreeSet<String>) {
    texts.extend(command.get_about().map(ToString::to_string));
    for arg in command.get_arguments() {
        texts.extend(arg.get_help().map(ToString::to_string));
        texts.extend(arg.get_help_heading().map(|it| format!("{it}:")));
    }
    command.get_subcommands().for_each(|one| help(one, texts));
}

#[test]
fn each_code_is_of_a_text_that_is_said() {
    let sources = sources();
    let mut all = Cli::command();
    all.build();
    let mut helps = BTreeSet::new();
    help(&all, &mut helps);
    let all_texts = sources.join("\n");
    let is_said = |one: &&Phrase| {
        let is_other = OTHERS.iter().any(|other| one.code.starts_with(other));
        // What is put together of many texts has its words in them.
        let is_made = one.code.starts_with("made.") && {
            let words = one.english.split(|letter: char| !letter.is_ascii_alphabetic());
            words.filter(|word| word.len() > 4).all(|word| all_texts.contains(word))
        };
        is_other
            || is_made
            || helps.contains(one.english)
            || sources.iter().any(|text| one.gaps(text).is_some())
            || parts(one.english).all(|part| all_texts.contains(part))
    };
    let table = table();
    let unused: Vec<_> = table.0.iter().filter(|one| !is_said(one)).collect();
    let told: Vec<_> = unused.iter().map(|one| format!("{}: {}", one.code, one.english)).collect();
    assert!(told.is_empty(), "nobody says any more:\n{}", told.join("\n"));
}

/// What people see of the help: not what commands say of themselves that only programs or former users of PM2 type.
fn seen(command: &clap::Command, texts: &mut BTreeSet<String>) {
    texts.extend(command.get_about().map(ToString::to_string));
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        texts.extend(arg.get_help().map(ToString::to_string));
        texts.extend(arg.get_help_heading().map(|it| format!("{it}:")));
    }
    let inner = command.get_subcommands().filter(|one| !one.is_hide_set());
    inner.for_each(|one| seen(one, texts));
}

#[test]
fn all_of_the_help_is_told_in_chinese() {
    let table = table();
    let mut all = Cli::command();
    all.build();
    let mut texts: BTreeSet<_> =
        crate::cli::COMMANDS.iter().map(|it| format!("{}:", it.0)).collect();
    seen(&all, &mut texts);
    let has = |text: &str| table.0.iter().any(|one| one.english == text);
    let untold: Vec<_> = texts.iter().filter(|text| !has(text)).collect();
    assert!(untold.is_empty(), "{untold:#?}");
}

#[test]
fn what_stands_in_gaps_is_kept_and_sentences_are_said() {
    let table = table();
    for (english, chinese) in [
        ("exited with code 3", "退出码 3"),
        (
            "gave up after 16 short runs in a row; the last one killed by SIGSEGV, core dumped",
            "连续 16 次很快退出，已放弃重启；最后一次：被 SIGSEGV 终止（已转储核心）",
        ),
        ("waits 3 s: 2 failures in a row", "3 s 后重启：连续失败 2 次"),
        ("no app matches `started`", "没有应用匹配 `started`"),
        ("could not read /a b: Permission denied", "无法读取 /a b：权限不够"),
    ] {
        assert_eq!(table.say(english).as_deref(), Some(chinese));
    }
    assert_eq!(table.say("what nobody ever said"), None);
    assert_eq!(table.say("exited with code x"), None);
    assert_eq!(table.say("Codes after which it stays"), None, "that is no end, and no span");
    let talk = "a.json5:1:2: error: unknown key `x`; it is ignored\n  1 | x\n  hint: did you mean `y`?\nerror: no app matches `x`\n  hint: of an app";
    assert_eq!(
        table.talk(talk),
        "a.json5:1:2: error: 未知的键 `x`；已忽略\n  1 | x\n  hint: 您是想写 `y` 吗？\n错误：没有应用匹配 `x`\n  hint: of an app"
    );
}

#[test]
fn the_setting_comes_first_then_the_environment_as_posix_orders_it() {
    let of = |setting: Option<&str>, said: &[(&str, &str)]| {
        is_chinese(setting, |name| {
            said.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    };
    assert!(of(None, &[("LANG", "zh_CN.UTF-8")]));
    for zh in ["zh", "zh_TW", "zh_CN.utf8", "zh_HK.UTF-8@x", "zh.UTF-8"] {
        assert!(of(None, &[("LANG", zh)]), "{zh}");
    }
    for other in ["", "C", "POSIX", "C.UTF-8", "en_US.UTF-8", "zh_CN.GB18030", "zhx_CN.UTF-8"] {
        assert!(!of(None, &[("LANG", other)]), "{other}");
    }
    assert!(!of(None, &[("LC_ALL", "C"), ("LC_MESSAGES", "zh_CN"), ("LANG", "zh_CN")]));
    assert!(of(None, &[("LC_ALL", ""), ("LC_MESSAGES", "zh_CN"), ("LANG", "en_US")]));
    assert!(of(Some("zh"), &[("LC_ALL", "C")]) && !of(Some("en"), &[("LANG", "zh_CN")]));
    assert!(of(Some("auto"), &[("LANG", "zh_CN")]) && !of(Some("auto"), &[]));
    assert!(!of(None, &[]));
}
