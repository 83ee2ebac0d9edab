//! One stream on its way: from its pipe into its log or spool, from the spool into its logs; and
//! what happens to it when the disk doesn't take it. Waits for nothing; `writer_loop.rs` calls it again.

mod intake;
mod route;
mod switch;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::messages::HandedStream;
use crate::open_logs::{LeaveReason, OpenLogs};
use crate::outage::{Outage, WriteError};
use crate::pump::{Pump, Pumped};
use crate::rotate::LogRotation;
use crate::sink::{LogDestination, Sink, StreamKey, WhenFull};
use crate::spool::Spool;
use crate::tools::WriterTools;
use route::{Outlet, Route, SpoolRoute};

/// A line without an end is shown after so much silence.
const SILENCE: Duration = Duration::from_millis(50);
/// So long bytes wait for a full disk before they are dropped (pain 20).
const PATIENCE: Duration = Duration::from_millis(250);
const RETRY: Duration = Duration::from_millis(50);
/// Logs that may be open before those that need not be are closed.
const MOST_OPEN: usize = 16;

/// When to come back to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextTurn {
    /// When the pipe has something.
    Ready,
    /// When the pipe has something, and in any case then.
    ReadyOr(Instant),
    /// Not before then, whatever the pipe has.
    At(Instant),
    /// Never: it is over.
    Never,
}

/// When a stream has its log open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogHolding {
    /// As long as it lives, and so does the guardian.
    Always,
    /// While something comes; the guardian has the pipe alone.
    AtNeed,
}

/// What reading the pipe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intake {
    /// Come again then.
    Next(NextTurn),
    Empty,
    Over,
}

/// A stream and where it goes.
#[derive(Debug)]
pub(crate) struct StreamState {
    key: StreamKey,
    pipe: OwnedFd,
    holding: LogHolding,
    sink: Sink,
    route: Route,
    ended: bool,
    widened: bool,
    /// Its log's file system knows no splice.
    is_unspliceable: bool,
    served: Option<Instant>,
    /// Since when its log has asked for the other way.
    asked: Option<Instant>,
    /// With taking bytes from the pipe.
    intake_outage: Outage,
    /// With bringing them from the spool to the logs.
    delivery_outage: Outage,
}

impl StreamState {
    /// Takes the stream over; `spools` is the folder for spools.
    pub(crate) fn new(
        (key, pipe, holding): (StreamKey, OwnedFd, LogHolding),
        sink: Sink,
        spools: &Path,
    ) -> Result<Self, Errno> {
        let own = match &sink.place {
            LogDestination::File(path) => Some(Outlet::new(Arc::clone(path))),
            LogDestination::Discard => None,
        };
        let is_adopted = Spool::is_there(spools, key);
        let route = match own {
            None if sink.combined.is_none() => Route::Discard,
            // A spool left behind comes first.
            Some(own) if sink.is_direct() && !is_adopted => Route::Direct(own),
            own => {
                let combined = sink.combined.iter().map(|path| Outlet::new(Arc::clone(path)));
                let outlets = own.into_iter().chain(combined).collect();
                Route::spooled(Spool::open(spools, key)?, outlets, (key, &sink))
            }
        };
        Ok(StreamState {
            key,
            pipe,
            holding,
            sink,
            route,
            ended: false,
            widened: false,
            is_unspliceable: false,
            // The rest of a line may be on its way.
            served: is_adopted.then(Instant::now),
            asked: None,
            intake_outage: Outage::default(),
            delivery_outage: Outage::default(),
        })
    }

    pub(crate) fn key(&self) -> StreamKey {
        self.key
    }

    pub(crate) fn pipe(&self) -> &OwnedFd {
        &self.pipe
    }

    /// The size of its spool, if it has one.
    pub(crate) fn spool_size(&self) -> Option<u64> {
        match &self.route {
            Route::Spooled(spooled) => spooled.spool.size().ok(),
            Route::Discard | Route::Direct(_) => None,
        }
    }

