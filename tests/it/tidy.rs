//! The house kept in order: who may know whom, how long files may be, what is never written, where `unsafe` lives, that
//! what the docs point to is there, and that each law has a test. `docs/architecture.md` says why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::made::root;

mod census;
mod pages;

/// Who may name whom: a crate of ours, those of ours it may name, those of others. Each line of a manifest says what
/// it is for; a new arrow is a decision and belongs here and into `docs/architecture.md`.
const ARROWS: [(&str, &str, &str); 24] = [
    ("pm-spec", "", "serde thiserror"),
    ("pm-core", "pm-spec", "serde"),
    (
        "pm-config",
        "pm-spec pm-triggers",
        "serde serde_json json5 toml serde-saphyr granit-parser rquickjs rustix strsim percent-encoding thiserror",
    ),
    ("pm-triggers", "pm-spec", "croner jiff fast-glob regex-lite thiserror"),
    ("pm-protocol", "pm-spec", "serde serde_json memchr rustix thiserror"),
    ("pm-client", "pm-spec pm-protocol pm-logs", "serde_json interprocess rustix thiserror"),
    ("pm-os", "", "rustix libc landlock seccompiler sysinfo thiserror"),
    ("pm-guardian", "pm-os", "rustix libc thiserror"),
    ("pm-node", "pm-os", "rustix serde_json thiserror"),
    ("pm-logs", "", "rustix memchr chrono flate2 thiserror"),
    ("pm-probe", "pm-spec", "httparse tokio"),
    (
        "pm-daemon",
        "pm-spec pm-core pm-triggers pm-os pm-guardian pm-node pm-logs pm-probe pm-protocol",
        "tokio serde serde_json chrono rustix thiserror",
    ),
    (
        "pm-tui",
        "pm-spec pm-protocol pm-client pm-logs",
        "ratatui crossterm chrono rustix signal-hook thiserror",
    ),
    (
        "pm-serve",
        "pm-http",
        "hyper httpdate percent-encoding base64 constant_time_eq tokio rustix thiserror",
    ),
    (
        "pm-web",
        "pm-http pm-spec pm-protocol pm-client pm-logs",
        "hyper percent-encoding argon2 base64 blake2 chrono hmac sha2 flate2 memchr regex-lite tokio serde serde_json rustix thiserror",
    ),
    (
        "pm-xmlrpc",
        "pm-http",
        "hyper roxmltree base64 constant_time_eq percent-encoding sha1_smol tokio thiserror",
    ),
    ("pm-http", "", "hyper rustix hyper-util tokio-io-timeout tokio"),
    ("pm-scout", "", "serde serde_json toml rustix thiserror"),
    // Its tests read back with pm-config what it wrote.
    ("pm-export", "pm-spec pm-config", "serde_json serde-saphyr"),
    ("pm-pm2", "pm-spec pm-config pm-protocol", "clap serde serde_json thiserror"),
    (
        "pm",
        "pm-spec pm-config pm-export pm-pm2 pm-protocol pm-client pm-tui pm-serve pm-web pm-xmlrpc pm-scout pm-daemon pm-guardian pm-os pm-logs",
        "clap serde serde_json memchr chrono regex-lite rustix sha2 signal-hook unicode-width",
    ),
    ("pm-testkit", "pm-spec pm-protocol pm-client", "tempfile serde_json rustix nix"),
    ("pm-fixture", "", "rustix libc"),
    ("pm-fuzz", "", ""),
];

/// What tests may name besides.
const FOR_TESTS: &str = "clap_mangen pm-testkit pm-fuzz tempfile insta proptest serde_json rustix";

/// Files that are one table or one list of cases and would not be clearer in two.
const LONG: [&str; 0] = [];

/// Lines of a file before its tests, and with them.
const LONGEST: (usize, usize) = (400, 700);

/// Names that say nothing (house, words).
const BANNED: [&str; 9] =
    ["Process", "Manager", "Handler", "Service", "Util", "Helper", "Info", "Data", "Context"];

/// Where `unsafe` may be, and in how many places at most.
const UNSAFE: [(&str, usize); 4] = [
    ("crates/pm-os/", 40),
    ("crates/pm-guardian/", 20),
    ("crates/pm-fixture/", 4),
    ("crates/pm-fuzz/", 10),
];

/// All files below our folders with this ending: path from the root, and text.
pub(crate) fn files(ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = ["src", "crates", "tests", "docs", "benches", "book"]
        .map(|name| root().join(name))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("_tests.rs")
        || path.ends_with("/tests.rs")
}

