//! One of two programs that go by the name of `pm2`: the real one, and ours behind a link. Each has a home and a work
//! folder of its own, and nothing of the test's environment but `PATH`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use pm_client::{Deadline, pause};
use pm_testkit::{Invocation, PATIENCE, Run, pm, sweep_marked};
use serde_json::Value;
use tempfile::TempDir;

/// The version everything is compared with.
pub(super) const VERSION: &str = "7.0.4";

/// In the environment of everything a tool starts, so that nothing outlives the test.
const MARK: &str = "PM2_CENSUS_MARK";

/// In a variable: the folder of the tool.
pub(super) const FOLDER: &str = "FOLDER";

/// Between two looks at what nobody announces.
const LOOK: std::time::Duration = std::time::Duration::from_millis(20);

/// What PM2 installs into its own folder when it is first asked to `--trace` (its `lib/OtelManager.js`): were it not there
/// already, whoever runs PM2 meanwhile would find half of its libraries.
const TRACING: [&str; 6] = [
    "@opentelemetry/api@1.9.1",
    "@opentelemetry/sdk-node@0.221.0",
    "@opentelemetry/auto-instrumentations-node@0.79.0",
    "@opentelemetry/core@2.10.0",
    "@opentelemetry/sdk-trace-base@2.10.0",
    "@opentelemetry/semantic-conventions@1.43.0",
];

/// The real PM2, installed once under `target/`.
pub(super) fn real_pm2() -> PathBuf {
    let pm2 = format!("pm2@{VERSION}");
    let packages = [&[pm2.as_str()], TRACING.as_slice()].concat();
    installed(&format!("pm2-{VERSION}-tracing"), &packages).join(".bin/pm2")
}

/// The libraries that apps made for PM2 use, installed once under `target/`: what `NODE_PATH` needs to say.
pub(super) fn libraries() -> PathBuf {
    installed("pm2-libraries", &["@pm2/io@6.1.0", "tx2@1.0.5"])
}

/// Where npm put these packages.
fn installed(name: &str, packages: &[&str]) -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::create_dir_all(&target).unwrap();
    let lock = File::create(target.join("pm2.lock")).unwrap();
    lock.lock().unwrap();
    let folder = target.join(name);
    if !folder.join("made").exists() {
        // What a broken attempt left.
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        let mut npm = Command::new("npm");
        npm.arg("install").args(packages).args(["--no-audit", "--no-fund", "--prefix"]);
        let done = npm.arg(&folder).output().unwrap_or_else(|error| {
            panic!("could not run npm: {error}\nthis test compares with the real PM2 and needs node and npm")
        });
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        fs::write(folder.join("made"), "").unwrap();
    }
    folder.join("node_modules")
}

/// One program with its home.
#[derive(Debug)]
pub(super) struct Tool {
    /// `PM2` or `pm`.
    pub(super) name: &'static str,
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Tool {
    /// The real one.
    pub(super) fn real() -> Self {
        Self::new("PM2", &real_pm2())
    }

    /// Ours, called by the same name.
    pub(super) fn ours() -> Self {
        Self::new("pm", &pm())
    }

    fn new(name: &'static str, program: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("pm2-test-").tempdir().unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        for called in ["pm2", "pm2-runtime", "pm2-docker", "pm2-dev"] {
            let is_npms = program.file_name().is_some_and(|file| file == "pm2");
            let target = if is_npms { program.with_file_name(called) } else { program.into() };
            symlink(target, folder.path().join("bin").join(called)).unwrap();
        }
        Self { name, folder, variables: Vec::new() }
    }

    /// The other tool's program in the home of this one.
    pub(super) fn called_by(&self, other: &Self, words: &[&str]) -> Invocation {
        other.words(words).env("PM2_HOME", self.home()).dir(self.work())
    }

