//! What every stream uses in its turn: clocks, buffers, limits, and who is told.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Instant;

use rustix::io::Errno;

use crate::archive::Archiver;
use crate::messages::{LogWriterPlan, Notice, NoticeCallback, WriterLimits};
use crate::mover::PipePeek;
use crate::open::null;
use crate::open_logs::OpenLog;
use crate::sink::StreamKey;
use crate::stamp::unix_ms;

/// Buffers beyond this are given back when there is nothing to do.
const KEPT_BUFFER: usize = 64 << 10;

/// What all streams use.
pub(crate) struct WriterTools {
    pub now: Instant,
    /// Unix milliseconds.
    pub wall: i64,
    pub null: OwnedFd,
    pub peek: PipePeek,
    pub raw: Vec<u8>,
    pub shaped: Vec<u8>,
    pub limits: WriterLimits,
    pub spools: PathBuf,
    /// Streams that should have their turn, for another one waits for what they do then.
    pub others_due: Vec<StreamKey>,
    archiver: Archiver,
    notices: NoticeCallback,
}

impl fmt::Debug for WriterTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterTools").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl WriterTools {
    pub(crate) fn new(plan: &LogWriterPlan, notices: NoticeCallback) -> Result<Self, Errno> {
        Ok(WriterTools {
            now: Instant::now(),
            wall: 0,
            null: null().map_err(|error| error.errno())?,
            peek: PipePeek::new()?,
            raw: Vec::new(),
            shaped: Vec::new(),
            limits: plan.limits,
            spools: plan.state_dir.join("spool"),
            others_due: Vec::new(),
            archiver: Archiver::default(),
            notices,
        })
    }

    /// Looks at the clocks.
    pub(crate) fn tick(&mut self) {
        self.now = Instant::now();
        self.wall = unix_ms();
    }

    pub(crate) fn tell(&self, notice: Notice) {
        (self.notices)(notice);
    }

    /// Tells those who are spliced straight into `log` where it is now.
    pub(crate) fn moved(&self, log: &OpenLog) {
        let keys = log.direct_users();
        if keys.is_empty() {
            return;
        }
        match log.file.fd().try_clone() {
            Ok(fd) => self.tell(Notice::Moved { keys, fd }),
            Err(error) => {
                let path = log.file.path().display();
                self.tell(Notice::Warned { text: format!("could not hand over {path}: {error}") });
            }
        }
    }

    /// Renames the file of `log` and has its parts looked after. If it can't be renamed it grows.
    pub(crate) fn rotate(&mut self, log: &mut OpenLog) {
        match log.rotate() {
            Ok(()) => {
                self.moved(log);
                self.archiver.enqueue(log.file.archive_job());
            }
            Err(error) => {
                let path = log.file.path().display();
                let text = format!("could not rotate {path}: could not {error}");
                if log.may_complain(self.now) {
                    self.tell(Notice::Warned { text });
                }
            }
        }
    }

    /// Gives big buffers back.
    pub(crate) fn free_buffers(&mut self) {
        if self.raw.capacity() + self.shaped.capacity() > KEPT_BUFFER {
            (self.raw, self.shaped) = (Vec::new(), Vec::new());
            self.peek.free_buffer();
        }
    }
}
