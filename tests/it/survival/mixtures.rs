//! Logs with several writers, of every mixture, under a storm of kills of the daemon: each line is there once, and whole.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use pm_client::{CallError, Deadline, pause};
use pm_protocol::Scale;
use pm_spec::Select;
use pm_testkit::{Home, PATIENCE, fixture};
use serde_json::{Value, json};

use super::apps::{insist, rows, start_apps};
use super::killer::Killer;
use super::report::Report;
use super::seed::Seed;

/// Lines that a writer writes in turns, one turn for each kill; that takes it about as long as a kill takes.
const LINES: u64 = 60;
const STAMP: &str = "2026-01-02 03:04:05.678: ";

fn kills() -> u32 {
    super::killer::kills(60)
}

/// Who writes to one log. A writer is known by the length of its lines.
struct Mixture {
    /// Of the log.
    name: &'static str,
    /// Shape and path of each stream.
    writers: &'static [(Shape, &'static str)],
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Each writer is an app.
    Apps,
    /// The same, and the first app gets a second instance with the same log.
    Scaled,
    /// The two writers are the two outputs of one app.
    Outputs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Raw,
    Stamped,
    Json,
}

/// `link` leads to the folder of the home, `NAME.link` to the log.
const MIXTURES: [Mixture; 8] = [
    mixture("merged", &[(Shape::Raw, "merged")], Kind::Scaled),
    mixture("raws", &[(Shape::Raw, "raws"), (Shape::Raw, "raws.link")], Kind::Apps),
    mixture("joined", &[(Shape::Raw, "joined"), (Shape::Stamped, "link/joined")], Kind::Apps),
    mixture("stamps", &[(Shape::Stamped, "stamps"), (Shape::Stamped, "stamps")], Kind::Apps),
    mixture("objects", &[(Shape::Json, "objects"), (Shape::Raw, "objects")], Kind::Apps),
    mixture("both", &[(Shape::Raw, "both"), (Shape::Raw, "both.link")], Kind::Outputs),
    mixture("halves", &[(Shape::Json, "halves"), (Shape::Json, "halves")], Kind::Outputs),
    mixture(
        "all",
        &[(Shape::Raw, "all"), (Shape::Json, "all"), (Shape::Stamped, "all")],
        Kind::Scaled,
    ),
];

const fn mixture(
    name: &'static str,
    writers: &'static [(Shape, &'static str)],
    kind: Kind,
) -> Mixture {
    Mixture { name, writers, kind }
}

impl Mixture {
    fn length(writer: usize) -> usize {
        60 + writer
    }

    fn path(home: &Home, path: &str) -> PathBuf {
        home.work().join(path)
    }

    fn apps(&self, home: &Home) -> Vec<Value> {
        let null = PathBuf::from("/dev/null");
        let app = |number: usize, shape: Shape, [out, error]: [PathBuf; 2]| {
            let mut args = vec!["--pause".to_owned(), "1500".to_owned()];
            for _ in 0..kills() {
                for (switch, stream) in [("--stdout", number), ("--stderr", number + 1)] {
                    if switch == "--stdout" || self.kind == Kind::Outputs {
                        let lines = format!("{LINES}:{}", Self::length(stream));
                        args.extend([switch.into(), "--lines".into(), lines]);
                    }
                }
            }
            args.extend(["--live".into(), "forever".into()]);
            let mut app = json!({
                "name": format!("{}-{number}", self.name), "script": fixture(), "args": args,
                "cwd": home.work(), "merge_logs": true, "autorestart": false,
                "out_file": out, "error_file": error,
            });
            match shape {
                Shape::Raw => {}
                Shape::Stamped => app["log_date_format"] = json!("YYYY-MM-DD HH:mm:ss.SSS"),
                Shape::Json => app["log_type"] = json!("json"),
            }
            app
        };
        if self.kind == Kind::Outputs {
            let [(shape, out), (_, error)] = *self.writers else { unreachable!("two outputs") };
            return vec![app(0, shape, [out, error].map(|path| Self::path(home, path)))];
        }
        let writers = self.writers.iter().enumerate();
        writers
            .map(|(number, (shape, path))| {
                app(number, *shape, [Self::path(home, path), null.clone()])
            })
            .collect()
    }

