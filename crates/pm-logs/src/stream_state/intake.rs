//! How a stream's bytes leave its pipe: spliced into its log, divided where that is full, or into
//! its spool; and what becomes of them when the disk takes none.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::route::{Outlet, Route};
use super::{Intake, NextTurn, PATIENCE, RETRY, StreamState};
use crate::mover::{self, CHUNK, SpliceOutcome};
use crate::open_logs::OpenLogs;
use crate::outage::WriteError;
use crate::rotate::split_at_limit;
use crate::sink::WhenFull;
use crate::tools::WriterTools;

/// A pipe that brings more than this at once is not paused.
const BIG: usize = CHUNK / 2;
/// Two batches closer than this are a burst: then a pause lets more come together.
const BURST: Duration = Duration::from_micros(1200);
const PAUSE: Duration = Duration::from_micros(500);

impl StreamState {
    pub(super) fn intake(&mut self, logs: &mut OpenLogs, tools: &mut WriterTools) -> Intake {
        match self.take(logs, tools) {
            Ok(SpliceOutcome::Bytes(count)) => {
                self.recover(tools);
                Intake::Next(self.pace(count, tools.now))
            }
            Ok(SpliceOutcome::Empty) => {
                self.recover(tools);
                Intake::Empty
            }
            Ok(SpliceOutcome::End) => {
                self.ended = true;
                Intake::Over
            }
            Err(stuck) => self.on_write_error(&stuck, tools),
        }
    }

    /// Small batches in quick succession cost a wake-up each: then a short pause lets more come
    /// together. A pipe that was quiet is never made to wait.
    fn pace(&mut self, count: usize, now: Instant) -> NextTurn {
        let before = self.served.replace(now);
        if !self.widened && count >= BIG / 4 {
            self.widened = mover::widen(self.pipe.as_fd());
        }
        let big = if self.widened { BIG } else { BIG / 4 };
        let burst = before.is_some_and(|before| now.duration_since(before) < BURST);
        if burst && count < big { NextTurn::At(now + PAUSE) } else { NextTurn::Ready }
    }

    fn take(
        &mut self,
        logs: &mut OpenLogs,
        tools: &mut WriterTools,
    ) -> Result<SpliceOutcome, WriteError> {
        if matches!(self.route, Route::Discard) {
            let moved = mover::to_nowhere(&self.pipe, &tools.null, CHUNK);
            return moved.map_err(|errno| WriteError::new("/dev/null".as_ref(), errno));
        }
        let mut nothing = None;
        if matches!(self.route, Route::Direct(_)) {
            nothing = mover::nothing_waits(&self.pipe)
                .map_err(|errno| WriteError::new(self.sink.path(), errno))?;
            // A log that was deleted is not made anew for nothing.
            if nothing == Some(SpliceOutcome::End) && !self.intake_outage.wants_mark() {
                return Ok(SpliceOutcome::End);
            }
        }
        if self.must_spool(logs, tools)? {
            self.switch_to_spool(logs, tools)?;
        }
        if let Route::Spooled(spooled) = &self.route {
            let (spool, path) = (&spooled.spool, spooled.path());
            let stuck = |errno| WriteError::new(&path, errno);
            let size = spool.size().map_err(stuck)?;
            let waiting = size.saturating_sub(spooled.delivered_to_all(self.key, logs));
            if waiting > tools.limits.spool {
                let cause = self.delivery_outage.cause().to_owned();
                return Err(WriteError { cause, ..stuck(Errno::NOSPC) });
            }
            let place = (size, !self.intake_outage.wants_mark() || spool.ends_line(size));
            let size = self.intake_outage.mark(spool.file(), place).map_err(stuck)?;
            return mover::to_file(&self.pipe, spool.file(), size, CHUNK).map_err(stuck);
        }
        if let Some(nothing) = nothing
            && !self.intake_outage.wants_mark()
        {
            return Ok(nothing);
        }
        let moved = self.take_direct(nothing.is_none(), logs, tools);
        if moved.as_ref().is_err_and(|stuck| stuck.errno == Errno::INVAL) {
            // The log's file system can't be spliced into: from now on over the spool, in our own folder.
            self.is_unspliceable = true;
            self.switch_to_spool(logs, tools)?;
        }
        moved
    }

