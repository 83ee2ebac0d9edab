//! Pid files for people and old tools; we never rely on one, and failing to write one stops nobody.
//!
//! Their folders may be an app's, whose user must not lead us elsewhere with links, nor hold us up with a FIFO.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use pm_core::InstanceId;
use pm_logs::{FileOwner, IfMissing, open_folder};
use pm_spec::AppSpec;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::{app_user, plan};

/// More than any pid with its line end; a longer file is none of ours.
const LONGEST: u64 = 32;

/// Where the pid of one instance stands while it runs.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    /// Whose app it is; links of that user are not followed.
    owner: Option<FileOwner>,
}

impl PidFile {
    /// That of one instance, if its app wants one.
    pub(crate) fn of(app: &AppSpec, instance: InstanceId) -> Option<Self> {
        let path = plan::pid_file(app, instance)?;
        Some(Self { path, owner: app_user::log_owner(app) })
    }

    /// Writes the pid, in place of whatever had the name.
    pub(crate) fn write(&self, pid: i32) {
        let Some((folder, name)) = self.place(IfMissing::Make) else { return };
        let mut new = name.to_os_string();
        new.push(".new");
        let written = create(&folder, &new)
            .and_then(|file| File::from(file).write_all(pid.to_string().as_bytes()))
            .and_then(|()| Ok(renameat(&folder, &new, &folder, name)?));
        if written.is_err() {
            unlinkat(&folder, &new, AtFlags::empty()).ok();
        }
    }

    /// Removes the file if it still names this process; another daemon or a person may have written a new one.
    pub(crate) fn remove(&self, pid: i32) {
        let Some((folder, name)) = self.place(IfMissing::Leave) else { return };
        if read(&folder, name).is_ok_and(|text| text.trim() == pid.to_string()) {
            unlinkat(&folder, name, AtFlags::empty()).ok();
        }
    }

    fn place(&self, missing: IfMissing) -> Option<(OwnedFd, &OsStr)> {
        let folder = open_folder(self.path.parent()?, self.owner, missing).ok()?;
        Some((folder, self.path.file_name()?))
    }
}

/// A new file, even where another was left or planted.
fn create(folder: &OwnedFd, name: &OsStr) -> std::io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let make = || openat(folder, name, flags, Mode::from_raw_mode(0o644));
    Ok(match make() {
        Err(Errno::EXIST) => unlinkat(folder, name, AtFlags::empty()).and_then(|()| make()),
        first => first,
    }?)
}

fn read(folder: &OwnedFd, name: &OsStr) -> std::io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(folder, name, flags, Mode::empty())?;
    let mut text = String::new();
    if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile {
        File::from(file).take(LONGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{chown, lchown, symlink};

    #[test]
    fn a_pid_file_is_written_and_removed_only_while_it_names_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let file = PidFile { path: dir.path().join("new/web-0.pid"), owner: None };
        fs::create_dir(dir.path().join("new")).unwrap();
        // A kill between writing and renaming left this.
        fs::write(dir.path().join("new/web-0.pid.new"), "1").unwrap();
        file.write(4711);
        assert_eq!(fs::read(&file.path).unwrap(), b"4711");
        file.remove(47);
        assert!(file.path.exists());
        fs::write(&file.path, "4711\n").unwrap();
        file.remove(4711);
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 0);
        file.remove(4711);
    }

    #[test]
    fn the_user_of_an_app_leads_its_pid_file_nowhere_else() {
        if !rustix::process::geteuid().is_root() {
            return eprintln!("only root can write for others: nothing to protect here");
        }
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let owner = Some(FileOwner { uid: 65_534, gid: 65_534 });
        let file = |name: &str| PidFile { path: at(name), owner };
        fs::create_dir(at("theirs")).unwrap();
        chown(at("theirs"), Some(65_534), Some(65_534)).unwrap();
        fs::write(at("secret"), "7").unwrap();
        for planted in ["theirs/web.pid", "theirs/web.pid.new"] {
            symlink(at("secret"), at(planted)).unwrap();
        }
        file("theirs/web.pid").remove(7);
        assert_eq!(fs::read_link(at("theirs/web.pid")).unwrap(), at("secret"));
        file("theirs/web.pid").write(8);
        assert_eq!(fs::read(at("secret")).unwrap(), b"7");
        assert_eq!(fs::read(at("theirs/web.pid")).unwrap(), b"8");
        assert!(at("theirs/web.pid").symlink_metadata().unwrap().is_file());
        // The same through a link to a folder.
        fs::create_dir(at("etc")).unwrap();
        fs::write(at("etc/web.pid"), "7").unwrap();
        symlink(at("etc"), at("theirs/run")).unwrap();
        lchown(at("theirs/run"), Some(65_534), None).unwrap();
        file("theirs/run/web.pid").remove(7);
        file("theirs/run/web.pid").write(8);
        assert_eq!(fs::read(at("etc/web.pid")).unwrap(), b"7");
        // A FIFO nobody writes to would keep a reader for ever.
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("theirs/fifo"), FileType::Fifo, mode, 0).unwrap();
        file("theirs/fifo").remove(7);
        assert!(at("theirs/fifo").exists());
    }
}
