//! The census walked: each entry has its row, each row its proof, the program's grammar takes each name, and PM2 itself
//! knows no name that the census lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::page::{self, Row};
use super::tool::{Tool, real_pm2};

/// Headings of `docs/pm2.md` and what of the census stands below them.
const SECTIONS: [(&str, &str); 17] = [
    ("Commands", "commands"),
    ("startup", "startup"),
    ("Programs", "programs"),
    ("Options of all commands", "options"),
    ("Attributes", "attributes"),
    ("Config files", "config forms"),
    ("Selectors", "selectors"),
    ("Home", "home"),
    ("Paths", "paths"),
    ("Knobs", "knobs"),
    ("Environment of apps", "environment"),
    ("Signals to the daemon", "signals"),
    ("Keys of jlist", "jlist"),
    ("Lines of describe", "describe"),
    ("pm2-runtime", "runtime"),
    ("pm2-dev", "dev"),
    ("deploy", "deploy"),
];

pub(super) fn census() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pm2/census.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn words(value: &Value) -> Vec<String> {
    list(value).iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// All names of an entry, as a row must show them.
fn names(entry: &Value) -> String {
    entry.as_str().map_or_else(|| words(&entry["names"]).join(" "), str::to_owned)
}

/// Heading and entry, all there are.
fn entries() -> BTreeSet<(String, String)> {
    let census = census();
    let mut all = BTreeSet::new();
    for (heading, key) in SECTIONS {
        all.extend(list(&census[key]).iter().map(|entry| (heading.to_owned(), names(entry))));
    }
    for command in list(&census["commands"]) {
        let name = words(&command["names"])[0].clone();
        let options = words(&command["options"]);
        let flags = options.iter().filter_map(|option| option.split(' ').next());
        let flags = flags.map(|flag| format!("{name} {flag}"));
        all.extend(flags.map(|entry| ("Options of single commands".to_owned(), entry)));
    }
    all
}

fn key(row: &Row) -> (String, String) {
    (row.section.clone(), row.names.join(" "))
}

#[test]
fn every_entry_of_the_census_has_exactly_one_row() {
    let mut seen = BTreeSet::new();
    for row in page::rows() {
        assert!(seen.insert(key(&row)), "docs/pm2.md has {:?} twice", key(&row));
    }
    let entries = entries();
    let missing: Vec<_> = entries.difference(&seen).collect();
    let unknown: Vec<_> = seen.difference(&entries).collect();
    assert!(missing.is_empty(), "docs/pm2.md lacks {missing:?}");
    assert!(unknown.is_empty(), "docs/pm2.md has what the census has not: {unknown:?}");
}

/// Names of functions that are tests, or scenarios of a test.
fn proofs() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = ["src", "tests", "crates"].map(|name| root.join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                collect(&fs::read_to_string(path).unwrap(), &mut found);
            }
        }
    }
    found
}

fn collect(text: &str, found: &mut BTreeSet<String>) {
    for part in text.split("#[test]\n").skip(1) {
        let name = part.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
        found.extend(name.map(str::to_owned));
    }
    for part in text.split("scenarios![").skip(1) {
        let names = part.split(']').next().unwrap_or_default();
        found.extend(names.split(',').map(|name| name.trim().to_owned()));
    }
}

#[test]
fn every_row_says_how_it_is_and_what_proves_it() {
    let proofs = proofs();
    let mut wrong = Vec::new();
    for row in page::rows() {
        let (is_done, needs_note) = match row.verdict.as_str() {
            "same" => (true, false),
            "better" => (true, true),
            "not" | "not yet" => (false, true),
            _ => panic!("docs/pm2.md: {:?} is neither same, better, not nor not yet", key(&row)),
        };
        if is_done && row.tests.is_empty() {
            wrong.push(format!("{:?} has no test", key(&row)));
        }
        if needs_note && row.note.is_empty() {
            wrong.push(format!("{:?} gives no reason", key(&row)));
        }
        let unknown = row.tests.iter().filter(|test| !proofs.contains(*test));
        wrong.extend(unknown.map(|test| format!("{:?}: there is no test {test}", key(&row))));
    }
    assert!(wrong.is_empty(), "docs/pm2.md: {wrong:#?}");
}

/// Rows that promise something, by heading and names.
fn promised() -> BTreeMap<(String, String), Row> {
    let rows = page::rows().into_iter();
    rows.filter(|row| row.verdict != "not yet").map(|row| (key(&row), row)).collect()
}

/// Whether the grammar takes these words: help is shown for a line that is understood, and nothing is done. A command
/// that is not there says so in a sentence of its own.
fn refusal(tool: &Tool, line: &[String]) -> Option<String> {
    let mut line: Vec<&str> = line.iter().map(String::as_str).collect();
    line.push("--help");
    let run = tool.words(&line).run();
    let is_help = run.code == 0 && run.err.is_empty();
    let is_sentence = run.code == 1 && !run.err.contains("usage:");
    (!is_help && !is_sentence).then(|| {
        let why = run.err.lines().next().unwrap_or_default();
        format!("{}: {} {why}", line.join(" "), run.code)
    })
}

/// Both words of an option, or the one.
fn spelt(name: &str, option: &Value) -> Vec<String> {
    let value = option["value"].as_str().map(str::to_owned);
    [name.to_owned()].into_iter().chain(value).collect()
}

