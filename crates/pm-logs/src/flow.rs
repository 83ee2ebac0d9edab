//! One stream on its way: from its pipe into its log or spool, from the spool into its logs; and
//! what happens to it when the disk doesn't take it. Waits for nothing; `desk.rs` calls it again.

mod intake;
mod way;

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::book::{BookId, Leaving, Shelf};
use crate::desk::Tools;
use crate::pump::{Delivery, Pump};
use crate::rotate::Rotation;
use crate::scribe::{Loan, Notice};
use crate::shape::Shaper;
use crate::sink::{Place, Sink, StreamKey, WhenFull};
use crate::spool::Spool;
use crate::trouble::{Stuck, Trouble};

/// A line without an end is shown after so much silence.
const SILENCE: Duration = Duration::from_millis(50);
/// So long bytes wait for a full disk before they are dropped (pain 20).
const PATIENCE: Duration = Duration::from_millis(250);
const RETRY: Duration = Duration::from_millis(50);
/// When to come back to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// When the pipe has something.
    Ready,
    /// When the pipe has something, and in any case then.
    ReadyOr(Instant),
    /// Not before then, whatever the pipe has.
    At(Instant),
    /// Never: it is over.
    Never,
}

/// What was asked about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    Nothing,
    Drain,
    Detach,
}

#[derive(Debug)]
struct Outlet {
    path: PathBuf,
    book: Option<BookId>,
}

use way::{Line, Way};

/// What reading the pipe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intake {
    /// Come again then.
    Next(Next),
    Empty,
    Over,
}

/// A stream and where it goes.
#[derive(Debug)]
pub(crate) struct Flow {
    key: StreamKey,
    pipe: OwnedFd,
    sink: Sink,
    way: Way,
    ended: bool,
    widened: bool,
    /// Its log's file system knows no splice.
    is_unspliceable: bool,
    served: Option<Instant>,
    /// Since when its log has asked for the other way.
    asked: Option<Instant>,
    /// With taking bytes from the pipe.
    trouble: Trouble,
    /// With bringing them from the spool to the logs.
    held: Trouble,
    /// The last word, once it is over.
    farewell: Option<Notice>,
    pub wish: Wish,
}

impl Flow {
    /// Takes the stream over; `spools` is the folder for spools.
    pub(crate) fn new(
        (key, pipe): (StreamKey, OwnedFd),
        sink: Sink,
        spools: &Path,
    ) -> Result<Self, Errno> {
        let outlet = |path: &PathBuf| Outlet { path: path.clone(), book: None };
        let own = match &sink.place {
            Place::File(path) => Some(outlet(path)),
            Place::Discard => None,
        };
        let is_adopted = Spool::is_there(spools, key);
        let way = match own {
            None if sink.combined.is_none() => Way::Nowhere,
            // A spool left behind comes first.
            Some(own) if sink.is_direct() && !is_adopted => Way::Direct(own),
            own => Way::Spooled(Box::new(Line {
                spool: Spool::open(spools, key)?,
                shaper: Shaper::new(sink.format.clone(), key.stream),
                outlets: own.into_iter().chain(sink.combined.iter().map(outlet)).collect(),
            })),
        };
        Ok(Flow {
            key,
            pipe,
            sink,
            way,
            ended: false,
            widened: false,
            is_unspliceable: false,
            // The rest of a line may be on its way.
            served: is_adopted.then(Instant::now),
            asked: None,
            trouble: Trouble::default(),
            held: Trouble::default(),
            farewell: None,
            wish: Wish::Nothing,
        })
    }

    pub(crate) fn key(&self) -> StreamKey {
        self.key
    }

    pub(crate) fn pipe(&self) -> &OwnedFd {
        &self.pipe
    }

    /// The books this stream writes to, with the size of its spool.
    pub(crate) fn spool_size(&self) -> Option<u64> {
        match &self.way {
            Way::Spooled(line) => line.spool.size().ok(),
            Way::Nowhere | Way::Direct(_) => None,
        }
    }

    /// Pipe and destination once more, for another process.
    pub(crate) fn lend(&mut self, books: &mut Shelf, tools: &Tools) -> Option<Loan> {
        match self.try_lend(books, tools) {
            Ok(loan) => Some(loan),
            Err(error) => {
                let text = format!("could not hand over output of {:?}: {error}", self.key);
                tools.tell(Notice::Warned { text });
                None
            }
        }
    }

