//! Apps of several kinds in one home, and what must be true of them after each command, whoever died under it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use pm_client::{CallError, Client, Deadline, pause};
use pm_protocol::{List, Listing, Status};
use pm_testkit::{Home, PATIENCE, fixture, free_port};
use serde_json::{Value, json};

/// Lines that each run writes before it says that it is done.
const LINES: usize = 5;
const LENGTH: usize = 40;
const STAMP: &str = "2026-01-02 03:04:05.678: ";

/// What the others do, as a worker of Node's cluster.
const WORKER: &str = "
const [begun, done] = process.argv.slice(2);
const sign = (file) => require('node:fs').appendFileSync(file, `start ${process.pid}\\n`);
sign(begun);
for (let i = 0; i < 5; i++) console.log(`${String(i).padStart(8, '0')} `.padEnd(39, '.'));
require('node:http').createServer((_, answer) => answer.end()).listen(process.env.PORT, () => sign(done));
";

/// So many runs of each app.
pub(super) type Counts = BTreeMap<String, usize>;

/// A home whose apps sign for each run, write some lines, sign again and stay.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) home: Home,
    /// What was signed before the logs were emptied.
    emptied: (Counts, Counts),
}

impl Cast {
    /// A home with three files, and a daemon that knows no app.
    pub(super) fn new() -> Self {
        let home = Home::new();
        home.file("password", "hunter2\n");
        let cast = Self { home, emptied: Default::default() };
        let web = cast.app("web", &json!({ "instances": 2 }));
        let stamped = json!({ "instances": 2, "merge_logs": true, "log_date_format": "YYYY-MM-DD HH:mm:ss.SSS" });
        let pair = cast.app("pair", &stamped);
        let hooks = json!({
            "pre_start": "true", "post_start": "true", "pre_stop": "true", "on_ready": "true",
            "env": { "PASSWORD": { "file": "./password" } }, "kill_signal": "SIGTERM",
        });
        let hooked = cast.app("hooked", &hooks);
        let mut job = cast.app("job", &json!({ "schedule": "0 0 29 2 *" }));
        let args = job["args"].as_array_mut().unwrap();
        args.truncate(args.len() - 2);
        let late = cast.app("late", &json!({ "log_type": "json" }));
        let mut changed = pair.clone();
        changed["env"] = json!({ "CHANGED": "1" });
        cast.write("all.json", &[web, pair, hooked, job]);
        cast.write("more.json", &[changed, late]);
        let shop = ["shop", "till"].map(|name| cast.app(name, &json!({})));
        fs::create_dir(cast.home.work().join("shop")).unwrap();
        cast.home.file("cluster.js", WORKER);
        let signs = ["begun", "done"].map(|what| cast.sign(what, "cluster"));
        let workers = json!({
            "script": "cluster.js", "instances": 2, "port": free_port(),
            "args": signs,
        });
        cast.write("cluster.json", &[cast.app("cluster", &workers)]);
        cast.write("shop/apps.json", &shop);
        cast.home.run(["ping"]).ok();
        cast
    }

    fn app(&self, name: &str, more: &Value) -> Value {
        let sign = |what: &str| self.sign(what, name);
        let lines = format!("{LINES}:{LENGTH}");
        let args = [
            "--write-file",
            &sign("begun"),
            "--lines",
            &lines,
            "--write-file",
            &sign("done"),
            "--live",
            "forever",
        ];
        let mut app = json!({
            "name": name, "script": fixture(), "args": args, "cwd": self.home.work(),
            // Who stays up for so long is up, so that no command waits for long; who ends slowly is not killed for it.
            "min_uptime": 10, "kill_timeout": "1m",
        });
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app
    }

    /// The file in which runs of an app sign.
    fn sign(&self, what: &str, name: &str) -> String {
        self.home.work().join(format!("{what}-{name}")).display().to_string()
    }

    fn write(&self, file: &str, apps: &[Value]) {
        self.home.file(file, json!({ "apps": apps }).to_string());
    }

    /// Which processes have signed, by app.
    fn signed(&self, what: &str) -> BTreeMap<String, Vec<u32>> {
        let prefix = format!("{what}-");
        let files = fs::read_dir(self.home.work()).unwrap().flatten();
        let read = |entry: fs::DirEntry| {
            let name = entry.file_name().to_str()?.strip_prefix(&prefix)?.to_owned();
            let text = fs::read_to_string(entry.path()).ok()?;
            let pids = text.lines().filter_map(|line| line.strip_prefix("start ")?.parse().ok());
            Some((name, pids.collect()))
        };
        files.filter_map(read).collect()
    }

    /// How many runs each app has had.
    pub(super) fn begun(&self) -> Counts {
        self.signed("begun").into_iter().map(|(name, pids)| (name, pids.len())).collect()
    }

    /// All logs have just been emptied, and nobody writes.
    pub(super) fn logs_are_emptied(&mut self) {
        let done = self.signed("done").into_iter().map(|(name, pids)| (name, pids.len())).collect();
        self.emptied = (self.begun(), done);
    }

