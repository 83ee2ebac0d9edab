//! What the built-in engine asks of the machine: files, folders, users. It reads, and makes folders; no more.

use std::fs::{self, File, FileType};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::paths;
use crate::script::packages;

/// No file that a config reads is larger.
const LARGEST: u64 = 16 << 20;

/// Answers a question that can fail: `{ok}`, or `{code, errno, text}`, and `{lacks}` with either.
pub(super) fn answer(caller: &Caller, what: &str, subject: &str, more: &str) -> Value {
    let path = paths::absolute(Path::new(subject), &caller.cwd);
    let done = match what {
        "open" => return open(&path),
        "stat" => fs::metadata(&path).map(|meta| facts(&meta)),
        "lstat" => fs::symlink_metadata(&path).map(|meta| facts(&meta)),
        "realpath" => path.canonicalize().map(|path| json!(path.to_string_lossy())),
        "scandir" => folder(&path),
        "access" => access(&path, more),
        "mkdir" if more == "recursive" => fs::create_dir_all(&path).map(|()| Value::Null),
        "mkdir" => fs::create_dir(&path).map(|()| Value::Null),
        "user" => Ok(user(caller, subject)),
        _ => return json!({ "ok": null, "lacks": what }),
    };
    match done {
        Ok(value) => json!({ "ok": value }),
        Err(error) => refusal(&error),
    }
}

/// Which file a module's name means; empty: none. `subject` is `{name, folder, how}`.
pub(super) fn resolve(subject: &str) -> String {
    let asked: Value = serde_json::from_str(subject).unwrap_or_default();
    let part = |key: &str| asked.get(key).and_then(Value::as_str).unwrap_or_default();
    let how = if part("how") == "import" { packages::How::Import } else { packages::How::Require };
    let found = packages::find(part("name"), Path::new(part("folder")), how);
    found.map_or_else(String::new, |path| path.to_string_lossy().into_owned())
}

fn open(path: &Path) -> Value {
    let read = |path: &Path| {
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match fs::metadata(path) {
        // Reading a FIFO could wait for ever; `node` has a time limit there.
        Ok(meta) if !meta.is_file() && !meta.is_dir() => {
            return json!({ "ok": "", "lacks": format!("reading {}", path.display()) });
        }
        Ok(meta) if meta.len() >= LARGEST => {
            return json!({ "ok": "", "lacks": "reading large files" });
        }
        Ok(_) => {}
        Err(error) => return refusal(&error),
    }
    match read(path).map(String::from_utf8) {
        Ok(Ok(text)) => json!({ "ok": text }),
        Ok(Err(error)) => {
            json!({ "ok": String::from_utf8_lossy(error.as_bytes()), "lacks": "reading bytes" })
        }
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &io::Error) -> Value {
    let number = error.raw_os_error().unwrap_or(5);
    let code = match number {
        1 => "EPERM",
        2 => "ENOENT",
        13 => "EACCES",
        17 => "EEXIST",
        20 => "ENOTDIR",
        21 => "EISDIR",
        36 => "ENAMETOOLONG",
        39 => "ENOTEMPTY",
        40 => "ELOOP",
        _ => "EIO",
    };
    json!({ "code": code, "errno": -number, "text": paths::cause(error) })
}

fn kind(kind: FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "folder",
        () if kind.is_symlink() => "link",
        () if kind.is_socket() => "socket",
        () if kind.is_fifo() => "fifo",
        () if kind.is_block_device() => "block",
        () if kind.is_char_device() => "character",
        () => "file",
    }
}

fn facts(meta: &fs::Metadata) -> Value {
    json!({
        "kind": kind(meta.file_type()), "size": meta.size(), "mode": meta.mode(), "uid": meta.uid(),
        "gid": meta.gid(), "ino": meta.ino(),
        "mtimeMs": meta.mtime().saturating_mul(1000).saturating_add(meta.mtime_nsec() / 1_000_000),
    })
}

fn folder(path: &Path) -> io::Result<Value> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push((name, kind(entry.file_type()?)));
    }
    entries.sort();
    let entry = |(name, kind): (String, &str)| json!({ "name": name, "kind": kind });
    Ok(entries.into_iter().map(entry).collect())
}

/// access(2); `more` is Node's number, which is the system's.
fn access(path: &Path, more: &str) -> io::Result<Value> {
    use rustix::fs::Access;
    let wanted = Access::from_bits_truncate(more.parse().unwrap_or(0));
    Ok(rustix::fs::access(path, wanted).map(|()| Value::Null)?)
}

/// The fields of passwd(5).
fn user(caller: &Caller, uid: &str) -> Value {
    let text = fs::read(&caller.passwd).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.get(2) == Some(&uid)).unwrap_or_default();
    let field = |index: usize| line.get(index).copied().unwrap_or_default();
    json!({ "username": field(0), "homedir": field(5), "shell": field(6) })
}
