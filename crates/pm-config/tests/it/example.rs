//! The manual by example: complete, and right on every machine that has a shell.

use std::path::{Path, PathBuf};

use pm_config::{Caller, Overrides, read, support_of, supported_keys};
use pm_spec::Environment;
use pm_spec::options::Support;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../ecosystem.example.json5")
        .canonicalize()
        .unwrap()
}

/// Somebody with a bare system, called from anywhere.
fn caller() -> Caller {
    let mut env = Environment::new();
    env.set("PATH", "/usr/bin:/bin");
    env.set("HOME", "/nonexistent");
    Caller::new("/".into(), env, "/nonexistent/.pm".into())
}

#[test]
fn the_example_runs_everywhere_without_a_warning() {
    let overrides = Overrides { strict: true, ..Overrides::default() };
    let ecosystem = read::load(&file(), &caller(), &overrides).unwrap_or_else(|d| panic!("{d}"));
    let warnings: Vec<_> = ecosystem.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    assert!(ecosystem.apps.len() > 2);
    for app in &ecosystem.apps {
        assert_eq!(app.user, None, "{} needs root", app.name);
    }
}

#[test]
fn a_profile_of_the_example_works_too() {
    let overrides =
        Overrides { env_name: Some("production".into()), strict: true, ..Overrides::default() };
    let ecosystem = read::load(&file(), &caller(), &overrides).unwrap_or_else(|d| panic!("{d}"));
    assert!(ecosystem.apps.iter().any(|app| app.name.as_str().ends_with("-production")));
}

#[test]
fn the_example_shows_every_key_and_says_what_it_is() {
    let text = std::fs::read_to_string(file()).unwrap();
    for key in supported_keys() {
        // What needs root or another user stands there as a comment.
        let shows = |line: &&str| {
            let line = line.trim_start().trim_start_matches("// ");
            line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'))
        };
        let comment = |line: &str| line.rsplit_once(" // ").map_or(0, |(_, text)| text.len());
        let lines: Vec<&str> = text.lines().filter(shows).collect();
        assert!(!lines.is_empty(), "{key} is not shown");
        assert!(lines.iter().any(|line| comment(line) > 10), "{key} is not explained: {lines:?}");
    }
    assert!(text.contains("env_production:"));
}

#[test]
fn the_example_shows_no_key_that_does_nothing() {
    let text = std::fs::read_to_string(file()).unwrap();
    let (apps, _) = text.split_once("\n  alerts: {").unwrap();
    let keys = apps.lines().filter_map(|line| {
        let line = line.strip_prefix("      ")?.trim_start_matches("// ");
        line.split_once(": ").map(|(key, _)| key)
    });
    let plain =
        |key: &&str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    for key in keys.filter(plain).filter(|key| !key.starts_with("env_")) {
        assert_eq!(support_of(key), Some(Support::Full), "{key}");
    }
}
