//! The apps that must not notice anything, and what must be true of them afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_client::{CallError, Client, Deadline, pause};
use pm_config::{Caller, Overrides, read};
use pm_protocol::{Describe, Description, Existing, List, Patience, Row, Start};
use pm_testkit::{Home, PATIENCE, fixture};
use serde_json::{Value, json};

use super::seed::Seed;

const STAMP: &str = "YYYY-MM-DD HH:mm:ss.SSS";

/// All shapes, for a mixture.
pub(super) const SHAPES: [Shape; 7] = [
    Shape::Raw,
    Shape::Stamped,
    Shape::Json,
    Shape::Merged,
    Shape::Combined,
    Shape::Rotated,
    Shape::RotatedStamped,
];

/// An app that writes so many numbered lines of this length to each of its outputs.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) name: String,
    out: (u64, u64),
    error: (u64, u64),
    /// Microseconds after each line.
    pause: u64,
    /// The code it exits with; `None`: it stays.
    pub(super) code: Option<u8>,
    pub(super) shape: Shape,
}

/// How its output is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Raw,
    Stamped,
    Json,
    /// Two instances with the same files.
    Merged,
    /// A log of both outputs beside those of each.
    Combined,
    /// Raw, and renamed every few kilobytes.
    Rotated,
    /// The same with stamps.
    RotatedStamped,
}

impl Writer {
    pub(super) fn short(number: u32, seed: &mut Seed) -> Self {
        let mut lines = || (seed.between(0, 40), seed.between(20, 200));
        let (out, error) = (lines(), lines());
        Self {
            name: format!("short-{number}"),
            out,
            error,
            pause: seed.between(0, 3_000),
            code: Some(u8::try_from(seed.between(0, 256)).unwrap()),
            shape: Shape::Raw,
        }
    }

    /// One that writes for about `millis` milliseconds and then stays.
    pub(super) fn long(number: u32, shape: Shape, millis: u64, seed: &mut Seed) -> Self {
        let pause = seed.between(2_000, 30_000);
        let count = millis * 1_000 / pause;
        Self {
            name: format!("long-{number}"),
            out: (count / 2, seed.between(20, 300)),
            error: (count / 2, seed.between(20, 300)),
            pause,
            code: None,
            shape,
        }
    }

    pub(super) fn instances(&self) -> usize {
        if self.shape == Shape::Merged { 2 } else { 1 }
    }

    /// Where it signs for each start.
    fn starts(&self, home: &Home) -> PathBuf {
        home.work().join(format!("starts-{}", self.name))
    }

    pub(super) fn log(&self, home: &Home, stream: &str) -> PathBuf {
        home.home().logs().join(format!("{}-{stream}.log", self.name))
    }

    fn combined(&self, home: &Home) -> PathBuf {
        home.home().logs().join(format!("{}.log", self.name))
    }

    fn config(&self, home: &Home) -> Value {
        let mut args: Vec<String> =
            ["--write-file".into(), self.starts(home).display().to_string()].into();
        args.extend(["--pause".into(), self.pause.to_string()]);
        // In turns, so that both outputs are busy all the time.
        let turns = 4;
        for turn in 0..turns {
            for (switch, (count, length)) in [("--stdout", self.out), ("--stderr", self.error)] {
                let part = part(count, turn, turns);
                args.extend([switch.into(), "--lines".into(), format!("{part}:{length}")]);
            }
        }
        match self.code {
            Some(code) => args.extend(["--exit".into(), code.to_string()]),
            None => args.extend(["--live".into(), "forever".into()]),
        }
        let mut app = json!({
            "name": self.name, "script": fixture(), "args": args, "autorestart": false,
            "cwd": home.work(),
            "out_file": self.log(home, "out"), "error_file": self.log(home, "err"),
        });
        match self.shape {
            Shape::Raw => {}
            Shape::Stamped => app["log_date_format"] = json!(STAMP),
            Shape::Json => app["log_type"] = json!("json"),
            Shape::Merged => {
                app["instances"] = json!(2);
                app["merge_logs"] = json!(true);
            }
            Shape::Combined => app["log_file"] = json!(self.combined(home)),
            Shape::Rotated | Shape::RotatedStamped => {
                app["log_max_size"] = json!(4096);
                app["log_keep"] = json!(1_000_000);
                app["log_compress"] = json!(false);
                if self.shape == Shape::RotatedStamped {
                    app["log_date_format"] = json!(STAMP);
                }
            }
        }
        app
    }

    /// What it writes to one output.
    fn expected((count, length): (u64, u64)) -> Vec<u8> {
        let mut bytes = Vec::new();
        for turn in 0..4 {
            for number in 0..part(count, turn, 4) {
                let mut line = format!("{number:08} ").into_bytes();
                line.resize(usize::try_from(length).unwrap() - 1, b'.');
                line.push(b'\n');
                bytes.extend(line);
            }
        }
        bytes
    }

    /// Waits until both logs hold exactly what was written, each byte once.
    pub(super) fn check_logs(&self, home: &Home) {
        let mut both = Vec::new();
        for (stream, what) in [("out", self.out), ("err", self.error)] {
            let expected = Self::expected(what);
            let log = self.log(home, stream);
            match self.shape {
                Shape::Raw | Shape::Combined | Shape::Rotated => {
                    home_file(home, &log, &expected, |bytes| bytes);
                }
                Shape::Stamped | Shape::RotatedStamped => {
                    home_file(home, &log, &expected, |bytes| unstamped(&bytes));
                }
                Shape::Json => home_file(home, &log, &expected, |bytes| messages(&bytes)),
                Shape::Merged => {
                    let twice = sorted(&[expected.clone(), expected].concat());
                    home_file(home, &log, &twice, |bytes| sorted(&bytes));
                    continue;
                }
            }
            both.extend(expected);
        }
        if self.shape == Shape::Combined {
            home_file(home, &self.combined(home), &sorted(&both), |bytes| sorted(&bytes));
        }
    }