    fn try_lend(&mut self, books: &mut Shelf, tools: &Tools) -> std::io::Result<Loan> {
        // A log that can't be opened now is the next scribe's trouble.
        self.open(books).ok();
        let fd = match &self.way {
            Way::Spooled(line) => line.spool.file().try_clone()?,
            Way::Nowhere => tools.null.try_clone()?,
            Way::Direct(outlet) => match outlet.book.and_then(|id| books.get(id)) {
                Some(book) => book.log.file().try_clone()?,
                None => std::fs::File::open("/dev/null")?.into(),
            },
        };
        Ok(Loan { key: self.key, pipe: self.pipe.try_clone()?, fd })
    }

    /// Its logs are kept by other rules from now on, with the next byte at the latest.
    pub(crate) fn retune(&mut self, rotation: Rotation, full: WhenFull, books: &mut Shelf) {
        (self.sink.rotation, self.sink.full) = (rotation, full);
        let outlets = match &self.way {
            Way::Nowhere => return,
            Way::Direct(outlet) => std::slice::from_ref(outlet),
            Way::Spooled(line) => line.outlets.as_slice(),
        };
        for id in outlets.iter().filter_map(|outlet| outlet.book) {
            if let Some(book) = books.get(id) {
                book.log.set_rotation(rotation);
            }
        }
    }

    /// Opens what is not open yet. The first error counts, the others are tried.
    pub(crate) fn open(&mut self, books: &mut Shelf) -> Result<(), Stuck> {
        let mut outcome = Ok(());
        let (outlets, spool) = match &mut self.way {
            Way::Nowhere => return Ok(()),
            Way::Direct(outlet) => (std::slice::from_mut(outlet), None),
            Way::Spooled(line) => (line.outlets.as_mut_slice(), Some(&line.spool)),
        };
        for outlet in outlets.iter_mut().filter(|outlet| outlet.book.is_none()) {
            let opened = books
                .open(&outlet.path, (self.key, spool), &self.sink)
                .map_err(|error| Stuck::from_open(&outlet.path, &error));
            match opened {
                Ok(id) => outlet.book = Some(id),
                Err(stuck) => outcome = outcome.and(Err(stuck)),
            }
        }
        outcome
    }

    /// Lets go of the logs. If the stream is over its spool goes too, and this is the last word on it.
    pub(crate) fn close(self, books: &mut Shelf) -> Option<Notice> {
        let leaving = if self.farewell.is_some() { Leaving::Over } else { Leaving::Resumed };
        let (outlets, spool) = match self.way {
            Way::Nowhere => (Vec::new(), None),
            Way::Direct(outlet) => (vec![outlet], None),
            Way::Spooled(line) => (line.outlets, Some(line.spool)),
        };
        if let Some(spool) = spool.filter(|_| leaving == Leaving::Over) {
            spool.remove();
        }
        for id in outlets.iter().filter_map(|outlet| outlet.book) {
            books.leave(id, self.key, leaving);
        }
        self.farewell
    }

    /// Does what can be done now, and says when to come again.
    pub(crate) fn turn(&mut self, books: &mut Shelf, tools: &mut Tools) -> Next {
        tools.tick();
        let intake = if self.ended { Intake::Over } else { self.intake(books, tools) };
        let silent = self.served.is_none_or(|served| tools.now >= served + SILENCE);
        let asked = self.wish != Wish::Nothing && intake == Intake::Empty;
        let release = silent || asked || intake == Intake::Over;
        let delivery = match self.deliver(release, books, tools) {
            Ok(delivery) => {
                self.held.over(tools, &self.sink_path());
                delivery
            }
            Err(stuck) => self.hold(&stuck, books, tools),
        };
        if delivery == Delivery::Done && intake != Intake::Over {
            self.straighten(books, tools);
        }
        match (intake, delivery) {
            (Intake::Over, Delivery::Done) => self.finish(books, tools),
            (Intake::Empty, Delivery::Done) => self.at_rest(tools),
            (Intake::Over, Delivery::Later) | (_, Delivery::Again) => Next::At(tools.now),
            (Intake::Empty, Delivery::Later) => {
                Next::ReadyOr(self.served.unwrap_or(tools.now) + SILENCE)
            }
            (Intake::Next(Next::Ready), Delivery::Later) => Next::ReadyOr(tools.now + SILENCE),
            (Intake::Next(next), Delivery::Done | Delivery::Later)
            | (Intake::Next(next @ Next::At(_)), Delivery::Stuck) => next,
            (Intake::Empty | Intake::Next(_), Delivery::Stuck) => Next::ReadyOr(tools.now + RETRY),
            (Intake::Over, Delivery::Stuck) => Next::At(tools.now + RETRY),
        }
    }

