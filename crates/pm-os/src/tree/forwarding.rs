//! Whether a process tells its children that they are to go, or leaves that to who told it: shells wait for a command and
//! pass nothing on, nor does who ignores the signal; programs made for a terminal know that Ctrl-C comes to their children
//! too.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::identity::ProcIdentity;
use crate::signal::SignalNumber;

const SHELLS: [&[u8]; 11] = [
    b"sh", b"dash", b"bash", b"ash", b"busybox", b"zsh", b"ksh", b"ksh93", b"mksh", b"fish",
    b"yash",
];

/// They pass on what ends them, except what a terminal's Ctrl-C sends to all at once.
const OF_THE_TERMINAL: [&[u8]; 7] = [b"uv", b"make", b"gmake", b"go", b"dotnet", b"su", b"runuser"];

/// Whether a process that gets this signal looks after its children itself.
pub fn tells_children(process: &ProcIdentity, signal: SignalNumber) -> bool {
    let program = program(process.pid);
    let passes_nothing_on = SHELLS.contains(&program.as_slice())
        || has(process.pid, "SigIgn:", signal).unwrap_or(false);
    let is_spared = signal == SignalNumber::INT && OF_THE_TERMINAL.contains(&program.as_slice());
    !passes_nothing_on && !is_spared
}

/// Whether a process does something of its own by this signal, now or when it gets to it; before that it would end by it.
pub fn expects(process: &ProcIdentity, signal: SignalNumber) -> bool {
    let has = |mask| has(process.pid, mask, signal).unwrap_or(false);
    has("SigCgt:") || has("SigBlk:")
}

/// Whether the process with this id has something of its own to do by each of these signals.
pub fn catches(pid: i32, signals: &[SignalNumber]) -> bool {
    signals.iter().all(|signal| has(pid, "SigCgt:", *signal).unwrap_or(false))
}

/// Whether a signal is in one of the masks of `proc_pid_status(5)`. What waits for a program by system(3), as `perl` and
/// `time` do, ignores Ctrl-C meanwhile.
fn has(pid: i32, mask: &str, signal: SignalNumber) -> Option<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix(mask))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (signal.number() - 1) & 1 == 1)
}

/// They have a shell run a script, and tell the shell.
const SCRIPT_RUNNERS: [&[u8]; 4] = [b"npm", b"npx", b"pnpm", b"pnpx"];

/// Whether nobody tells what runs below a shell that this process has started and tells: a shell passes nothing on.
pub fn runs_scripts(process: &ProcIdentity) -> bool {
    // What Node was called with, or the title that it gave itself.
    let line = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    line.split(|byte| matches!(byte, 0 | b' ')).take(2).any(|word| {
        let file = word.rsplit(|byte| *byte == b'/').next().unwrap_or(word);
        let name = file.split(|byte| *byte == b'.').next().unwrap_or(file);
        SCRIPT_RUNNERS.contains(&name.strip_suffix(b"-cli").unwrap_or(name))
    })
}

/// The name of the file it runs, or, of one we may not look at, what it calls itself.
fn program(pid: i32) -> Vec<u8> {
    let file = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let name =
        file.as_deref().and_then(|file| file.file_name()).map(|name| name.as_bytes().to_vec());
    // Of one that is gone meanwhile there is nothing to know.
    let name = name.unwrap_or_else(|| fs::read(format!("/proc/{pid}/comm")).unwrap_or_default());
    let name = name.strip_suffix(b" (deleted)").unwrap_or(&name);
    name.trim_ascii_end().to_vec()
}
