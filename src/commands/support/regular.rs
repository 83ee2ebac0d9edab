//! Files that somebody else may have put in their place: opened if they are regular files, never waiting for one that isn't.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RWXU).unwrap();
        for path in [&fifo, folder.path(), Path::new("/dev/zero")] {
            assert!(open(path).is_err(), "{}", path.display());
        }
        std::fs::write(folder.path().join("file"), "text").unwrap();
        let file = open(&folder.path().join("file")).unwrap();
        assert_eq!(io::read_to_string(file).unwrap(), "text");
    }
}