    /// With this variable for the daemon and all calls.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// `PM2_HOME`.
    pub(super) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// What `HOME` and the home lie in.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().into()
    }

    /// Where it is called.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file into the work folder; folders are made.
    pub(super) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Puts one of the apps of `fixtures/pm2/apps` into the work folder under this name.
    pub(super) fn app(&self, name: &str, as_name: &str) -> PathBuf {
        let apps = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pm2/apps");
        self.file(as_name, &fs::read_to_string(apps.join(name)).unwrap())
    }

    /// One of the apps of `fixtures/pm2/apps`, started as `web`.
    pub(super) fn web(&self, probe: &str) -> Run {
        self.app(probe, probe);
        self.ok(&format!("start {probe} --name web"))
    }

    /// A call that is not made yet, of words.
    pub(super) fn words(&self, words: &[&str]) -> Invocation {
        self.named("pm2", words)
    }

    /// The same of one of the programs beside it: `pm2-runtime`, `pm2-dev`.
    pub(super) fn named(&self, called: &str, words: &[&str]) -> Invocation {
        let mut command = Command::new(self.folder.path().join("bin").join(called));
        command.args(words).current_dir(self.work()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).env("PM2_HOME", self.home());
        command.env("PM2_DISABLE_VERSION_CHECK", "true").env("PM2_DISCRETE_MODE", "true");
        command.env(MARK, self.folder.path()).env("PROBE", self.work().join("probe"));
        for (name, value) in &self.variables {
            command.env(name, value.replace(FOLDER, &self.folder.path().to_string_lossy()));
        }
        Invocation::new(command, &self.home())
    }

    /// A call of a line without quotes, made and waited for.
    pub(super) fn call(&self, line: &str) -> Run {
        self.words(&line.split_whitespace().collect::<Vec<_>>()).run()
    }

    /// A call that must succeed.
    pub(super) fn ok(&self, line: &str) -> Run {
        let run = self.call(line);
        let Run { code, err, .. } = &run;
        assert!(*code == 0, "{}: `{line}` ended with {code}\n{}{err}", self.name, run.out());
        run
    }

    /// What `jlist` says, in order of id.
    pub(super) fn jlist(&self) -> Vec<Value> {
        let Value::Array(mut list) = self.ok("jlist").json() else { panic!("jlist is no list") };
        list.sort_by_key(|entry| entry["pm_id"].as_u64());
        list
    }

    /// The first entry of `jlist` with this name.
    pub(super) fn entry(&self, name: &str) -> Value {
        let found = self.jlist().into_iter().find(|entry| entry["name"] == name);
        found.unwrap_or_else(|| panic!("{}: no app is called {name}", self.name))
    }

    /// Waits until an entry of `jlist` is as wanted; gives it.
    pub(super) fn wait_entry(&self, name: &str, mut is_so: impl FnMut(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        self.wait(&format!("{name} as wanted"), || {
            last = self.entry(name);
            is_so(&last)
        });
        last
    }

    /// Waits for a status; gives the entry.
    pub(super) fn wait_status(&self, name: &str, status: &str) -> Value {
        self.wait_entry(name, |entry| entry["pm2_env"]["status"] == status)
    }

    /// Waits until something is true.
    pub(super) fn wait(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Deadline::after(PATIENCE);
        while !is_so() {
            assert!(
                !deadline.is_over(),
                "{}: {what} did not come true within {PATIENCE:?}",
                self.name
            );
            pause(LOOK, deadline);
        }
    }

    /// Does something again and again, with time in between, until something is true.
    pub(super) fn wait_doing(
        &self,
        what: &str,
        mut deed: impl FnMut(),
        mut is_so: impl FnMut() -> bool,
    ) {
        let deadline = Deadline::after(PATIENCE);
        loop {
            deed();
            let again = Deadline::after(std::time::Duration::from_secs(4));
            while !again.is_over() {
                if is_so() {
                    return;
                }
                let name = self.name;
                assert!(
                    !deadline.is_over(),
                    "{name}: {what} did not come true within {PATIENCE:?}"
                );
                pause(LOOK, deadline);
            }
        }
    }

    /// Nothing is known to the daemon and no file of the last scenario is left.
    pub(super) fn clean(&self) {
        self.call("delete all -s");
        fs::remove_dir_all(self.work()).unwrap();
        fs::create_dir(self.work()).unwrap();
    }

    /// What the probes have said so far, one life each, in order of their first words.
    pub(super) fn lives(&self) -> Vec<Life> {
        let text = fs::read_to_string(self.work().join("probe")).unwrap_or_default();
        let mut lives: Vec<Life> = Vec::new();
        // A line that is still being written has no end yet.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let mut parts = line.splitn(3, ' ');
            let (Some(pid), Some(what), Some(value)) = (parts.next(), parts.next(), parts.next())
            else {
                panic!("a probe said {line:?}")
            };
            let pid: u32 = pid.parse().unwrap();
            if lives.iter().all(|life| life.pid != pid) {
                lives.push(Life { pid, ..Life::default() });
            }
            let life = lives.iter_mut().find(|life| life.pid == pid).unwrap();
            life.hear(what, value);
        }
        lives
    }

    /// Waits until so many probes have come up; gives their lives.
    pub(super) fn wait_lives(&self, count: usize) -> Vec<Life> {
        self.wait(&format!("{count} probes up"), || {
            self.lives().iter().filter(|life| life.is_up).count() >= count
        });
        self.lives()
    }

    /// A text with our own folder replaced by `DIR`.
    pub(super) fn neutral(&self, text: &str) -> String {
        let own = self.folder.path().to_string_lossy().into_owned();
        let real = fs::canonicalize(self.folder.path()).unwrap().to_string_lossy().into_owned();
        text.replace(&real, "DIR").replace(&own, "DIR")
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.home().exists() {
            self.words(&["kill", "-s"]).run();
        }
        sweep_marked(MARK, self.folder.path());
    }
}

/// What one run of a probe saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    pub(super) pid: u32,
    pub(super) cwd: String,
    pub(super) args: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    /// Signals and messages, in order.
    pub(super) events: Vec<String>,
    pub(super) is_up: bool,
}

impl Life {
    fn hear(&mut self, what: &str, value: &str) {
        match what {
            "cwd" => self.cwd = value.into(),
            "arg" => self.args.push(value.into()),
            "env" => {
                let (name, value) = value.split_once('=').unwrap_or((value, ""));
                self.env.insert(name.into(), value.into());
            }
            "up" => self.is_up = true,
            _ => self.events.push(format!("{what} {value}")),
        }
    }
}