/// The long form in one word: where a value may be left out, a word of its own could be something else.
fn joined(option: &Value) -> String {
    let name = words(&option["names"]).pop().unwrap_or_default();
    option["value"].as_str().map_or(name.clone(), |value| format!("{name}={value}"))
}

#[test]
fn every_command_and_option_is_accepted() {
    let (tool, census, promised) = (Tool::ours(), census(), promised());
    let mut refused = Vec::new();
    let is_promised =
        |heading: &str, name: String| promised.contains_key(&(heading.to_owned(), name));
    // All of PM2's options at once, as any command takes them. `--version` would end the line.
    let options = list(&census["options"]).into_iter();
    let options = options.filter(|one| is_promised("Options of all commands", names(one)));
    let options: Vec<Value> = options.filter(|one| one["names"][0] != "-v").collect();
    let all: Vec<String> = options.iter().map(joined).collect();
    for command in list(&census["commands"]) {
        if !is_promised("Commands", names(&command)) {
            continue;
        }
        for name in words(&command["names"]) {
            let plain: Vec<String> = [name].into_iter().chain(words(&command["words"])).collect();
            refused.extend(refusal(&tool, &plain));
            refused.extend(refusal(&tool, &[plain.as_slice(), &all].concat()));
            for option in words(&command["options"]) {
                let flag = option.split(' ').next().unwrap_or_default();
                let row = format!("{} {flag}", names(&command).split(' ').next().unwrap());
                let row = promised.get(&("Options of single commands".to_owned(), row));
                if row.is_some_and(|row| row.verdict != "not") {
                    let with: Vec<String> = option.split(' ').map(str::to_owned).collect();
                    refused.extend(refusal(&tool, &[plain.as_slice(), &with].concat()));
                }
            }
        }
    }
    for option in options {
        for name in words(&option["names"]) {
            let line =
                ["start", "x.js"].map(str::to_owned).into_iter().chain(spelt(&name, &option));
            refused.extend(refusal(&tool, &line.collect::<Vec<_>>()));
        }
    }
    assert!(refused.is_empty(), "refused: {refused:#?}");
}

fn camel_case(snake: &str) -> String {
    let mut parts = snake.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        camel.extend(part.chars().take(1).map(|c| c.to_ascii_uppercase()));
        camel.extend(part.chars().skip(1));
    }
    camel
}

#[test]
fn every_attribute_is_accepted_in_every_spelling() {
    let (tool, promised) = (Tool::ours(), promised());
    tool.file("app.js", "");
    let mut refused = Vec::new();
    for attribute in list(&census()["attributes"]) {
        if !promised.contains_key(&("Attributes".to_owned(), names(&attribute))) {
            continue;
        }
        for name in words(&attribute["names"]) {
            let mut spellings = BTreeSet::from([name.clone()]);
            if name != "env_NAME" {
                spellings.insert(camel_case(&name));
            }
            for spelling in spellings {
                let mut app = json!({ "script": "app.js" });
                if names(&attribute).starts_with("script") {
                    app = json!({});
                }
                app[&spelling] = attribute["value"].clone();
                tool.file("one.json", &json!({ "apps": [app] }).to_string());
                let run = tool.call("check one.json");
                if run.code != 0 || run.err.contains("unknown") || run.out().contains("unknown") {
                    refused.push(format!("{spelling}: {}{}", run.out(), run.err));
                }
            }
        }
    }
    assert!(refused.is_empty(), "refused: {refused:#?}");
}

/// Command and option names as PM2's own help shows them.
fn of_help(text: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut commands, mut options) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
        let line = line.trim_end();
        if line.starts_with('-') {
            let names = line.split([' ', ',']).filter(|word| !word.is_empty());
            options.extend(names.take_while(|word| word.starts_with('-')).map(str::to_owned));
        } else if line.starts_with(char::is_alphabetic) {
            let word = line.split(' ').next().unwrap_or_default();
            commands.extend(word.split('|').map(str::to_owned));
        }
    }
    (commands, options)
}

#[test]
fn the_census_lacks_no_name_that_pm2_knows() {
    let (census, tool) = (census(), Tool::real());
    let of = |key: &str| -> BTreeSet<String> {
        list(&census[key]).iter().flat_map(|entry| words(&entry["names"])).collect()
    };
    let (mut commands, mut options) = of_help(&tool.call("--help").out());
    // A command without words at the margin of the help text; and what commander itself adds.
    commands.insert("completion".into());
    for own in ["-V", "-h", "--help"] {
        options.remove(own);
    }
    assert_eq!(commands, of("commands"), "commands");
    assert_eq!(options, of("options"), "options");
    let schema = real_pm2().canonicalize().unwrap();
    let schema = schema.ancestors().nth(2).unwrap().join("lib/API/schema.json");
    let read = "const s=require(process.argv[1]);const n=new Set();for(const k in s)\
                {n.add(k);[].concat(s[k].alias||[]).forEach(a=>n.add(a))};\
                console.log(JSON.stringify([...n]))";
    let done = Command::new("node").args(["-e", read]).arg(schema).output().unwrap();
    let known: Value = serde_json::from_slice(&done.stdout).unwrap();
    let mut known: BTreeSet<String> = words(&known).into_iter().collect();
    known.remove("^env_\\S*$");
    let ours = of("attributes");
    let missing: Vec<_> = known.difference(&ours).collect();
    assert!(missing.is_empty(), "attributes missing in the census: {missing:?}");
}