    /// Pipe and destination, for another process; what can't be opened now is the next log writer's trouble.
    pub(crate) fn hand_over(mut self, logs: &mut OpenLogs) -> HandedStream {
        if self.holding == LogHolding::Always {
            self.open(logs).ok();
        }
        let fd = match self.route {
            Route::Spooled(spooled) => Some(spooled.spool.into_file()),
            Route::Discard => None,
            Route::Direct(_) if self.holding == LogHolding::AtNeed => None,
            Route::Direct(outlet) => {
                let log = outlet.log.and_then(|id| logs.get(id));
                log.and_then(|log| log.file.fd().try_clone().ok())
            }
        };
        HandedStream { key: self.key, pipe: self.pipe, fd }
    }

    /// Where descriptors are short its log is closed until something comes again.
    pub(crate) fn spare(&mut self, logs: &mut OpenLogs) {
        if let Route::Direct(outlet) = &mut self.route
            && self.holding == LogHolding::AtNeed
            && logs.count() > MOST_OPEN
            && let Some(id) = outlet.log.take()
        {
            logs.leave(id, self.key, LeaveReason::Resumed);
        }
    }

    /// Its logs are kept by other rules from now on, with the next byte at the latest.
    pub(crate) fn reconfigure(
        &mut self,
        rotation: LogRotation,
        full: WhenFull,
        logs: &mut OpenLogs,
    ) {
        (self.sink.rotation, self.sink.full) = (rotation, full);
        for id in self.route.open_logs() {
            if let Some(log) = logs.get(id) {
                log.file.rotation = rotation;
            }
        }
    }

    /// Opens what is not open yet. The first error counts, the others are tried.
    pub(crate) fn open(&mut self, logs: &mut OpenLogs) -> Result<(), WriteError> {
        let mut outcome = Ok(());
        let (outlets, spool) = self.route.outlets_mut();
        for outlet in outlets.iter_mut().filter(|outlet| outlet.log.is_none()) {
            let opened = logs
                .open(&outlet.path, (self.key, spool), &self.sink)
                .map_err(|error| WriteError::from_open(&outlet.path, &error));
            match opened {
                Ok(id) => outlet.log = Some(id),
                Err(stuck) => outcome = outcome.and(Err(stuck)),
            }
        }
        outcome
    }

    /// Lets go of the logs. If the stream is over its spool goes too.
    pub(crate) fn close(mut self, logs: &mut OpenLogs, leaving: LeaveReason) {
        if let (Route::Spooled(spooled), LeaveReason::Over) = (&self.route, leaving) {
            spooled.spool.remove();
        }
        for id in self.route.open_logs() {
            logs.leave(id, self.key, leaving);
        }
    }

    /// Does what can be done now, and says when to come again.
    pub(crate) fn turn(&mut self, logs: &mut OpenLogs, tools: &mut WriterTools) -> NextTurn {
        tools.tick();
        let intake = if self.ended { Intake::Over } else { self.intake(logs, tools) };
        let silent = self.served.is_none_or(|served| tools.now >= served + SILENCE);
        let release = silent || intake == Intake::Over;
        let delivery = match self.deliver(release, logs, tools) {
            Ok(delivery) => {
                self.delivery_outage.over(tools, self.sink.path());
                delivery
            }
            Err(stuck) => self.on_delivery_error(&stuck, logs, tools),
        };
        if delivery == Pumped::Done && intake != Intake::Over {
            self.back_to_direct(logs, tools);
        }
        match (intake, delivery) {
            (Intake::Over, Pumped::Done) => self.finish(logs, tools),
            // The marker is written as soon as the disk is back, also if nothing else is.
            (Intake::Empty, Pumped::Done) if self.intake_outage.wants_mark() => {
                NextTurn::ReadyOr(tools.now + RETRY * 4)
            }
            (Intake::Empty, Pumped::Done) => NextTurn::Ready,
            (Intake::Over, Pumped::Later) | (_, Pumped::Again) => NextTurn::At(tools.now),
            (Intake::Empty, Pumped::Later) => {
                NextTurn::ReadyOr(self.served.unwrap_or(tools.now) + SILENCE)
            }
            (Intake::Next(NextTurn::Ready), Pumped::Later) => {
                NextTurn::ReadyOr(tools.now + SILENCE)
            }
            (Intake::Next(next), Pumped::Done | Pumped::Later)
            | (Intake::Next(next @ NextTurn::At(_)), Pumped::Stuck) => next,
            (Intake::Empty | Intake::Next(_), Pumped::Stuck) => {
                NextTurn::ReadyOr(tools.now + RETRY)
            }
            (Intake::Over, Pumped::Stuck) => NextTurn::At(tools.now + RETRY),
        }
    }

