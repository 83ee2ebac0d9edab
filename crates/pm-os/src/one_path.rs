//! Two unix sockets for one path: the second has a name of its own in the same folder, and the two exchange names whenever
//! the other one is to get whoever calls. What waits at either stays there.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, RenameFlags, Stat, Uid, chownat, openat, renameat_with, statat,
};
use rustix::io::Errno;

use crate::listener::{self, ITSELF, SocketFileId, folder_of, id_of, is_socket};

/// A second socket for this path, without callers until [`give`] says so. Its file gets the mode and the owners that of the
/// first has by now. `ESTALE`: that one is not there any more.
pub fn join(
    path: &Path,
    first: SocketFileId,
    backlog: i32,
) -> Result<(OwnedFd, SocketFileId), Errno> {
    let old = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    if !is_socket(&old) || id_of(&old) != first {
        return Err(Errno::STALE);
    }
    let other = other(path)?;
    let (socket, id) = listener::unix(&other, old.st_mode & 0o7777, backlog)?;
    match owned_as(&old, &other, id) {
        Ok(()) => Ok((socket, id)),
        Err(errno) => {
            listener::remove_socket(&other, Some(id)).ok();
            Err(errno)
        }
    }
}

/// Whoever calls gets to this one of the two from now on. `EEXIST`: somebody else's file has the name; it keeps it.
pub fn give(path: &Path, to: SocketFileId, from: SocketFileId) -> Result<(), Errno> {
    let ((folder, name), other) = (folder_of(path)?, other_name(path)?);
    let found = |name: &OsStr| match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if is_socket(&stat) => Ok(Some(id_of(&stat))),
        // It may have got the number of a socket that was removed.
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    };
    let called = found(name)?;
    if called == Some(to) {
        return Ok(());
    }
    if found(&other) != Ok(Some(to)) {
        return Err(Errno::NOENT);
    }
    let how = match called {
        None => RenameFlags::NOREPLACE,
        Some(id) if id == from => RenameFlags::EXCHANGE,
        Some(_) => return Err(Errno::EXIST),
    };
    renameat_with(&folder, &other, &folder, name, how)
}

/// Removes the file of either, whichever name it has.
pub fn remove(path: &Path, id: SocketFileId) -> Result<(), Errno> {
    listener::remove_socket(path, Some(id))
        .or_else(|_| listener::remove_socket(&other(path)?, Some(id)))
}

/// The name of the one that is not called.
fn other(path: &Path) -> Result<PathBuf, Errno> {
    Ok(path.with_file_name(other_name(path)?))
}

fn other_name(path: &Path) -> Result<OsString, Errno> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(Errno::INVAL)?);
    name.push(".pm");
    Ok(name)
}

/// The socket of this name belongs to the same user and group as another file.
fn owned_as(like: &Stat, path: &Path, id: SocketFileId) -> Result<(), Errno> {
    let socket = openat(CWD, path, ITSELF, Mode::empty())?;
    let stat = rustix::fs::fstat(&socket)?;
    if id_of(&stat) != id {
        return Err(Errno::STALE);
    }
    if (stat.st_uid, stat.st_gid) == (like.st_uid, like.st_gid) {
        return Ok(());
    }
    let owners = (Uid::from_raw(like.st_uid), Gid::from_raw(like.st_gid));
    chownat(&socket, "", Some(owners.0), Some(owners.1), AtFlags::EMPTY_PATH)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    /// Who gets a caller.
    fn called(path: &Path, sockets: &[&UnixListener]) -> Vec<bool> {
        let _caller = UnixStream::connect(path).unwrap();
        let accepts = |socket: &&UnixListener| {
            socket.set_nonblocking(true).unwrap();
            socket.accept().is_ok()
        };
        sockets.iter().map(accepts).collect()
    }

    #[test]
    fn whoever_is_given_the_name_is_called_and_what_waits_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (first, one) = listener::unix(&path, 0o666, 5).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
        let (second, two) = join(&path, one, 5).unwrap();
        let (first, second) = (UnixListener::from(first), UnixListener::from(second));
        assert_eq!(called(&path, &[&first, &second]), [true, false]);
        let _waits = UnixStream::connect(&path).unwrap();
        for _ in 0..2 {
            give(&path, two, one).unwrap();
        }
        assert_eq!(called(&path, &[&second]), [true]);
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o620);
        give(&path, one, two).unwrap();
        assert!(first.accept().is_ok(), "who waited there is there");
        assert_eq!(called(&path, &[&first, &second]), [true, false]);
        give(&path, two, one).unwrap();
        remove(&path, one).unwrap();
        assert_eq!(called(&path, &[&second]), [true]);
        remove(&path, two).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_somebody_elses_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (first, one) = listener::unix(&path, 0o666, 5).unwrap();
        let (_second, two) = join(&path, one, 5).unwrap();
        drop(first);
        std::fs::remove_file(&path).unwrap();
        symlink("elsewhere", &path).unwrap();
        assert_eq!(give(&path, two, one), Err(Errno::EXIST));
        assert_eq!(join(&path, one, 5).unwrap_err(), Errno::STALE);
        std::fs::remove_file(&path).unwrap();
        give(&path, two, one).unwrap();
        UnixStream::connect(&path).unwrap();
        // Who was killed before anybody knew of it left this.
        drop(join(&path, two, 5).unwrap());
        let (_third, three) = join(&path, two, 5).unwrap();
        std::fs::remove_file(folder.path().join(".s.pm")).unwrap();
        std::fs::write(folder.path().join(".s.pm"), "precious").unwrap();
        assert_eq!(give(&path, three, two), Err(Errno::NOENT));
        assert_eq!(join(&path, two, 5).unwrap_err(), Errno::ADDRINUSE);
    }
}