    /// Shapes what waits in the spool.
    fn deliver(
        &mut self,
        release: bool,
        books: &mut Shelf,
        tools: &mut Tools,
    ) -> Result<Delivery, Stuck> {
        if !matches!(self.way, Way::Spooled(_)) {
            return Ok(Delivery::Done);
        }
        let opened = self.open(books);
        let Way::Spooled(line) = &mut self.way else {
            return Ok(Delivery::Done);
        };
        let Line { spool, shaper, outlets } = &mut **line;
        let path = outlets.first().map(|outlet| outlet.path.clone()).unwrap_or_default();
        let stuck = |errno| Stuck::new(&path, errno);
        let size = spool.size().map_err(stuck)?;
        let mut delivery = Ok(Delivery::Done);
        let mut pump = Pump { key: self.key, spool, shaper, size, release };
        for id in outlets.iter().filter_map(|outlet| outlet.book) {
            let Some(book) = books.get(id) else { continue };
            delivery = match (delivery, pump.run(book, tools)) {
                (Ok(one), Ok(other)) => Ok(one.max(other)),
                (Err(stuck), _) | (_, Err(stuck)) => Err(stuck),
            };
        }
        let done = floor(spool, outlets, (self.key, books));
        spool.free(done, size);
        opened?;
        if let Some(entry) = spool.renew(done, size).map_err(stuck)? {
            for id in outlets.iter().filter_map(|outlet| outlet.book) {
                let renewed = books.get(id).map(|book| book.renewed(self.key, entry));
                renewed.unwrap_or(Ok(())).map_err(stuck)?;
            }
        }
        delivery
    }

    /// Nothing to do until the pipe brings something.
    fn at_rest(&mut self, tools: &mut Tools) -> Next {
        let wish = std::mem::replace(&mut self.wish, Wish::Nothing);
        if wish == Wish::Drain {
            tools.tell(Notice::Drained { key: self.key });
        }
        match wish {
            // The marker is written as soon as the disk is back, also if nothing else is.
            Wish::Nothing | Wish::Drain if self.trouble.wants_mark() => {
                Next::ReadyOr(tools.now + RETRY * 4)
            }
            Wish::Nothing | Wish::Drain => Next::Ready,
            Wish::Detach => {
                self.trouble.tell(tools, &self.sink_path());
                self.farewell = Some(Notice::Drained { key: self.key });
                Next::Never
            }
        }
    }

    /// The last writer is gone and everything is delivered.
    fn finish(&mut self, books: &mut Shelf, tools: &mut Tools) -> Next {
        if let Way::Spooled(line) = &self.way
            && !line.shaper.is_raw()
        {
            for id in line.outlets.iter().filter_map(|outlet| outlet.book) {
                if let Some(book) = books.get(id) {
                    // If even this byte doesn't fit, the next line of anybody brings it.
                    book.end_line(self.key, tools.now).ok();
                }
            }
        }
        self.trouble.tell(tools, &self.sink_path());
        self.farewell = Some(Notice::Ended { key: self.key });
        Next::Never
    }

    fn sink_path(&self) -> PathBuf {
        match (&self.sink.place, &self.sink.combined) {
            (Place::File(path), _) | (Place::Discard, Some(path)) => path.clone(),
            (Place::Discard, None) => PathBuf::from("/dev/null"),
        }
    }

    /// A log can't be written: its bytes stay in the spool, as long as anybody may bring them over.
    fn hold(&mut self, stuck: &Stuck, books: &mut Shelf, tools: &Tools) -> Delivery {
        if self.held.again(&stuck.cause, tools.now) < PATIENCE {
            return Delivery::Stuck;
        }
        let leaving = self.ended || self.wish == Wish::Detach;
        if leaving && self.sink.full == WhenFull::Drop {
            if let Way::Spooled(line) = &self.way {
                let Line { spool, outlets, .. } = &**line;
                let size = spool.size().unwrap_or(0);
                self.held.lose(size.saturating_sub(floor(spool, outlets, (self.key, books))));
            }
            self.held.tell(tools, &stuck.path);
            return Delivery::Done;
        }
        self.held.warn(tools, &stuck.path);
        Delivery::Stuck
    }
}

/// Offset up to which all outlets hold the spool.
fn floor(spool: &Spool, outlets: &[Outlet], (key, books): (StreamKey, &mut Shelf)) -> u64 {
    let start = spool.entry(None).raw_done;
    let mut done = |outlet: &Outlet| books.get(outlet.book?)?.raw_done(key);
    outlets.iter().map(|outlet| done(outlet).unwrap_or(start)).min().unwrap_or(start)
}