    /// How often each line should be there.
    fn expected(&self) -> BTreeMap<String, u64> {
        let mut lines = BTreeMap::new();
        for writer in 0..self.writers.len() {
            let instances = if self.kind == Kind::Scaled && writer == 0 { 2 } else { 1 };
            for number in 0..LINES {
                let width = Self::length(writer) - "00000000 \n".len();
                lines
                    .insert(format!("{number:08} {:.>width$}", ""), u64::from(kills()) * instances);
            }
        }
        lines
    }

    fn found(&self, home: &Home) -> BTreeMap<String, u64> {
        let log = fs::read(Self::path(home, self.name)).unwrap_or_default();
        let mut lines = BTreeMap::new();
        for line in String::from_utf8_lossy(&log).lines() {
            *lines.entry(message(line)).or_default() += 1;
        }
        lines
    }

    /// Waits until the log holds what was written, and nothing else.
    fn check(&self, home: &Home, deadline: Deadline) {
        let expected = self.expected();
        loop {
            let found = self.found(home);
            if found == expected {
                return;
            }
            let all = |lines: &BTreeMap<String, u64>| lines.values().sum::<u64>();
            if deadline.is_over() {
                let lines = found.keys().chain(expected.keys());
                let wrong = lines.filter(|line| found.get(*line) != expected.get(*line));
                let wrong: Vec<String> = wrong
                    .take(20)
                    .map(|line| format!("{:?} times {line}", found.get(line).unwrap_or(&0)))
                    .collect();
                home.fail(&format!(
                    "{} has {} lines instead of {}:\n{}",
                    self.name,
                    all(&found),
                    all(&expected),
                    wrong.join("\n")
                ));
            }
            pause(Duration::from_millis(50), deadline);
        }
    }
}

/// A line without what its shape adds.
fn message(line: &str) -> String {
    if line.starts_with('{') {
        let parsed = serde_json::from_str::<Value>(line).unwrap_or_default();
        return parsed["message"].as_str().unwrap_or(line).trim_end_matches('\n').to_owned();
    }
    let is_stamped = line.as_bytes().get(4) == Some(&b'-');
    let plain = if is_stamped { line.get(STAMP.len()..) } else { None };
    plain.unwrap_or(line).to_owned()
}

#[test]
fn law7_a_log_of_many_writers_loses_and_divides_no_line_at_any_kill() {
    let mut seed = Seed::new();
    let home = Home::new();
    symlink(home.work(), Mixture::path(&home, "link")).unwrap();
    for name in ["raws", "both"] {
        fs::write(Mixture::path(&home, name), "").unwrap();
        symlink(name, Mixture::path(&home, &format!("{name}.link"))).unwrap();
    }
    home.script("idle", "exit 0");
    home.run(["start", "idle", "--no-autorestart", "--no-wait"]).ok();

    // The first writer of each log has it for itself for a while.
    let killer = Killer::start(&home, seed.fork());
    let apps: Vec<Vec<Value>> = MIXTURES.iter().map(|mixture| mixture.apps(&home)).collect();
    let first: Vec<Value> = apps.iter().filter_map(|apps| apps.first().cloned()).collect();
    start_apps(&home, &first);
    let others: Vec<Value> = apps.iter().flat_map(|apps| apps[1..].to_vec()).collect();
    start_apps(&home, &others);
    for mixture in MIXTURES.iter().filter(|mixture| mixture.kind == Kind::Scaled) {
        let name = format!("{}-0", mixture.name);
        while rows(&home).iter().filter(|row| row.name == name).count() < 2 {
            let scale = Scale { select: vec![Select::Name(name.clone())], to: 2 };
            insist(&home, |client| match client.call(&scale, Deadline::after(PATIENCE)) {
                Ok(_) | Err(CallError::Lost) => Ok(()),
                Err(error) => Err(error),
            });
        }
    }
    while killer.killed() < kills() && killer.is_at_it() {
        pause(Duration::from_millis(20), Deadline::NEVER);
    }
    let toll = killer.stop();
    if let Some(why) = &toll.deserted {
        home.fail(&format!("after {} kills {why}", toll.killed));
    }
    assert_eq!(toll.ended_alone, [0_u32; 0], "these daemons ended by themselves");
    let mut report = Report::new("the daemon dies, shared logs");
    report.killed(toll.killed);
    for mixture in &MIXTURES {
        // Who writes may be slower than who kills.
        mixture.check(&home, Deadline::after(PATIENCE + Duration::from_millis(500) * kills()));
        report.survived();
    }
    report.end();
}
