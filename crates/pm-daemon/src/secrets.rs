//! Values that nobody is to know: read whenever a process is made, and kept nowhere.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use pm_core::SpawnFailure;
use pm_spec::{AppSpec, ByteString};
use rustix::fs::OFlags;

use crate::{plan, spawn_failure};

/// A value is shorter: the kernel takes no variable of more than 128 KiB.
pub(crate) const MOST: usize = 64 << 10;

/// Says where those are that are files (`systemd.exec(5)`).
pub(crate) const FOLDER: &str = "CREDENTIALS_DIRECTORY";

/// Adds them to what a process gets; else what can't be read, and why.
pub(crate) fn lay(env: &mut Vec<CString>, app: &AppSpec) -> Result<(), SpawnFailure> {
    for (name, path) in &app.secret_files {
        let value = trimmed(read(name, path, MOST)?);
        set(env, name, &value).map_err(|why| SpawnFailure::Refused(unread(name, path, &why)))?;
    }
    Ok(())
}

fn unread(name: &str, path: &ByteString, why: &str) -> String {
    format!("read the secret `{name}` from {}: {why}", path.display())
}

/// Adds those that were printed for a process of the app, and where its files of secrets are, as that has them: nobody else
/// knows them.
pub(crate) fn take_over(env: &mut Vec<CString>, app: &AppSpec, pid: Option<u32>) {
    let has_some = !app.secret_commands.is_empty() || !app.secrets.is_empty();
    let Some(pid) = pid.filter(|_| has_some) else { return };
    // A process that is gone, or shows nobody what it has, leaves the command without.
    let block = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    for entry in block.split(|byte| *byte == 0) {
        let Some(at) = entry.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = (String::from_utf8_lossy(&entry[..at]), &entry[at + 1..]);
        let is_folder = !app.secrets.is_empty() && name == FOLDER;
        if is_folder || app.secret_commands.contains_key(&*name) {
            // It holds no NUL byte.
            set(env, &name, value).ok();
        }
    }
}

/// Sets one variable, in the place of what is called so.
pub(crate) fn set(env: &mut Vec<CString>, name: &str, value: &[u8]) -> Result<(), String> {
    let entry = [name.as_bytes(), b"=", value].concat();
    let entry = CString::new(entry).map_err(|_| "it holds a NUL byte")?;
    env.retain(|known| !known.as_bytes().starts_with(&entry.as_bytes()[..=name.len()]));
    env.push(entry);
    Ok(())
}

/// Without the end of its line: editors and `echo` end it with one.
pub(crate) fn trimmed(mut value: Vec<u8>) -> Vec<u8> {
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    value
}

/// What the file of a secret holds, if that is not too much.
pub(crate) fn read(name: &str, path: &ByteString, most: usize) -> Result<Vec<u8>, SpawnFailure> {
    let failed = |error| spawn_failure::of_io(&error).told(|why| unread(name, path, &why));
    held(path, most).map_err(failed)
}

fn held(path: &ByteString, most: usize) -> io::Result<Vec<u8>> {
    // What is no file might never end, or never begin.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(plan::path_of(path))?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut value = Vec::new();
    let one_more = most.saturating_add(1).try_into().unwrap_or(u64::MAX);
    file.take(one_more).read_to_end(&mut value)?;
    if value.len() > most {
        return Err(io::Error::other(format!("it has more than {} KiB", most >> 10)));
    }
    Ok(value)
}
