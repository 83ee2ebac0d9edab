//! Moves output from a pipe to its file while no daemon runs. The kernel moves the bytes and the
//! file's size is the commit record (`supervision.md` 1.1): a kill at any instant loses nothing.
//! Never two movers for one file: callers have made sure that no daemon is alive.

use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};

/// Most bytes of one call; one loud pipe can't keep the others waiting for long.
const BATCH: usize = 1 << 20;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MoveOutcome {
    /// There may be more.
    Some,
    /// The pipe is empty.
    Empty,
    /// The pipe is empty and nobody can write into it any more.
    End,
    /// The file takes nothing now (disk full, limit, unsupported); the bytes are still in the pipe.
    Refused(Errno),
}

/// One batch from `pipe` to the end of `sink`.
pub(crate) fn move_once(pipe: BorrowedFd<'_>, sink: BorrowedFd<'_>) -> MoveOutcome {
    let result = fstat(sink).and_then(|file| {
        let regular = FileType::from_raw_mode(file.st_mode) == FileType::RegularFile;
        // The size is taken anew each time: after a truncation by the user no hole appears.
        let mut end = u64::try_from(file.st_size).unwrap_or(0);
        let offset = regular.then_some(&mut end);
        splice(pipe, None, sink, offset, BATCH, SpliceFlags::NONBLOCK | SpliceFlags::MOVE)
    });
    match result {
        Ok(0) => MoveOutcome::End,
        Ok(_) | Err(Errno::INTR) => MoveOutcome::Some,
        Err(Errno::AGAIN) => MoveOutcome::Empty,
        Err(error) => MoveOutcome::Refused(error),
    }
}
