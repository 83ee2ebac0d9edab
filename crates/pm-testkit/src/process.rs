//! Processes, by pid: alive, gone, signalled.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pm_client::{Deadline, pause};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use crate::PATIENCE;

fn pid_of(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a pid is positive")
}

/// Whether a process exists and is no zombie.
pub fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in parentheses may hold anything; the state follows the last of them.
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// Waits until a process has ended.
pub fn wait_gone(pid: u32) {
    let Ok(pidfd) = pidfd_open(pid_of(pid), PidfdFlags::empty()) else { return };
    let timeout = Timespec::try_from(PATIENCE).expect("patience is short");
    let ready = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout));
    assert_eq!(ready, Ok(1), "process {pid} is still there after {PATIENCE:?}");
}

/// Sends a signal by number, as `kill -N PID`.
pub fn signal(pid: u32, number: i32) {
    let signal = Signal::from_named_raw(number).expect("a signal with a name");
    kill_process(pid_of(pid), signal)
        .unwrap_or_else(|error| panic!("kill -{number} {pid}: {error}"));
}

/// Kills whatever was started with this home in its environment, apps and managers alike, until two looks in a row
/// find nothing.
pub(crate) fn sweep(home: &Path) {
    sweep_marked("PM_HOME", home);
}

/// Kills whatever was started with this variable in its environment, until two looks in a row find nothing.
pub fn sweep_marked(name: &str, value: &Path) {
    let mut cookie = format!("{name}=").into_bytes();
    cookie.extend_from_slice(value.as_os_str().as_bytes());
    let deadline = Deadline::after(PATIENCE);
    let mut quiet = 0;
    while quiet < 2 && !deadline.is_over() {
        let found = with_cookie(&cookie);
        quiet = if found.is_empty() { quiet + 1 } else { 0 };
        for pid in found {
            // By pidfd, and the cookie is looked at again: the number may be another's by now.
            if let Ok(pidfd) = pidfd_open(pid_of(pid), PidfdFlags::empty())
                && has_cookie(pid, &cookie)
            {
                pidfd_send_signal(&pidfd, Signal::KILL).ok();
            }
        }
        if quiet == 0 {
            pause(std::time::Duration::from_millis(5), deadline);
        }
    }
}

fn with_cookie(cookie: &[u8]) -> Vec<u32> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let number = |name: &OsStr| name.to_str()?.parse().ok();
    entries
        .filter_map(|entry| number(&entry.file_name()))
        .filter(|pid| *pid != own && is_alive(*pid) && has_cookie(*pid, cookie))
        .collect()
}

fn has_cookie(pid: u32, cookie: &[u8]) -> bool {
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environ.split(|byte| *byte == 0).any(|entry| entry == cookie)
}
