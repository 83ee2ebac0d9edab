//! Variables whose values are in files: read whenever a process is made, and kept nowhere.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

use pm_spec::{AppSpec, ByteString};
use rustix::fs::OFlags;

use crate::plan;

/// A value is shorter: the kernel takes no variable of more than 128 KiB.
const MOST: u64 = 64 << 10;

/// Adds them to what a process gets; else what can't be read, and why.
pub(crate) fn lay(env: &mut Vec<CString>, app: &AppSpec) -> Result<(), String> {
    for (name, path) in &app.secret_files {
        let failed =
            |why: String| format!("read the secret `{name}` from {}: {why}", path.display());
        let value = value(path).map_err(|error| failed(words(&error)))?;
        let entry = [name.as_bytes(), b"=", &value].concat();
        env.retain(|known| !known.as_bytes().starts_with(&entry[..=name.len()]));
        env.push(CString::new(entry).map_err(|_| failed("it holds a NUL byte".into()))?);
    }
    Ok(())
}

fn value(path: &ByteString) -> io::Result<Vec<u8>> {
    // What is no file might never end, or never begin.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(plan::path_of(path))?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut value = Vec::new();
    file.take(MOST + 1).read_to_end(&mut value)?;
    if value.len() as u64 > MOST {
        return Err(io::Error::other("it has more than 64 KiB"));
    }
    // Editors and `echo` end it with one.
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    Ok(value)
}

/// Without the number of the error, which helps nobody.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_lowercase()
}
