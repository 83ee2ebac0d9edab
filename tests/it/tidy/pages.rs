//! What of the docs is made from the code: the diagram of crates, from the table of arrows, and the map of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::{ARROWS, files, is_test, words};
use crate::made::{current, root};

/// Where the diagram stands in the page.
const DIAGRAM: (&str, &str) =
    ("<!-- made from the table of arrows in tests/it/tidy.rs -->\n```\n", "```\n");

/// How far up a crate stands: above all that it may name.
fn level(name: &str) -> usize {
    let (_, ours, _) = ARROWS.iter().find(|(known, ..)| *known == name).unwrap();
    words(ours).iter().map(|below| level(below) + 1).max().unwrap_or(0)
}

#[test]
fn the_diagram_is_made_from_the_table() {
    let mut floors: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for (name, ours, _) in ARROWS {
        floors.entry(level(name)).or_default().push((name, ours));
    }
    let mut made = String::new();
    for (floor, crates) in floors.iter().rev() {
        for (name, ours) in crates {
            let line = if ours.is_empty() {
                format!("{floor}  {name}")
            } else {
                format!(
                    "{floor}  {name:<12} ─► {}",
                    words(ours).into_iter().collect::<Vec<_>>().join(" ")
                )
            };
            made += &line;
            made.push('\n');
        }
    }
    let name = "docs/architecture.md";
    let page = fs::read_to_string(root().join(name)).unwrap();
    let (before, rest) = page.split_once(DIAGRAM.0).expect("the page has a place for it");
    let (_, after) = rest.split_once(DIAGRAM.1).expect("the diagram ends");
    current(name, &[before, DIAGRAM.0, &made, DIAGRAM.1, after].concat());
}

/// The first sentence that a file says of itself.
fn purpose(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let first: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let all = first.join(" ");
    let end = all.match_indices(". ").map(|(at, _)| at + 1).next().unwrap_or(all.len());
    all[..end].replace('|', "\\|")
}

#[test]
fn the_map_of_files_is_current() {
    let mut page = String::from(
        "# Map of files\n\n\
         Made from the first sentence of each file; [architecture.md](architecture.md) says how they belong together.\n",
    );
    let mut room = String::new();
    for (path, text) in files(".rs") {
        let Some((folder, file)) = path.split_once("src/").filter(|_| !is_test(&path)) else {
            continue;
        };
        if room != folder {
            room = folder.to_string();
            let shown = if folder.is_empty() { "src/" } else { folder };
            page.extend(["\n## ", shown, "\n\n| file | what it is for |\n|---|---|\n"]);
        }
        let purpose = purpose(&text);
        assert!(!purpose.is_empty(), "{path} does not say what it is for");
        page.extend(["| [", file, "](../", &path, ") | ", &purpose, " |\n"]);
    }
    current("docs/map.md", &page);
}

/// The files that `CONTRIBUTING.md` names are there, and what it names of the code is in one of them.
#[test]
fn what_the_page_for_contributors_names_is_there() {
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let prose = page.split("```").step_by(2).collect::<String>();
    let words: Vec<_> = prose.split('`').skip(1).step_by(2).collect();
    let all = files(".rs");
    let mut text = String::new();
    for name in words.iter().filter(|word| word.ends_with(".rs") && !word.contains("NAME")) {
        let named =
            all.iter().filter(|(path, _)| format!("/{path}").ends_with(&format!("/{name}")));
        let named: Vec<_> = named.map(|(_, text)| text.as_str()).collect();
        assert!(!named.is_empty(), "there is no file {name}");
        text += &named.concat();
    }
    let is_code = |word: &&str| {
        let is_name = word.trim_end_matches('!').chars().all(|c| c.is_alphabetic() || c == '_');
        is_name && word.contains(|c: char| c == '_' || c == '!' || c.is_uppercase())
    };
    let is_letter = |c: char| c.is_alphanumeric() || c == '_' || c == '!';
    let known: BTreeSet<_> = text.split(|c| !is_letter(c)).collect();
    let is_there = |word: &str| known.contains(word) || known.contains(word.trim_end_matches('!'));
    let code = words
        .iter()
        .filter_map(|word| word.rsplit("::").next())
        .filter(is_code)
        .filter(|word| *word != "PM_BLESS");
    let odd: Vec<_> = code.filter(|word| !is_there(word)).collect();
    assert!(odd.is_empty(), "no file that CONTRIBUTING.md names has {odd:?}");
}
