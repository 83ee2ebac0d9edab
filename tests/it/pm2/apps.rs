//! What an app sees of its world, in each language: folder, arguments, environment, signals.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::{Life, Tool};

/// The environment a call gives to a tool and so to an app, and what a tool may add to it: names of interest only.
fn told(life: &Life, names: &[&str]) -> Value {
    let found = names.iter().map(|name| (name.to_string(), life.env.get(*name).cloned()));
    json!(found.collect::<BTreeMap<_, _>>())
}

/// One app of a language started, signalled and stopped.
fn language(tool: &Tool, notes: &mut Notes, file: &str) {
    tool.app(file, file);
    let words = ["start", file, "--name", "web", "--", "a", "b c", "--d=e f", "", "'q'", "$HOME"];
    let code = tool.words(&words).env("MINE", "two words").run().code;
    notes.put("code", code);
    let life = tool.wait_lives(1)[0].clone();
    notes.put("args", json!(life.args));
    notes.put("cwd", tool.neutral(&life.cwd));
    notes.put(
        "env",
        told(&life, &["MINE", "name", "pm_id", "NODE_APP_INSTANCE", "PYTHONUNBUFFERED"]),
    );
    let entry = tool.entry("web");
    notes.put("interpreter", interpreter(&entry));
    notes.put("mode", entry["pm2_env"]["exec_mode"].clone());
    notes.put("signal", tool.call("sendSignal SIGHUP web").code);
    tool.wait("the signal", || !tool.lives()[0].events.is_empty());
    notes.put("stop", tool.call("stop web").code);
    notes.put("events", json!(tool.lives()[0].events));
    for stream in ["out", "error"] {
        let path = tool.home().join(format!("logs/web-{stream}.log"));
        notes.put(stream, std::fs::read_to_string(path).unwrap_or("no file".into()));
    }
    tool.call("flush web");
}

/// The last part of the path.
fn interpreter(entry: &Value) -> Value {
    let path = entry["pm2_env"]["exec_interpreter"].as_str().unwrap_or("none");
    json!(path.rsplit('/').next())
}

fn node(tool: &Tool, notes: &mut Notes) {
    language(tool, notes, "probe.js");
}

fn python(tool: &Tool, notes: &mut Notes) {
    language(tool, notes, "probe.py");
}

fn bash(tool: &Tool, notes: &mut Notes) {
    language(tool, notes, "probe.sh");
}

fn perl(tool: &Tool, notes: &mut Notes) {
    language(tool, notes, "probe.pl");
}

fn ruby(tool: &Tool, notes: &mut Notes) {
    language(tool, notes, "probe.rb");
}

fn php(tool: &Tool, notes: &mut Notes) {
    language(tool, notes, "probe.php");
}

#[test]
fn languages_side_by_side() {
    compare("languages", &scenarios![node, python, bash, perl]);
}

#[test]
fn ruby_and_php_side_by_side_where_installed() {
    // CI says that nothing may be missing there.
    let is_needed = std::env::var_os("PM_TEST_ALL_LANGUAGES").is_some();
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if is_there("ruby") || is_needed {
        compare("ruby", &scenarios![ruby]);
    }
    if is_there("php") || is_needed {
        compare("php", &scenarios![php]);
    }
}