/// The lines of a file up to its tests.
fn before_tests(text: &str) -> usize {
    text.lines().take_while(|line| line.trim_start() != "#[cfg(test)]").count()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

/// What cargo answers to these words.
fn cargo(words: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(cargo).args(words).arg("--offline").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages of the workspace as cargo sees them.
fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// A feature that only a test asks for makes `cargo test` compile anew what `cargo build` has compiled, and all that
/// stands on it.
#[test]
fn tests_ask_for_no_feature_that_the_programs_lack() {
    let features = |words: &[&str]| -> BTreeSet<String> {
        let tree = cargo(&[&["tree", "--prefix", "none", "-f", "{p} has {f}"], words].concat());
        tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    };
    let name = |line: &str| line.split(' ').next().map(str::to_owned);
    // What only the tools of tests stand on may be what it likes.
    let ours: BTreeSet<_> =
        features(&["-p", "pm", "-e", "normal,build"]).iter().map(|it| name(it)).collect();
    let built = features(&["--workspace", "-e", "normal,build"]);
    let tested = features(&["--workspace", "-e", "normal,build,dev"]);
    let twice: Vec<_> =
        built.difference(&tested).filter(|line| ours.contains(&name(line))).collect();
    assert!(
        twice.is_empty(),
        "with tests these have further features; ask for them in Cargo.toml of the workspace: {twice:#?}"
    );
}

#[test]
fn law1_who_may_know_whom() {
    let packages = packages();
    let names: BTreeSet<_> = packages.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ARROWS.iter().map(|(name, ..)| *name).collect(), "the table is incomplete");
    let mut wrong = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let (_, ours, others) = ARROWS.iter().find(|(known, ..)| *known == name).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            let is_for_tests = dependency["kind"] == "dev" && words(FOR_TESTS).contains(to);
            if !words(ours).contains(to) && !words(others).contains(to) && !is_for_tests {
                wrong.push(format!("{name} -> {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that docs/architecture.md does not know: {wrong:?}");
    let both = ["pm-core", "pm-os"].map(|to| {
        let names = ARROWS.iter().filter(|(_, ours, _)| words(ours).contains(to));
        names.map(|(name, ..)| *name).collect::<BTreeSet<_>>()
    });
    let both: Vec<_> = both[0].intersection(&both[1]).collect();
    assert_eq!(both, [&"pm-daemon"], "law 1: who sees the core and the OS crate");
}

#[test]
fn law1_the_command_line_names_the_daemon_in_one_place() {
    for (path, text) in files(".rs").iter().filter(|(path, _)| path.starts_with("src/")) {
        for half in ["daemon", "guardian"] {
            let own = format!("src/commands/{half}.rs");
            let names = text.contains(&format!("pm_{half}"));
            assert!(!names || *path == own, "{path} names the {half}");
        }
    }
}

#[test]
fn law2_state_has_one_owner_and_no_lock() {
    for (path, text) in files(".rs").iter().filter(|(path, _)| path.contains("src/")) {
        for word in ["Mutex", "RwLock", "lazy_static", "static mut", "OnceLock<"] {
            let line = text
                .lines()
                .find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            assert!(line.is_none(), "{path}: {}", line.unwrap_or_default());
        }
    }
}

#[test]
fn law3_the_loop_awaits_in_one_place() {
    let sources = files(".rs");
    let reactor = &sources["crates/pm-daemon/src/reactor.rs"];
    let turn = reactor.split("async fn turn(").nth(1).expect("the loop's turn");
    let turn = turn.split("\n    }\n").next().unwrap();
    let selects = [reactor.as_str(), turn].map(|text| text.matches("tokio::select!").count());
    assert_eq!(selects, [1, 1], "one place where the loop waits");
    let awaits = turn.matches(".await").count();
    assert_eq!(
        awaits, 2,
        "in its turn it waits for the alarm, if there is one, and for nothing outside `select!`"
    );
    // Everything that runs in the loop: what is no task, thread or connection of its own.
    let own = [
        "server",
        "signals",
        "spawner",
        "trees",
        "watcher",
        "preflight",
        "handover",
        "inquiries/",
        "short_command",
        "notices",
        "preparation",
        "staged_commands",
    ];
    let loops = sources.iter().filter(|(path, _)| {
        path.starts_with("crates/pm-daemon/src/") && !own.iter().any(|name| path.contains(name))
    });
    let (mut waiting, mut blocking) = (Vec::new(), Vec::new());
    for (path, text) in loops {
        for line in text.lines().take(before_tests(text)) {
            let line = line.trim_start();
            if let Some((_, name)) = line.split_once("async fn ") {
                waiting.push(name.split('(').next().unwrap());
            } else if line.contains("async {") || line.contains("async move {") {
                let is_task = ["tokio::spawn(", "block_on(", "let sleep = "];
                assert!(is_task.iter().any(|task| line.contains(task)), "{path}: {line}");
            }
            let waits = [
                ".blocking_recv(",
                "exchange.copies(",
                "log_writer.reconfigure(",
                "log_writer.flush(",
            ];
            if waits.iter().any(|call| line.contains(call)) {
                blocking.push(line);
            }
        }
    }
    assert_eq!(
        waiting,
        ["turn", "end", "rings"],
        "who may wait: the loop, and nobody once it runs"
    );
    // The one when the loop has ended, the other on a thread of its own.
    let known = ["let copies = exchange.copies();", "log_writer.flush(logs, Box::new(done));"];
    assert_eq!(blocking, known);
}

#[test]
fn p36_no_clock_is_asked_where_decisions_are_made() {
    for (path, text) in files(".rs") {
        let is_core =
            path.starts_with("crates/pm-core/src") || path.starts_with("crates/pm-spec/src");
        let is_daemon = path.starts_with("crates/pm-daemon/src") && !path.ends_with("/clock.rs");
        if is_core {
            for word in ["Instant", "SystemTime", "std::", "chrono"] {
                let line = text
                    .lines()
                    .take(before_tests(&text))
                    .find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
                assert!(line.is_none(), "{path}: {}", line.unwrap_or_default());
            }
        }
        assert!(!is_daemon || !text.contains("SystemTime"), "{path} asks the wall clock");
    }
    for name in ["core", "spec"] {
        let library =
            fs::read_to_string(root().join(format!("crates/pm-{name}/src/lib.rs"))).unwrap();
        let has_none = ["#![no_std]", "#![cfg_attr(not(test), no_std)]"];
        assert!(has_none.iter().any(|it| library.contains(it)), "pm-{name} has a clock at hand");
    }
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for (path, text) in files(".rs") {
        let (all, own) = (text.lines().count(), before_tests(&text));
        let limit = if is_test(&path) { LONGEST.1 } else { LONGEST.0 };
        if (own > limit || all > LONGEST.1) && !LONG.contains(&path.as_str()) {
            long.push(format!("{path}: {own} lines before tests, {all} with"));
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn libraries_begin_with_docs_and_hold_no_code() {
    for (path, text) in files(".rs").iter().filter(|(path, _)| path.ends_with("src/lib.rs")) {
        assert!(text.starts_with("//! "), "{path} does not say what it is for");
        for word in ["fn ", "struct ", "enum ", "impl ", "trait "] {
            let line = text
                .lines()
                .find(|line| line.starts_with(word) || line.starts_with(&format!("pub {word}")));
            assert!(line.is_none(), "{path}: {}", line.unwrap_or_default());
        }
    }
    for (path, text) in files(".rs") {
        assert!(text.starts_with("//! "), "{path} does not say what it is for");
    }
}

#[test]
fn what_is_banned_is_absent() {
    // Put together, so that this file does not find itself.
    let never = [
        format!("thread::{}", "sleep"),
        format!("TO{}", "DO"),
        format!("FIX{}", "ME"),
        format!("un{}!", "implemented"),
        format!("std::process::{}", "exit"),
    ];
    for (path, text) in files(".rs") {
        for word in &never {
            assert!(!text.contains(word.as_str()), "{path} has {word}");
        }
        // Associated types have the names their traits give them.
        let own: Vec<_> = text.lines().filter(|line| !line.starts_with("    type ")).collect();
        let text = own.join("\n");
        for kind in ["struct", "enum", "trait", "type"] {
            for name in BANNED {
                for end in [" ", "<", ";", "(", "\n"] {
                    let found = text.contains(&format!("{kind} {name}{end}"));
                    assert!(!found, "{path}: {kind} {name} says nothing");
                }
            }
        }
    }
}

#[test]
fn unsafe_lives_where_it_may() {
    let forms = ["{", "fn ", "impl ", "extern "].map(|what| format!("unsafe {what}"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, text) in files(".rs") {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let count =
            code.filter(|line| forms.iter().any(|form| line.contains(form.as_str()))).count();
        if count > 0 && path != file!() {
            let home = UNSAFE.iter().find(|(home, _)| path.starts_with(home));
            let Some((home, _)) = home else { panic!("{path} is unsafe {count} times") };
            *counts.entry(home).or_default() += count;
        }
    }
    for (home, most) in UNSAFE {
        let count = counts.get(home).copied().unwrap_or(0);
        assert!(count <= most, "{home} is unsafe {count} times, more than {most}");
    }
    for (path, text) in files(".rs").iter().filter(|(path, _)| path.ends_with("src/lib.rs")) {
        let may = UNSAFE.iter().any(|(home, _)| path.starts_with(home));
        assert!(may || text.contains("#![forbid(unsafe_code)]"), "{path} does not forbid it");
    }
}

#[test]
fn what_the_docs_point_to_is_there() {
    let mut pages = files(".md");
    for name in ["README.md", "README.zh.md", "CHANGELOG.md"] {
        pages.insert(name.into(), fs::read_to_string(root().join(name)).unwrap());
    }
    for (page, text) in pages {
        let folder = root().join(&page).parent().unwrap().to_path_buf();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let path = target.split(['#', ' ']).next().unwrap();
            assert!(folder.join(path).exists(), "{page} points to {path}, which is not there");
        }
    }
}

#[test]
fn architecture_names_every_crate_and_every_law() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    for (name, ..) in ARROWS.iter().filter(|(name, ..)| *name != "pm") {
        assert!(page.contains(&format!("`{name}`")), "{name} is missing");
    }
    for law in 1..=7 {
        assert!(page.contains(&format!("\n{law}. **")), "law {law} is missing");
    }
}

#[test]
fn each_law_has_a_test() {
    let tests = files(".rs");
    for law in 1..=7 {
        let name = format!("fn law{law}_");
        let tested = tests.iter().any(|(path, text)| is_test(path) && text.contains(&name));
        assert!(tested, "no test is called law{law}_...");
    }
}