    /// Shapes what waits in the spool.
    fn deliver(
        &mut self,
        release: bool,
        logs: &mut OpenLogs,
        tools: &mut WriterTools,
    ) -> Result<Pumped, WriteError> {
        if !matches!(self.route, Route::Spooled(_)) {
            return Ok(Pumped::Done);
        }
        let opened = self.open(logs);
        let ids: Vec<_> = self.route.open_logs().collect();
        let Route::Spooled(spooled) = &mut self.route else {
            return Ok(Pumped::Done);
        };
        let path = spooled.path();
        let stuck = |errno| WriteError::new(&path, errno);
        let size = spooled.spool.size().map_err(stuck)?;
        let mut delivery = Ok(Pumped::Done);
        let SpoolRoute { spool, shaper, .. } = &mut **spooled;
        let mut pump = Pump { key: self.key, spool, shaper, size, release };
        for id in ids.iter().copied() {
            let Some(log) = logs.get(id) else { continue };
            delivery = match (delivery, pump.run(log, tools)) {
                (Ok(one), Ok(other)) => Ok(one.max(other)),
                (Err(stuck), _) | (_, Err(stuck)) => Err(stuck),
            };
        }
        let done = spooled.delivered_to_all(self.key, logs);
        spooled.spool.free(done, size);
        opened?;
        if let Some(entry) = spooled.spool.renew(done, size).map_err(stuck)? {
            for id in ids {
                let renewed = logs.get(id).map(|log| log.renewed(self.key, entry));
                renewed.unwrap_or(Ok(())).map_err(stuck)?;
            }
        }
        delivery
    }

    /// The last writer is gone and everything is delivered.
    fn finish(&mut self, logs: &mut OpenLogs, tools: &mut WriterTools) -> NextTurn {
        if let Route::Spooled(spooled) = &self.route
            && !spooled.shaper.is_raw()
        {
            for id in self.route.open_logs() {
                if let Some(log) = logs.get(id) {
                    // If even this byte doesn't fit, the next line of anybody brings it.
                    log.end_line(self.key, tools.now).ok();
                }
            }
        }
        self.intake_outage.tell(tools, self.sink.path());
        self.intake_outage.unblock(tools);
        self.delivery_outage.unblock(tools);
        NextTurn::Never
    }

    /// A log can't be written: its bytes stay in the spool, as long as anybody may bring them over.
    fn on_delivery_error(
        &mut self,
        stuck: &WriteError,
        logs: &mut OpenLogs,
        tools: &WriterTools,
    ) -> Pumped {
        if self.delivery_outage.again(&stuck.cause, tools.now) < PATIENCE {
            return Pumped::Stuck;
        }
        self.delivery_outage.block(tools, self.sink.path());
        if self.ended && self.sink.full == WhenFull::Drop {
            if let Route::Spooled(spooled) = &self.route {
                let size = spooled.spool.size().unwrap_or(0);
                let done = spooled.delivered_to_all(self.key, logs);
                self.delivery_outage.lose(size.saturating_sub(done));
            }
            self.delivery_outage.tell(tools, &stuck.path);
            return Pumped::Done;
        }
        self.delivery_outage.warn(tools, &stuck.path);
        Pumped::Stuck
    }
}