    fn take_direct(
        &mut self,
        something_waits: bool,
        logs: &mut OpenLogs,
        tools: &mut WriterTools,
    ) -> Result<SpliceOutcome, WriteError> {
        let Route::Direct(Outlet { log: Some(id), path }) = &self.route else {
            return Err(WriteError::new("".as_ref(), Errno::BADF));
        };
        let stuck = |errno| WriteError::new(path, errno);
        let log = logs.get(*id).ok_or_else(|| stuck(Errno::BADF))?;
        let opened = |error| WriteError::from_open(path, &error);
        let standing = log.file.settle(tools.now).map_err(opened)?;
        if standing.moved {
            tools.moved(log);
        }
        let line_end = !self.intake_outage.wants_mark() || log.file.ends_line(standing.size);
        let place = (standing.size, line_end);
        let mut size = self.intake_outage.mark(log.file.fd(), place).map_err(stuck)?;
        let mut most = CHUNK;
        let mut then_rotate = false;
        let max = log.file.rotation.max_size.max(1);
        if max.saturating_sub(size) < CHUNK as u64 {
            if size >= max && log.file.ends_line(size) {
                tools.rotate(log);
                size = mover::size(log.file.fd()).map_err(stuck)?;
            }
            let window = tools.peek.look(&self.pipe).map_err(stuck)?;
            if !window.is_empty() {
                let split = split_at_limit(window, size, &log.file.rotation);
                (most, then_rotate) = (split.take, split.then_rotate);
            }
        }
        if log.is_shared() {
            // Only the rest of our unfinished line, see `must_spool`.
            let window = tools.peek.look(&self.pipe).map_err(stuck)?;
            most = memchr::memchr(b'\n', window).map_or(most, |at| at + 1);
            then_rotate = false;
        }
        // Before they arrive, or a reader would find bytes without a time. Of an empty pipe nothing is known yet.
        if something_waits {
            log.file.note(size, tools.wall);
        }
        let moved = mover::to_file(&self.pipe, log.file.fd(), size, most).map_err(stuck)?;
        if then_rotate && moved == SpliceOutcome::Bytes(most) {
            tools.rotate(log);
        }
        Ok(moved)
    }

    /// The pipe's bytes can't be put anywhere: they wait, then are dropped and counted.
    fn on_write_error(&mut self, stuck: &WriteError, tools: &WriterTools) -> Intake {
        let patient = self.intake_outage.again(&stuck.cause, tools.now) < PATIENCE;
        if !patient {
            self.intake_outage.block(tools, self.sink.path());
        }
        if patient || self.sink.full == WhenFull::Block {
            if !patient {
                self.intake_outage.warn(tools, &stuck.path);
            }
            return Intake::Next(NextTurn::At(tools.now + RETRY));
        }
        // As much as a pipe can hold; a flood is not to keep the others waiting.
        for _ in 0..8 {
            match mover::to_nowhere(&self.pipe, &tools.null, CHUNK) {
                Ok(SpliceOutcome::Bytes(count)) => self.intake_outage.lose(count as u64),
                Ok(SpliceOutcome::End) => {
                    self.ended = true;
                    break;
                }
                Ok(SpliceOutcome::Empty) => {
                    self.intake_outage.warn(tools, &stuck.path);
                    return Intake::Empty;
                }
                Err(_) => break,
            }
        }
        self.intake_outage.warn(tools, &stuck.path);
        Intake::Next(NextTurn::ReadyOr(tools.now + RETRY * 4))
    }

    fn recover(&mut self, tools: &WriterTools) {
        if !self.intake_outage.wants_mark() {
            self.intake_outage.over(tools, self.sink.path());
        }
    }
}
