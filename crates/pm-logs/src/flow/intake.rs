//! How a stream's bytes leave its pipe: spliced into its log, divided where that is full, or into
//! its spool; and what becomes of them when the disk takes none.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::{Errno, ioctl_fionread};

use super::way::{Line, Way};
use super::{Flow, Intake, Next, Outlet, PATIENCE, RETRY, floor};
use crate::book::Shelf;
use crate::desk::Tools;
use crate::mover::{self, CHUNK, Moved};
use crate::rotate::share;
use crate::sink::WhenFull;
use crate::trouble::Stuck;

/// A pipe that brings more than this at once is not paused.
const BIG: usize = CHUNK / 2;
/// Two batches closer than this are a burst: then a pause lets more come together.
const BURST: Duration = Duration::from_micros(1200);
const PAUSE: Duration = Duration::from_micros(500);

impl Flow {
    pub(super) fn intake(&mut self, books: &mut Shelf, tools: &mut Tools) -> Intake {
        match self.take(books, tools) {
            Ok(Moved::Bytes(count)) => {
                self.recover(tools);
                Intake::Next(self.pace(count, tools.now))
            }
            Ok(Moved::Empty) => {
                self.recover(tools);
                Intake::Empty
            }
            Ok(Moved::End) => {
                self.ended = true;
                Intake::Over
            }
            Err(stuck) => self.suffer(&stuck, tools),
        }
    }

    /// Small batches in quick succession cost a wake-up each: then a short pause lets more come
    /// together. A pipe that was quiet is never made to wait.
    fn pace(&mut self, count: usize, now: Instant) -> Next {
        let before = self.served.replace(now);
        if !self.widened && count >= BIG / 4 {
            self.widened = mover::widen(self.pipe.as_fd());
        }
        let big = if self.widened { BIG } else { BIG / 4 };
        let burst = before.is_some_and(|before| now.duration_since(before) < BURST);
        if burst && count < big { Next::At(now + PAUSE) } else { Next::Ready }
    }

    fn take(&mut self, books: &mut Shelf, tools: &mut Tools) -> Result<Moved, Stuck> {
        if matches!(self.way, Way::Nowhere) {
            let moved = mover::to_nowhere(&self.pipe, &tools.null, CHUNK);
            return moved.map_err(|errno| Stuck::new("/dev/null".as_ref(), errno));
        }
        if self.is_to_share(books, tools)? {
            self.detour(books, tools)?;
        }
        if let Way::Spooled(line) = &self.way {
            let Line { spool, outlets, .. } = &**line;
            let path = outlets.first().map(|outlet| outlet.path.clone()).unwrap_or_default();
            let stuck = |errno| Stuck::new(&path, errno);
            let size = spool.size().map_err(stuck)?;
            if size.saturating_sub(floor(spool, outlets, (self.key, books))) > tools.limits.spool {
                let cause = self.held.cause().to_owned();
                return Err(Stuck { cause, ..stuck(Errno::NOSPC) });
            }
            let place = (size, !self.trouble.wants_mark() || spool.ends_line(size));
            let size = self.trouble.mark(spool.file(), place).map_err(stuck)?;
            return mover::to_file(&self.pipe, spool.file(), size, CHUNK).map_err(stuck);
        }
        let moved = self.take_direct(books, tools);
        if moved.as_ref().is_err_and(|stuck| stuck.errno == Errno::INVAL) {
            // The log's file system can't be spliced into: from now on over the spool, in our own folder.
            self.is_unspliceable = true;
            self.detour(books, tools)?;
        }
        moved
    }

    fn take_direct(&mut self, books: &mut Shelf, tools: &mut Tools) -> Result<Moved, Stuck> {
        let Way::Direct(Outlet { book: Some(id), path }) = &self.way else {
            return Err(Stuck::new("".as_ref(), Errno::BADF));
        };
        let stuck = |errno| Stuck::new(path, errno);
        let book = books.get(*id).ok_or_else(|| stuck(Errno::BADF))?;
        let opened = |error| Stuck::from_open(path, &error);
        let standing = book.log.settle(tools.now).map_err(opened)?;
        if standing.moved {
            tools.moved(book);
        }
        let line_end = !self.trouble.wants_mark() || book.log.ends_line(standing.size);
        let place = (standing.size, line_end);
        let mut size = self.trouble.mark(book.log.file(), place).map_err(stuck)?;
        let mut most = CHUNK;
        let mut then_rotate = false;
        let max = book.log.rotation().max_size.max(1);
        if max.saturating_sub(size) < CHUNK as u64 {
            if size >= max && book.log.ends_line(size) {
                tools.rotate(book);
                size = mover::size(book.log.file()).map_err(stuck)?;
            }
            let window = tools.glass.look(&self.pipe).map_err(stuck)?;
            if !window.is_empty() {
                let share = share(window, size, book.log.rotation());
                (most, then_rotate) = (share.take, share.then_rotate);
            }
        }
        if book.is_shared() {
            // Only the rest of our unfinished line, see `is_to_share`.
            let window = tools.glass.look(&self.pipe).map_err(stuck)?;
            most = memchr::memchr(b'\n', window).map_or(most, |at| at + 1);
            then_rotate = false;
        }
        // Before they arrive, or a reader would find bytes without a time. Of an empty pipe nothing is known yet.
        if ioctl_fionread(&self.pipe).is_ok_and(|waiting| waiting > 0) {
            book.log.note(size, tools.wall);
        }
        let moved = mover::to_file(&self.pipe, book.log.file(), size, most).map_err(stuck)?;
        if then_rotate && moved == Moved::Bytes(most) {
            tools.rotate(book);
        }
        Ok(moved)
    }

    /// The pipe's bytes can't be put anywhere: they wait, then are dropped and counted.
    fn suffer(&mut self, stuck: &Stuck, tools: &Tools) -> Intake {
        let patient = self.trouble.again(&stuck.cause, tools.now) < PATIENCE;
        if patient || self.sink.full == WhenFull::Block {
            if !patient {
                self.trouble.warn(tools, &stuck.path);
            }
            return Intake::Next(Next::At(tools.now + RETRY));
        }
        // As much as a pipe can hold; a flood is not to keep the others waiting.
        for _ in 0..8 {
            match mover::to_nowhere(&self.pipe, &tools.null, CHUNK) {
                Ok(Moved::Bytes(count)) => self.trouble.lose(count as u64),
                Ok(Moved::End) => {
                    self.ended = true;
                    break;
                }
                Ok(Moved::Empty) => {
                    self.trouble.warn(tools, &stuck.path);
                    return Intake::Empty;
                }
                Err(_) => break,
            }
        }
        self.trouble.warn(tools, &stuck.path);
        Intake::Next(Next::ReadyOr(tools.now + RETRY * 4))
    }

    fn recover(&mut self, tools: &Tools) {
        if !self.trouble.wants_mark() {
            self.trouble.over(tools, &self.sink_path());
        }
    }
}
