//! What the next daemon must know of a descriptor: a small text in anonymous memory, kept by the guardian beside it.
//!
//! Memory outlives the daemon that wrote it, so the guardian need not be told of each change. The first byte is a mark
//! of its own: set while a long line is being written, for a line cut in two by the daemon's death kills the process
//! that reads it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{Errno, pread, pwrite};
use serde_json::Value;

/// No note is longer; what is beyond is not remembered.
const LONGEST: usize = 64 << 10;

const CLEAN: u8 = b' ';
const DIRTY: u8 = b'!';

/// The note beside a descriptor.
#[derive(Debug)]
pub struct Note {
    memory: OwnedFd,
    is_dirty: bool,
    text: Vec<u8>,
}

impl Note {
    /// An empty one.
    pub fn new() -> Result<Self, Errno> {
        let memory = memfd_create("pm-note", MemfdFlags::CLOEXEC)?;
        pwrite(&memory, &[CLEAN], 0)?;
        Ok(Self { memory, is_dirty: false, text: Vec::new() })
    }

    /// One that a daemon before us wrote. What can't be understood reads as nothing, but the mark counts.
    pub fn found(memory: OwnedFd) -> (Self, Value) {
        let mut bytes = vec![0; LONGEST + 2];
        let length = pread(&memory, &mut bytes, 0).unwrap_or(0);
        bytes.truncate(length);
        let (mark, rest) =
            bytes.split_first().map_or((CLEAN, &[][..]), |(mark, rest)| (*mark, rest));
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let value = serde_json::from_slice(line).unwrap_or_default();
        let text = line.to_vec();
        (Self { memory, is_dirty: mark == DIRTY, text }, value)
    }

    /// The memory itself, for the guardian.
    pub fn memory(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }

    /// The memory alone.
    pub fn into_memory(self) -> OwnedFd {
        self.memory
    }

    /// Whether somebody died while writing a long line.
    pub(crate) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// A long line is about to be written, or is written.
    pub(crate) fn mark(&mut self, dirty: bool) {
        if self.is_dirty != dirty {
            self.is_dirty = dirty;
            // Memory of our own takes one byte always.
            pwrite(&self.memory, &[if dirty { DIRTY } else { CLEAN }], 0).ok();
        }
    }

    /// Remembers this and nothing else.
    pub fn write(&mut self, value: &Value) {
        let mut text = value.to_string().into_bytes();
        if text == self.text || text.len() > LONGEST {
            return;
        }
        self.text.clone_from(&text);
        text.push(b'\n');
        // A machine without memory for it costs the next daemon a worker, nobody else anything.
        pwrite(&self.memory, &text, 1).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_note_is_read_by_the_next_one() {
        let mut note = Note::new().unwrap();
        note.write(&json!({"keys": ["a long one"], "ready": true}));
        note.write(&json!({"keys": []}));
        note.mark(true);
        let (found, value) = Note::found(note.memory.try_clone().unwrap());
        assert!(found.is_dirty());
        assert_eq!(value, json!({"keys": []}));
        note.mark(false);
        assert!(!Note::found(note.memory.try_clone().unwrap()).0.is_dirty());
        let (empty, nothing) = Note::found(Note::new().unwrap().memory);
        assert!(!empty.is_dirty() && nothing.is_null());
    }
}
