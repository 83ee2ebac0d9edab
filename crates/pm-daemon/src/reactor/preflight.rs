//! The preflight of a program that is to replace us: does it say its version? It gets no apps before, and no time
//! without end.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_os::spawn::SpawnRequest;
use pm_os::wait::Termination;
use pm_protocol::{Code, Refusal};
use tokio::sync::mpsc;

use crate::caller::Caller;
use crate::command_end::Finish;
use crate::inlet::Inlet;
use crate::short_command::{Bond, Ears, Heard, ShortCommand};

/// Time for a program to say its version; far more than any machine needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// A version is shorter than this, in bytes.
const LONGEST: usize = 64;

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

/// Whether this program says a version when asked for one; an error if it can't be run or does not end in time. Blocks
/// until then.
fn says_its_version(program: &Path, patience: Duration) -> io::Result<bool> {
    let end = begun(program)?.wait(patience, LONGEST)?;
    match end.finish {
        Finish::Ended(Termination::Exited(0)) => Ok(is_version(&end.out)),
        Finish::Ended(_) | Finish::Flooded => Ok(false),
        Finish::Late => Err(io::Error::other(format!("it did not answer within {patience:?}"))),
    }
}

fn begun(program: &Path) -> io::Result<ShortCommand> {
    let ears = Ears::open(Heard::Out)?;
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::other);
    let program = text(program.as_os_str().as_bytes())?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let argv = vec![program.clone(), c"--version".into()];
    let env = vec![text(&[b"PATH=", path.as_bytes()].concat())?];
    let request = SpawnRequest::new(program, argv, env, ears.stdio());
    let born = pm_os::spawn::spawn(&request).map_err(io::Error::other)?;
    Ok(ears.of(born, Bond::Group))
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

    fn asked(program: PathBuf) -> io::Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asking = move || says_its_version(&program, Duration::from_secs(2));
        runtime.block_on(async { tokio::task::spawn_blocking(asking).await })?
    }

    fn tried(script: &str) -> io::Result<bool> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("pm");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        asked(program)
    }

    #[test]
    fn a_program_that_is_tried_ends_in_time_or_is_ended() {
        assert!(tried("echo 1.2.3").unwrap());
        assert!(tried("sleep 5 & echo 1.2.3").unwrap(), "a child that stays is no obstacle");
        assert!(!tried("echo 1.2.3; exit 1").unwrap());
        assert!(!tried("echo hello").unwrap());
        assert!(!tried("exec yes").unwrap());
        let error = tried("echo 1.2.3; exec sleep 60").unwrap_err().to_string();
        assert!(error.contains("did not answer within 2s"), "{error}");
        assert!(asked(PathBuf::from("/nowhere/pm")).is_err());
    }
}
