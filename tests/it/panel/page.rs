//! What can be told of the page by reading it: its words, what it never does, where its parts of others come from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::comparisons::names_tests_that_are_there;

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/pm-web/assets")
}

/// Our own scripts: name and text.
fn scripts() -> Vec<(String, String)> {
    let all = fs::read_dir(assets()).unwrap().map(|entry| entry.unwrap().path());
    let own = all.filter(|path| path.extension().is_some_and(|end| end == "js"));
    own.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    })
    .collect()
}

fn words(language: &str) -> BTreeMap<String, String> {
    let file = assets().join("words").join(language).with_extension("json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// What stands in braces: values that are put in.
fn values(text: &str) -> Vec<&str> {
    let mut all: Vec<_> =
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    all.sort_unstable();
    all
}

#[test]
fn both_languages_have_all_words() {
    let (en, zh) = (words("en"), words("zh"));
    assert!(en.keys().eq(zh.keys()), "{:?}", en.keys().zip(zh.keys()).find(|(a, b)| a != b));
    for (key, text) in &en {
        assert!(!text.is_empty() && !zh[key].is_empty(), "{key} is empty");
        assert_eq!(values(text), values(&zh[key]), "{key}");
    }
    for (name, text) in scripts() {
        for mark in [" t(\"", "{t(\""] {
            for key in text.split(mark).skip(1).filter_map(|said| said.split('"').next()) {
                let is_there = en.contains_key(key) || en.contains_key(&format!("{key}.other"));
                assert!(is_there, "{name}: nobody wrote words for {key}");
            }
        }
    }
}

#[test]
fn no_text_stands_in_the_code() {
    for (name, text) in scripts() {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let is_foreign = line.chars().any(|letter| ('\u{2e80}'..='\u{ffef}').contains(&letter));
            assert!(!is_foreign, "{name}: {line}");
            for part in line.split('>').skip(1).filter_map(|rest| rest.split_once('<')) {
                let text = part.0.trim();
                let is_text = text.starts_with(|first: char| first.is_ascii_alphabetic())
                    && !text.contains(['$', '{', '(', '=', '`', '.']);
                // What is typed in a shell, and our own name.
                assert!(!is_text || ["pm", "pm web link"].contains(&text), "{name}: {text}");
            }
        }
    }
}

#[test]
fn markup_of_others_is_never_made_and_nothing_is_evaluated() {
    const NEVER: [&str; 12] = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "unsafeHTML",
        "unsafeSVG",
        "createContextualFragment",
        "srcdoc",
        "setAttribute(\"on",
        "document.cookie",
    ];
    for (name, text) in scripts() {
        for word in NEVER {
            assert!(!text.contains(word), "{name} has {word}");
        }
        assert!(text.starts_with("// "), "{name} does not say what it is for");
        assert!(text.lines().count() <= 400, "{name} is too long");
    }
    let page = fs::read_to_string(assets().join("index.html")).unwrap();
    for word in ["<style", " style=", " onload=", "http:", "https:"] {
        assert!(!page.contains(word), "index.html has {word}");
    }
    // All scripts are files: what is inline would not run.
    assert!(
        page.split("<script").skip(1).all(|rest| rest.split('>').next().unwrap().contains(" src="))
    );
}

#[test]
fn the_page_of_the_panel_names_tests_that_are_there() {
    names_tests_that_are_there("panel.md");
}

#[test]
fn what_others_wrote_is_as_they_published_it() {
    let parts: [(&str, &[&str]); 2] = [
        (
            "lit",
            &[
                "lit-html.js",
                "directive.js",
                "directive-helpers.js",
                "directives/repeat.js",
                "LICENSE",
            ],
        ),
        ("uplot", &["uPlot.js", "uPlot.css", "LICENSE"]),
    ];
    for (part, names) in parts {
        let folder = assets().join("vendor").join(part);
        let check = Command::new("sha256sum")
            .args(["--check", "--strict", "SHA256SUMS"])
            .current_dir(&folder)
            .output();
        let check = check.unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
        let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
        for name in names {
            assert!(sums.contains(&format!("  {name}\n")), "{name} has no sum");
        }
    }
}
