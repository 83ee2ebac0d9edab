//! The preflight of a program that is to replace us: does it say its version? It gets no apps before, and no time
//! without end.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_os::signal::{self, SignalNumber};
use pm_os::spawn::SpawnRequest;
use pm_os::wait::{self, Termination};
use pm_protocol::{Code, Refusal};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::sync::mpsc;

use crate::caller::Caller;
use crate::inlet::Inlet;

/// Seconds for a program to say its version; far more than any machine needs.
const PATIENCE: i64 = 10;

/// A version is shorter than this, in bytes.
const LONGEST: u64 = 64;

/// Tries a program on another thread; one that passes comes to the loop, to take over.
pub(super) fn begin(program: PathBuf, caller: Caller, outlet: mpsc::Sender<Inlet>) {
    tokio::task::spawn_blocking(move || {
        let (code, message) = match says_its_version(&program, PATIENCE) {
            Ok(true) => {
                outlet.blocking_send(Inlet::Updating(program, caller)).ok();
                return;
            }
            Ok(false) => (Code::BadRequest, format!("{} is no pm", program.display())),
            Err(error) => (Code::System, format!("could not run {}: {error}", program.display())),
        };
        caller.refuse(Refusal { code, message, hint: None });
    });
}

/// Whether this program says a version when asked for one; an error if it can't be run or does not end within
/// `patience` seconds. Blocks until then.
fn says_its_version(program: &Path, patience: i64) -> io::Result<bool> {
    // Nobody reads while it runs: who says more than a pipe holds is no pm.
    let (heard, said) = pipe_with(PipeFlags::CLOEXEC)?;
    // Its children may hold the other end after it has ended.
    rustix::fs::fcntl_setfl(&heard, OFlags::NONBLOCK)?;
    let child = spawn(program, &said)?;
    drop(said);
    let limit = Timespec { tv_sec: patience, tv_nsec: 0 };
    let ended = wait(&child, Some(&limit));
    if !matches!(ended, Ok(true)) {
        // It may be ending at this moment, which is as good.
        signal::send(&child, SignalNumber::KILL).ok();
        wait(&child, None)?;
    }
    let ending = wait::reap(&child).map_err(io::Error::other)?;
    if !ended? {
        return Err(io::Error::other(format!("it did not answer within {patience} s")));
    }
    let mut version = Vec::new();
    match File::from(heard).take(LONGEST).read_to_end(&mut version) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        Ok(_) | Err(_) => Ok(ending == Some(Termination::Exited(0)) && is_version(&version)),
    }
}

fn spawn(program: &Path, said: &OwnedFd) -> io::Result<OwnedFd> {
    let null = pm_os::stdio::null()?;
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::other);
    let program = text(program.as_os_str().as_bytes())?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let argv = vec![program.clone(), c"--version".into()];
    let env = vec![text(&[b"PATH=", path.as_bytes()].concat())?];
    let stdio = [null.as_fd(), said.as_fd(), null.as_fd()];
    let plan = SpawnRequest::new(program, argv, env, stdio);
    pm_os::spawn::spawn(&plan).map(|born| born.pidfd).map_err(io::Error::other)
}

/// Waits for the end of a process; `false`: the limit was reached.
fn wait(process: &OwnedFd, limit: Option<&Timespec>) -> io::Result<bool> {
    loop {
        match poll(&mut [PollFd::new(process, PollFlags::IN)], limit) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a program answered `--version` as ours does: numbers and dots, a line end, nothing else.
fn is_version(said: &[u8]) -> bool {
    let number = said.strip_suffix(b"\n").unwrap_or(said).split(|byte| *byte == b'-').next();
    let mut parts = number.unwrap_or_default().split(|byte| *byte == b'.');
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    parts.clone().count() == 3 && parts.all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_program_that_says_anything_but_a_version_gets_no_apps() {
        for said in ["0.1.0\n", "12.34.56\n", "1.0.0-beta.1\n", "0.1.0"] {
            assert!(is_version(said.as_bytes()), "{said:?}");
        }
        for said in ["", "\n", "pm 0.1.0\n", "0.1\n", "0.1.0\nmore\n", "0.1.\n", "a.b.c\n"] {
            assert!(!is_version(said.as_bytes()), "{said:?}");
        }
    }

    fn tried(script: &str) -> io::Result<bool> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("pm");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        says_its_version(&program, 2)
    }

    #[test]
    fn a_program_that_is_tried_ends_in_time_or_is_ended() {
        assert!(tried("echo 1.2.3").unwrap());
        assert!(tried("sleep 5 & echo 1.2.3").unwrap(), "a child that stays is no obstacle");
        assert!(!tried("echo 1.2.3; exit 1").unwrap());
        assert!(!tried("echo hello").unwrap());
        for stuck in ["echo 1.2.3; exec sleep 60", "exec yes"] {
            let error = tried(stuck).unwrap_err().to_string();
            assert!(error.contains("did not answer"), "{error}");
        }
        assert!(says_its_version(Path::new("/nowhere/pm"), 2).is_err());
    }
}