    /// It signed once for each instance.
    pub(super) fn check_starts(&self, home: &Home) {
        let signed = fs::read_to_string(self.starts(home)).unwrap_or_default();
        if signed.lines().count() != self.instances() {
            home.fail(&format!("{} was started as follows:\n{signed}", self.name));
        }
    }
}

fn part(count: u64, turn: u64, turns: u64) -> u64 {
    count / turns + u64::from(turn < count % turns)
}

fn home_file(home: &Home, path: &Path, expected: &[u8], plain: impl Fn(Vec<u8>) -> Vec<u8>) {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let found = plain(whole(path));
        if found == expected {
            return;
        }
        if deadline.is_over() {
            let same = found.iter().zip(expected).take_while(|(one, other)| one == other).count();
            let near = |bytes: &[u8]| {
                let end = bytes.len().min(same + 150);
                String::from_utf8_lossy(&bytes[same.saturating_sub(150).min(end)..end]).into_owned()
            };
            home.fail(&format!(
                "{} has {} bytes instead of {}, wrong from {same} on:\n{}\n--- instead of\n{}",
                path.display(),
                found.len(),
                expected.len(),
                near(&found),
                near(expected)
            ));
        }
        pause(Duration::from_millis(20), deadline);
    }
}

/// A log with its older parts, `NAME__YYYY-MM-DD_HH-mm-ss[-n].log`, the oldest first.
fn whole(path: &Path) -> Vec<u8> {
    let stem = format!("{}__", path.file_stem().unwrap().to_str().unwrap());
    let entries = fs::read_dir(path.parent().unwrap()).into_iter().flatten().flatten();
    let mut parts: Vec<(String, u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let mut date = name.strip_prefix(&stem)?.strip_suffix(".log")?.to_owned();
            let rest = date.split_off("2026-01-02_03-04-05".len());
            let number = rest.strip_prefix('-').map_or(Some(0), |text| text.parse().ok())?;
            Some((date, number, entry.path()))
        })
        .collect();
    parts.sort();
    let files = parts.into_iter().map(|part| part.2).chain([path.to_owned()]);
    files.flat_map(|file| fs::read(file).unwrap_or_default()).collect()
}

/// Lines without their stamps: `2026-01-02 03:04:05.678: line`.
fn unstamped(bytes: &[u8]) -> Vec<u8> {
    const STAMP: usize = "2026-01-02 03:04:05.678: ".len();
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .flat_map(|line| line.get(STAMP..).unwrap_or(line))
        .copied()
        .collect()
}

/// The messages of JSON lines.
fn messages(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let parsed = serde_json::from_slice::<Value>(line).unwrap_or_default();
        let message = parsed["message"].as_str().unwrap_or("no JSON here");
        plain.extend_from_slice(message.trim_end_matches('\n').as_bytes());
        plain.push(b'\n');
    }
    plain
}

/// Lines in the order of the alphabet.
fn sorted(bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// Asks until somebody answers, however many daemons die of it.
pub(super) fn insist<T>(
    home: &Home,
    mut ask: impl FnMut(&mut Client) -> Result<T, CallError>,
) -> T {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let answer = Client::open(home.home()).map_err(CallError::from);
        match answer.and_then(|mut client| ask(&mut client)) {
            Ok(answer) => return answer,
            Err(CallError::Lost | CallError::Connect(_)) if !deadline.is_over() => {
                pause(Duration::from_millis(5), deadline);
            }
            Err(error) => home.fail(&format!("could not {error}")),
        }
    }
}

pub(super) fn rows(home: &Home) -> Vec<Row> {
    let list = List { select: Vec::new(), usage: false, host: false };
    insist(home, |client| client.call(&list, Deadline::after(PATIENCE))).rows
}

/// Everything about all instances, by name.
pub(super) fn descriptions(home: &Home) -> BTreeMap<String, Vec<Description>> {
    let describe = Describe { select: Vec::new(), known: false };
    let all = insist(home, |client| client.call(&describe, Deadline::after(PATIENCE)));
    let mut by_name = BTreeMap::<String, Vec<_>>::new();
    for one in all.descriptions {
        by_name.entry(one.row.name.clone()).or_default().push(one);
    }
    by_name
}

/// Starts apps although daemons die: what isn't known afterwards is asked for again, and nothing else.
pub(super) fn start(home: &Home, writers: &[Writer]) {
    let apps: Vec<Value> = writers.iter().map(|writer| writer.config(home)).collect();
    start_apps(home, &apps);
}

/// The same with apps as a config file has them.
pub(super) fn start_apps(home: &Home, apps: &[Value]) {
    let file = home.file("apps.json", json!({ "apps": apps }).to_string());
    let caller =
        Caller::new(home.work(), pm_spec::Environment::default(), home.home().root().into());
    let ecosystem = read::load(&file, &caller, &Overrides::default())
        .unwrap_or_else(|error| home.fail(&format!("could not {error:?}")));
    let mut apps = ecosystem.apps;
    while !apps.is_empty() {
        insist(home, |client| {
            let start = Start {
                apps: apps.clone(),
                existing: Existing::Refuse,
                wait: Patience::Spawned,
                no_deps: false,
            };
            match client.call(&start, Deadline::after(PATIENCE)) {
                Ok(_) | Err(CallError::Lost) => Ok(()),
                Err(error) => Err(error),
            }
        });
        let known = rows(home);
        apps.retain(|app| known.iter().all(|row| row.name != app.name.as_str()));
    }
}
