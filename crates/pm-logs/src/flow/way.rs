//! Which way a stream's bytes take to its log, and how it takes the other one. A log has one way of writing: the only
//! stream of a raw log is spliced into it; several go over a spool each, so that the ledger knows every byte, and no
//! kill divides a line. Either change may be cut short by a kill anywhere: what the guardian holds for a stream is its
//! log only while its spool is empty.

use std::os::fd::OwnedFd;

use rustix::fs::fstat;
use rustix::io::Errno;

use super::{Flow, Outlet, SILENCE, Wish};
use crate::book::{Leaving, Shelf};
use crate::desk::Tools;
use crate::mover;
use crate::open::FileId;
use crate::scribe::Notice;
use crate::shape::Shaper;
use crate::spool::Spool;
use crate::trouble::Stuck;

#[derive(Debug)]
pub(super) enum Way {
    Nowhere,
    Direct(Outlet),
    Spooled(Box<Line>),
}

/// What lies between the pipe and the logs of a stream that is not spliced into one.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) spool: Spool,
    pub(super) shaper: Shaper,
    pub(super) outlets: Vec<Outlet>,
}

impl Flow {
    /// The guardian has `fd` for this stream: if that is not where the kernel puts its bytes now, it gets that.
    pub(crate) fn correct(&self, fd: &OwnedFd, books: &mut Shelf, tools: &Tools) {
        let target = match &self.way {
            Way::Nowhere => return,
            Way::Direct(outlet) => {
                outlet.book.and_then(|id| books.get(id)).map(|book| book.log.file())
            }
            Way::Spooled(line) => Some(line.spool.file()),
        };
        let id = |fd: &OwnedFd| fstat(fd).ok().map(|stat| FileId::of(&stat));
        if let Some(target) = target.filter(|target| id(target) != id(fd))
            && let Ok(fd) = target.try_clone()
        {
            tools.tell(Notice::Moved { keys: vec![self.key], fd });
        }
    }

    /// Whether this stream is spliced into a log that is another's too, and may leave that way: not inside a line it has
    /// begun, unless the end of it is long in coming.
    pub(super) fn is_to_share(
        &mut self,
        books: &mut Shelf,
        tools: &mut Tools,
    ) -> Result<bool, Stuck> {
        if !matches!(self.way, Way::Direct(_)) {
            return Ok(false);
        }
        self.open(books)?;
        let Way::Direct(Outlet { book: Some(id), path }) = &self.way else { return Ok(false) };
        let Some(book) = books.get(*id) else { return Ok(false) };
        if !book.is_shared() {
            self.asked = None;
            return Ok(false);
        }
        let asked = *self.asked.get_or_insert(tools.now);
        let stuck = |errno| Stuck::new(path, errno);
        let size = mover::size(book.log.file()).map_err(stuck)?;
        if self.served.is_none() || book.log.ends_line(size) {
            return Ok(true);
        }
        let window = tools.glass.look(&self.pipe).map_err(stuck)?;
        Ok(tools.now >= asked + SILENCE && memchr::memchr(b'\n', window).is_none())
    }

    /// From now on over a spool, in our own folder. The guardian knows before anybody writes to the log by its ledger.
    pub(super) fn detour(&mut self, books: &mut Shelf, tools: &mut Tools) -> Result<(), Stuck> {
        let Way::Direct(Outlet { path, book }) = &self.way else { return Ok(()) };
        let stuck = |errno| Stuck::new(path, errno);
        let spool = Spool::open(&tools.spools, self.key).map_err(stuck)?;
        let fd = spool.file().try_clone().map_err(|_| stuck(Errno::MFILE))?;
        tools.tell(Notice::Moved { keys: vec![self.key], fd });
        let outlets = vec![Outlet { path: path.clone(), book: None }];
        if let Some(id) = book {
            books.leave(*id, self.key, Leaving::Over);
        }
        let shaper = Shaper::new(self.sink.format.clone(), self.key.stream);
        self.way = Way::Spooled(Box::new(Line { spool, shaper, outlets }));
        self.asked = None;
        Ok(())
    }

    /// Once everything is delivered and nobody else has written to the log for a while: straight into it again.
    pub(super) fn straighten(&mut self, books: &mut Shelf, tools: &Tools) {
        if !self.sink.is_direct() || self.is_unspliceable || self.wish != Wish::Nothing {
            return;
        }
        let Way::Spooled(line) = &self.way else { return };
        let [Outlet { path, book: Some(id) }] = line.outlets.as_slice() else { return };
        let (path, id) = (path.clone(), *id);
        let Some(book) = books.get(id) else { return };
        if book.is_shared() {
            self.asked = None;
            return;
        }
        let asked = *self.asked.get_or_insert(tools.now);
        let is_empty = line.spool.size().ok() == book.raw_done(self.key);
        if !is_empty || tools.now < asked + tools.limits.calm {
            return;
        }
        let Ok(fd) = book.log.file().try_clone() else { return };
        let Ok(told) = fd.try_clone() else { return };
        tools.tell(Notice::Moved { keys: vec![self.key], fd: told });
        // Before the ledger forgets how far it was taken over, or it would be again.
        line.spool.remove();
        books.leave(id, self.key, Leaving::Over);
        self.way = Way::Direct(Outlet { path, book: None });
        self.asked = None;
        // What can't be opened now is opened, or complained about, when there is something to write.
        if self.open(books).is_ok() {
            self.correct(&fd, books, tools);
        }
    }
}
