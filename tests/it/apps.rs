//! What many tests start: the fixture under a name, and a look at its tree.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pm_client::{Client, Deadline};
use pm_protocol::{Hello, Ping};
use pm_testkit::{Home, Run, fixture};

/// `pm start FIXTURE --name NAME FLAGS -- STEPS`, whatever comes of it.
pub(crate) fn start(home: &Home, name: &str, flags: &[&str], steps: &[&str]) -> Run {
    let program = fixture();
    let mut words: Vec<&OsStr> =
        vec!["start".as_ref(), program.as_os_str(), "--name".as_ref(), name.as_ref()];
    words.extend(flags.iter().map(OsStr::new));
    words.push("--".as_ref());
    words.extend(steps.iter().map(OsStr::new));
    home.run(words)
}

/// The same for an app that lives until it is told not to.
pub(crate) fn up(home: &Home, name: &str) -> u32 {
    start(home, name, &[], &["--live", "forever"]).ok();
    home.row(name).pid
}

/// Who answers for a home, if somebody does: pids of daemon and guardian.
pub(crate) fn answering(home: &Home) -> Option<Hello> {
    let mut client = Client::open(home.home()).ok()?;
    client.call(&Ping {}, Deadline::after(Duration::from_secs(5))).ok()?;
    client.peer().cloned()
}

/// The pids of an app's trees, as `pm` knows them.
pub(crate) fn tree(home: &Home, name: &str) -> Vec<u32> {
    let described = home.run(["describe", name, "--json"]).ok().json();
    let instances = described.as_array().unwrap().iter();
    let pids = instances.flat_map(|one| one["pids"].as_array().unwrap());
    pids.map(|pid| u32::try_from(pid.as_u64().unwrap()).unwrap()).collect()
}

/// A log's bytes; none if there is no file.
pub(crate) fn log(home: &Home, file: impl AsRef<Path>) -> Vec<u8> {
    fs::read(home.home().logs().join(file)).unwrap_or_default()
}

/// All ends of a name's first instance: code or signal, and why.
pub(crate) fn ends(home: &Home, name: &str) -> Vec<serde_json::Value> {
    let described = home.run(["describe", name, "--json"]).ok().json();
    described[0]["ends"].as_array().unwrap().clone()
}

/// A field of a process's status file in KiB, by `proc_pid_status(5)`.
pub(crate) fn kib(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}
