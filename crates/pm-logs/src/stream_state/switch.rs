//! Which way a stream's bytes take to its log, and how it takes the other one. A log has one way of writing: the only
//! stream of a raw log is spliced into it; several go over a spool each, so that the ledger knows every byte, and no
//! kill divides a line. Either change may be cut short by a kill anywhere: what the guardian holds for a stream is its
//! log only while its spool is empty.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::fstat;
use rustix::io::Errno;

use super::route::{Outlet, Route};
use super::{SILENCE, StreamState};
use crate::messages::Notice;
use crate::mover;
use crate::open::FileId;
use crate::open_logs::OpenLogs;
use crate::outage::WriteError;
use crate::spool::Spool;
use crate::tools::WriterTools;

impl StreamState {
    /// The guardian has `fd` for this stream: if that is not where the kernel puts its bytes now, it gets that.
    pub(crate) fn correct(&self, fd: &OwnedFd, logs: &mut OpenLogs, tools: &WriterTools) {
        let target = match &self.route {
            Route::Discard => return,
            Route::Direct(outlet) => {
                outlet.log.and_then(|id| logs.get(id)).map(|log| log.file.fd())
            }
            Route::Spooled(spooled) => Some(spooled.spool.file()),
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
    pub(super) fn must_spool(
        &mut self,
        logs: &mut OpenLogs,
        tools: &mut WriterTools,
    ) -> Result<bool, WriteError> {
        if !matches!(self.route, Route::Direct(_)) {
            return Ok(false);
        }
        self.open(logs)?;
        let Route::Direct(Outlet { log: Some(id), path }) = &self.route else { return Ok(false) };
        let Some(log) = logs.get(*id) else { return Ok(false) };
        if !log.is_shared() {
            self.asked = None;
            return Ok(false);
        }
        let asked = *self.asked.get_or_insert(tools.now);
        let stuck = |errno| WriteError::new(path, errno);
        let size = mover::size(log.file.fd()).map_err(stuck)?;
        if self.served.is_none() || log.file.ends_line(size) {
            return Ok(true);
        }
        let window = tools.peek.look(&self.pipe).map_err(stuck)?;
        Ok(tools.now >= asked + SILENCE && memchr::memchr(b'\n', window).is_none())
    }

    /// From now on over a spool, in our own folder. The guardian knows before anybody writes to the log by its ledger.
    pub(super) fn switch_to_spool(
        &mut self,
        logs: &mut OpenLogs,
        tools: &mut WriterTools,
    ) -> Result<(), WriteError> {
        let Route::Direct(Outlet { path, log }) = &self.route else { return Ok(()) };
        let stuck = |errno| WriteError::new(path, errno);
        let spool = Spool::open(&tools.spools, self.key).map_err(stuck)?;
        let fd = spool.file().try_clone().map_err(|_| stuck(Errno::MFILE))?;
        tools.tell(Notice::Moved { keys: vec![self.key], fd });
        let outlets = vec![Outlet::new(Arc::clone(path))];
        if let Some(id) = log {
            logs.leave_for_now(*id, self.key);
        }
        self.route = Route::spooled(spool, outlets, (self.key, &self.sink));
        self.asked = None;
        Ok(())
    }

    /// Once everything is delivered and nobody else has written to the log for a while: straight into it again.
    pub(super) fn back_to_direct(&mut self, logs: &mut OpenLogs, tools: &WriterTools) {
        if !self.sink.is_direct() || self.is_unspliceable {
            return;
        }
        let Route::Spooled(spooled) = &self.route else { return };
        let [Outlet { path, log: Some(id) }] = spooled.outlets.as_slice() else { return };
        let (path, id) = (Arc::clone(path), *id);
        let Some(log) = logs.get(id) else { return };
        if log.is_shared() {
            self.asked = None;
            return;
        }
        let asked = *self.asked.get_or_insert(tools.now);
        let is_empty = spooled.spool.size().ok() == log.raw_done(self.key);
        if !is_empty || tools.now < asked + tools.limits.calm {
            return;
        }
        let Ok(fd) = log.file.fd().try_clone() else { return };
        let Ok(told) = fd.try_clone() else { return };
        tools.tell(Notice::Moved { keys: vec![self.key], fd: told });
        // Before the ledger forgets how far it was taken over, or it would be again.
        spooled.spool.remove();
        logs.leave_for_now(id, self.key);
        self.route = Route::Direct(Outlet::new(path));
        self.asked = None;
        // What can't be opened now is opened, or complained about, when there is something to write.
        if self.open(logs).is_ok() {
            self.correct(&fd, logs, tools);
        }
    }
}
