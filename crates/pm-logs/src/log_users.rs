//! Which files somebody writes to as a log: counts that the handle and the thread share, so that who attaches a stream
//! need not wait to find out that nobody else has its log. Two files may share a count; then somebody waits in vain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use crate::open::FileId;

/// Files made one after the other have counts of their own.
const COUNTS: usize = 4096;

/// The counts.
#[derive(Debug)]
pub(crate) struct LogUsers {
    counts: Box<[AtomicU16]>,
    /// Somebody came to a log that is another's too, or a log became another file.
    is_unsettled: AtomicBool,
}

/// One user of a file, as long as it lives.
#[derive(Debug)]
pub(crate) struct LogUse {
    users: Arc<LogUsers>,
    place: usize,
}

impl LogUsers {
    pub(crate) fn new() -> Arc<Self> {
        let counts = (0..COUNTS).map(|_| AtomicU16::new(0)).collect();
        Arc::new(LogUsers { counts, is_unsettled: AtomicBool::new(false) })
    }

    /// One more user of `file`, and whether it has others.
    pub(crate) fn enter(self: &Arc<Self>, file: FileId) -> (LogUse, bool) {
        let mixed = file.ino.wrapping_add(file.dev.wrapping_mul(61));
        let place = usize::try_from(mixed % COUNTS as u64).unwrap_or(0);
        let before = self.counts[place].fetch_add(1, Ordering::SeqCst);
        (LogUse { users: Arc::clone(self), place }, before > 0)
    }

    /// From now on it has to be waited for the thread once.
    pub(crate) fn unsettle(&self) {
        self.is_unsettled.store(true, Ordering::SeqCst);
    }

    /// Whether it has to be waited for the thread; asked once.
    pub(crate) fn take_unsettled(&self) -> bool {
        self.is_unsettled.swap(false, Ordering::SeqCst)
    }
}

impl LogUse {
    /// The log is about to become another file: whoever has opened the old one meanwhile, or made the new one, must wait.
    pub(crate) fn leaving(&self) {
        self.users.unsettle();
    }

    /// The log is another file now.
    pub(crate) fn follow(&mut self, file: FileId) {
        *self = self.users.enter(file).0;
    }
}

impl Drop for LogUse {
    fn drop(&mut self) {
        self.users.counts[self.place].fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_used_until_the_last_one_leaves() {
        let users = LogUsers::new();
        let file = |ino| FileId { dev: 2050, ino };
        let (mut one, is_shared) = users.enter(file(7));
        assert!(!is_shared && !users.enter(file(8)).1 && users.enter(file(7)).1);
        assert!(!users.take_unsettled());
        one.leaving();
        one.follow(file(8));
        assert!(users.take_unsettled() && !users.take_unsettled());
        assert!(users.enter(file(8)).1 && !users.enter(file(7)).1);
        drop(one);
        assert!(!users.enter(file(8)).1);
    }
}
