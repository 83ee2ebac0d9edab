//! Takes bytes from a pipe and puts them into a file in one system call, so that no kill can come
//! between the two: the file's size is the commit record. Decides nothing about where or when.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::fstat;
use rustix::io::{Errno, ioctl_fionread};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice, tee};

/// As much as is moved at once, and the size a busy pipe is widened to: a 0.5 ms pause of a reader
/// then never fills it at 270 MB/s.
pub(crate) const CHUNK: usize = 256 << 10;

/// What one attempt to move found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpliceOutcome {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing there now.
    Empty,
    /// Nothing there, and nobody left to write.
    End,
}

/// The size of an open file in bytes.
pub(crate) fn size(file: impl AsFd) -> Result<u64, Errno> {
    Ok(u64::try_from(fstat(file)?.st_size).unwrap_or(0))
}

/// What there is to say of a pipe in which nothing waits, [`SpliceOutcome::Empty`] or [`SpliceOutcome::End`].
///
/// Counts before it polls: only counting waits for a write that is under way, and what that brings is moved with the
/// rest, with half as many wake-ups of a program that writes 64 KiB at a time.
pub(crate) fn nothing_waits(pipe: impl AsFd) -> Result<Option<SpliceOutcome>, Errno> {
    if ioctl_fionread(&pipe)? > 0 {
        return Ok(None);
    }
    let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    let found = fds[0].revents();
    Ok(match (found.contains(PollFlags::IN), found.contains(PollFlags::HUP)) {
        (true, _) => None,
        (false, true) => Some(SpliceOutcome::End),
        (false, false) => Some(SpliceOutcome::Empty),
    })
}

/// Moves at most `most` bytes to offset `at` of `file`, which the caller has just measured.
pub(crate) fn to_file(
    pipe: impl AsFd,
    file: impl AsFd,
    at: u64,
    most: usize,
) -> Result<SpliceOutcome, Errno> {
    let mut offset = at;
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    understand(splice(pipe, None, file, Some(&mut offset), most, flags))
}

/// Moves at most `most` bytes to where they are forgotten.
pub(crate) fn to_nowhere(
    pipe: impl AsFd,
    null: impl AsFd,
    most: usize,
) -> Result<SpliceOutcome, Errno> {
    understand(splice(pipe, None, null, None, most, SpliceFlags::NONBLOCK))
}

fn understand(result: Result<usize, Errno>) -> Result<SpliceOutcome, Errno> {
    match result {
        Ok(0) => Ok(SpliceOutcome::End),
        Ok(count) => Ok(SpliceOutcome::Bytes(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(SpliceOutcome::Empty),
        Err(error) => Err(error),
    }
}

/// A pipe of our own through which to look into others without taking anything from them.
#[derive(Debug)]
pub(crate) struct PipePeek {
    read: OwnedFd,
    write: OwnedFd,
    bytes: Vec<u8>,
}

impl PipePeek {
    pub(crate) fn new() -> Result<Self, Errno> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        widen(write.as_fd());
        Ok(PipePeek { read, write, bytes: Vec::new() })
    }

    /// Gives the buffer back.
    pub(crate) fn free_buffer(&mut self) {
        self.bytes = Vec::new();
    }

    /// The next bytes in `pipe`, up to [`CHUNK`]; they stay there.
    pub(crate) fn look(&mut self, pipe: impl AsFd) -> Result<&[u8], Errno> {
        self.bytes.resize(CHUNK, 0);
        let waiting = match tee(pipe, &self.write, CHUNK, SpliceFlags::NONBLOCK) {
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => 0,
            Err(error) => return Err(error),
        };
        let mut have = 0;
        while have < waiting {
            match rustix::io::read(&self.read, &mut self.bytes[have..waiting]) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.bytes[..have])
    }
}

/// Asks for a pipe of [`CHUNK`] bytes; whether that was granted changes speed only.
pub(crate) fn widen(pipe: BorrowedFd<'_>) -> bool {
    fcntl_setpipe_size(pipe, CHUNK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_are_seen_before_they_are_taken() {
        let (read, write) = std::io::pipe().expect("a pipe");
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"old ").expect("written");
        (&write).write_all(b"a\nb\n").expect("written");
        let mut peek = PipePeek::new().expect("a pipe");
        assert_eq!(peek.look(&read), Ok(&b"a\nb\n"[..]));
        let at = size(&file).expect("a size");
        assert_eq!(to_file(&read, &file, at, 2), Ok(SpliceOutcome::Bytes(2)));
        assert_eq!(peek.look(&read), Ok(&b"b\n"[..]));
        assert_eq!(to_file(&read, &file, at + 2, CHUNK), Ok(SpliceOutcome::Bytes(2)));
        assert_eq!(to_file(&read, &file, at + 4, CHUNK), Ok(SpliceOutcome::Empty));
        drop(write);
        assert_eq!(to_file(&read, &file, at + 4, CHUNK), Ok(SpliceOutcome::End));
        assert_eq!(size(&file), Ok(8));
    }
}
