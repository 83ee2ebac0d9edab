//! Looks at files with somebody's eyes: may this user enter, read or execute them? By owner, groups and mode, as the
//! kernel would; access lists are left out, so that a rehearsal by root is right for the most part.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pm_os::user::Account;

/// Longest first line of a script that the kernel reads (`execve(2)`).
const FIRST_LINE: u64 = 256;

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessMode {
    /// Work in a folder.
    Enter,
    /// Read a file.
    Read,
    /// Execute a file.
    Execute,
}

/// Why this user can't; `None`: nothing speaks against it.
pub(super) fn access(path: &Path, who: &Account, wish: AccessMode) -> Option<String> {
    let shown = path.display();
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Some(format!("{shown} does not exist"));
        }
        Err(error) => return Some(format!("{shown} can't be looked at: {error}")),
    };
    let folders: Vec<_> = real.ancestors().skip(1).collect();
    for folder in folders.into_iter().rev() {
        let may = fs::metadata(folder).is_ok_and(|meta| may(&meta, who, 1));
        if !may {
            return Some(format!(
                "{shown} is out of reach: {} may not enter {}",
                who.name,
                folder.display()
            ));
        }
    }
    let meta = match fs::metadata(&real) {
        Ok(meta) => meta,
        Err(error) => return Some(format!("{shown} can't be looked at: {error}")),
    };
    let (fits, bit, verb) = match wish {
        AccessMode::Enter => (meta.is_dir(), 1, "enter"),
        AccessMode::Read => (meta.is_file(), 4, "read"),
        AccessMode::Execute => (meta.is_file(), 1, "execute"),
    };
    if !fits {
        let kind = if meta.is_dir() { "a folder" } else { "no folder" };
        return Some(format!("{shown} is {kind}"));
    }
    (!may(&meta, who, bit)).then(|| format!("{shown}: {} may not {verb} it", who.name))
}

/// The kernel's rule; `bit` is 4 to read, 2 to write, 1 to execute or enter.
fn may(meta: &Metadata, who: &Account, bit: u32) -> bool {
    let mode = meta.mode();
    if who.uid == 0 {
        // Root may do all, but executes only what somebody may execute.
        return bit != 1 || meta.is_dir() || mode & 0o111 != 0;
    }
    let shift = if meta.uid() == who.uid {
        6
    } else if meta.gid() == who.gid || who.groups.contains(&meta.gid()) {
        3
    } else {
        0
    };
    mode >> shift & bit != 0
}

/// The file that is executed for a program, found as `execvp(3)` does; why there is none.
pub(super) fn executable(
    program: &Path,
    cwd: &Path,
    search: &[u8],
    who: &Account,
) -> Result<PathBuf, String> {
    let is_plain = program.components().count() == 1 && !program.is_absolute();
    if !is_plain {
        let file = cwd.join(program);
        return access(&file, who, AccessMode::Execute)
            .map_or(Ok(file), |why| Err(format!("program {why}")));
    }
    let folders = std::env::split_paths(OsStr::from_bytes(search));
    let mut files = folders.map(|folder| folder.join(program));
    files
        .find(|file| access(file, who, AccessMode::Execute).is_none())
        .ok_or_else(|| format!("program {} is not in its PATH", program.display()))
}

/// What a script's first line names.
pub(super) fn shebang(script: &Path) -> Option<PathBuf> {
    let mut line = Vec::new();
    fs::File::open(script).ok()?.take(FIRST_LINE).read_to_end(&mut line).ok()?;
    let line = line.split(|byte| *byte == b'\n').next()?.strip_prefix(b"#!")?;
    let word = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    (!word.is_empty()).then(|| Path::new(OsStr::from_bytes(word)).to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn stranger() -> Account {
        Account {
            name: "stranger".into(),
            uid: 54321,
            gid: 54321,
            home: "/".into(),
            groups: vec![54321],
        }
    }

    #[test]
    fn files_are_seen_with_the_eyes_of_who_will_use_them() {
        let dir = tempfile::tempdir().unwrap();
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        chmod(dir.path(), 0o755);
        let file = dir.path().join("app");
        fs::write(&file, "#! /bin/sh -e\n").unwrap();
        chmod(&file, 0o640);
        let who = stranger();
        assert!(
            access(&file, &who, AccessMode::Read).unwrap().contains("stranger may not read it")
        );
        chmod(&file, 0o644);
        assert_eq!(access(&file, &who, AccessMode::Read), None);
        assert!(access(&file, &who, AccessMode::Execute).is_some());
        let root = Account { uid: 0, ..stranger() };
        assert!(access(&file, &root, AccessMode::Execute).is_some(), "nobody may, so root can't");
        chmod(&file, 0o700);
        assert_eq!(access(&file, &root, AccessMode::Execute), None);
        assert!(access(&file, &root, AccessMode::Enter).unwrap().ends_with("is no folder"));
        assert!(
            access(&dir.path().join("x"), &who, AccessMode::Read)
                .unwrap()
                .ends_with("does not exist")
        );
        chmod(&file, 0o755);
        chmod(dir.path(), 0o700);
        assert!(access(&file, &who, AccessMode::Read).unwrap().contains("may not enter"));
        assert_eq!(shebang(&file).unwrap(), Path::new("/bin/sh"));
        assert_eq!(shebang(Path::new("/bin/sh")), None);
    }

    #[test]
    fn programs_are_searched_as_the_kernel_does() {
        let root = Account { uid: 0, ..stranger() };
        let found = executable(Path::new("sh"), Path::new("/"), b"/nowhere:/bin", &root);
        assert_eq!(found.unwrap(), Path::new("/bin/sh"));
        assert!(executable(Path::new("sh"), Path::new("/"), b"/nowhere", &root).is_err());
        assert!(executable(Path::new("bin/sh"), Path::new("/"), b"", &root).is_ok());
    }
}