    /// No app is known any more: what is left of them is taken away.
    pub(super) fn begin_anew(&mut self) {
        for folder in [self.home.home().logs(), self.home.work()] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if [".log", ".ledger"].iter().any(|end| name.ends_with(end))
                    || ["begun-", "done-"].iter().any(|begin| name.starts_with(begin))
                {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
        }
        self.emptied = Default::default();
    }

    /// Waits until as many of each app run as should, each of them whom `pm` thinks, and all they wrote is in their logs; else
    /// says what is wrong.
    pub(super) fn settle(&self, expected: &Counts) -> Result<(), String> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let wrong = match self.wrong_with_runs(expected).and_then(|()| self.wrong_with_logs()) {
                Ok(()) => return Ok(()),
                Err(wrong) => wrong,
            };
            if deadline.is_over() {
                return Err(wrong);
            }
            pause(Duration::from_millis(5), deadline);
        }
    }

    fn listing(&self) -> Result<Listing, CallError> {
        let list = List { select: Vec::new(), usage: false, host: false };
        Client::open(self.home.home())?.call(&list, Deadline::after(PATIENCE))
    }

    fn wrong_with_runs(&self, expected: &Counts) -> Result<(), String> {
        let listing = self.listing().map_err(|error| {
            // If both have died it takes a command.
            self.home.run(["ping"]);
            format!("could not {error}")
        })?;
        if let Some(warning) = listing.warning {
            return Err(warning);
        }
        let mut known = BTreeMap::<String, BTreeSet<u32>>::new();
        for row in &listing.rows {
            let up = known.entry(row.name.clone()).or_default();
            if row.status == Status::Online {
                up.insert(row.pid);
            } else if row.status != Status::Stopped {
                return Err(format!("{} is {}", row.name, row.status.as_str()));
            }
        }
        let counts: Counts = known.iter().map(|(name, pids)| (name.clone(), pids.len())).collect();
        if counts != *expected {
            return Err(format!("{counts:?} run instead of {expected:?}"));
        }
        known.retain(|_, pids| !pids.is_empty());
        let alive = self.alive();
        if alive != known {
            return Err(format!("{alive:?} run instead of those known, {known:?}"));
        }
        let done = self.signed("done");
        let is_done = |(name, pids): (&String, &BTreeSet<u32>)| {
            let done = done.get(name).map(Vec::as_slice).unwrap_or_default();
            pids.iter().all(|pid| done.contains(pid))
        };
        if known.iter().all(is_done) {
            Ok(())
        } else {
            Err("not all have written their lines".into())
        }
    }

    /// Our processes, by app, as the system knows them.
    pub(super) fn alive(&self) -> BTreeMap<String, BTreeSet<u32>> {
        let sign = self.sign("begun", "");
        let mut alive = BTreeMap::<String, BTreeSet<u32>>::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words =
                line.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok());
            let name = words.skip(1).find_map(|word| word.strip_prefix(&sign));
            if let Some(name) = name {
                alive.entry(name.to_owned()).or_default().insert(pid);
            }
        }
        alive
    }

    /// Each line of each run is in its log once, whole; a run that was ended early has written the first ones.
    fn wrong_with_logs(&self) -> Result<(), String> {
        let done = self.signed("done");
        for (name, begun) in self.begun() {
            let most = begun - self.emptied.0.get(&name).unwrap_or(&0);
            let least =
                done.get(&name).map_or(0, Vec::len) - self.emptied.1.get(&name).unwrap_or(&0);
            let found = self.lines(&name)?;
            let is_falling = found.is_sorted_by(|one, next| one >= next);
            if !is_falling || found[0] > most || found[LINES - 1] < least {
                return Err(format!(
                    "{name} has {found:?} of each line, after {least} to {most} runs"
                ));
            }
        }
        Ok(())
    }

    /// How often each line is in the logs of an app.
    fn lines(&self, name: &str) -> Result<[usize; LINES], String> {
        let mut found = [0; LINES];
        let logs = self.home.home().logs();
        for entry in fs::read_dir(&logs).into_iter().flatten().flatten() {
            let file = entry.file_name().into_string().unwrap();
            if !file.starts_with(&format!("{name}-out")) || !file.ends_with(".log") {
                continue;
            }
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            for line in text.split_inclusive('\n') {
                let number = number(line).ok_or_else(|| format!("{file} has the line {line:?}"))?;
                found[number] += 1;
            }
        }
        Ok(found)
    }
}

/// Which of its lines this is, if it is one, whole.
fn number(line: &str) -> Option<usize> {
    let plain = if line.starts_with('{') {
        serde_json::from_str::<Value>(line).ok()?["message"]
            .as_str()?
            .trim_end_matches('\n')
            .to_owned()
    } else {
        let rest =
            if line.as_bytes().get(4) == Some(&b'-') { line.get(STAMP.len()..)? } else { line };
        rest.strip_suffix('\n')?.to_owned()
    };
    let number: usize = plain.get(..8)?.parse().ok()?;
    let width = LENGTH - 1;
    (number < LINES && plain == format!("{:.<width$}", format!("{number:08} "))).then_some(number)
}
