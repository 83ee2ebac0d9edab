//! Positional reads and writes that are not cut short.

use std::os::fd::OwnedFd;

use rustix::io::{Errno, pread, pwrite};

/// Reads until `bytes` is full or the file ends.
pub(crate) fn read_full(file: &OwnedFd, bytes: &mut [u8], at: u64) -> Result<usize, Errno> {
    let mut have = 0;
    while have < bytes.len() {
        match pread(file, &mut bytes[have..], at + have as u64) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(have)
}

/// Writes all of `bytes`, or fails with some of them written.
pub(crate) fn write_full(file: &OwnedFd, bytes: &[u8], at: u64) -> Result<(), Errno> {
    let mut done = 0;
    while done < bytes.len() {
        match pwrite(file, &bytes[done..], at + done as u64) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(count) => done += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the byte before `size` ends a line; so does the beginning, `start`.
pub(crate) fn ends_line(file: &OwnedFd, start: u64, size: u64) -> bool {
    let mut last = [b'\n'];
    size <= start || read_full(file, &mut last, size - 1).is_ok_and(|_| last[0] == b'\n')
}
