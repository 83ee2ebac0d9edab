//! Spool to log: reads what is not taken over yet, shapes it, writes it, publishes that.
//! Each step may be killed at any instant and is then redone; the ledger says from where.

use rustix::io::Errno;

use crate::cut::{LONGEST_LINE, PartialLine};
use crate::file_io::read_full;
use crate::mover::CHUNK;
use crate::open_logs::{OpenLog, WriteBatch};
use crate::outage::WriteError;
use crate::shape::Shaper;
use crate::sink::StreamKey;
use crate::spool::Spool;
use crate::tools::WriterTools;

/// Batches shaped before the next stream has its turn.
const ROUNDS: usize = 8;
/// Near its limit a log is filled in steps of this size, so that it isn't passed by much.
const SMALLEST: u64 = 4096;
/// An open line so much over the limit is divided after all.
const ENDLESS: u64 = LONGEST_LINE as u64;

/// How far a delivery came, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pumped {
    /// Everything is in the logs.
    Done,
    /// All but a line without an end.
    Later,
    /// There is more to do.
    Again,
    /// A log can't be written.
    Stuck,
}

/// One stream's spool on the way into its logs.
#[derive(Debug)]
pub(crate) struct Pump<'a> {
    pub key: StreamKey,
    pub spool: &'a Spool,
    pub shaper: &'a mut Shaper,
    /// Size of the spool.
    pub size: u64,
    /// Whether a line without an end is to be written too.
    pub release: bool,
}

impl Pump<'_> {
    /// Brings `log` up to date, or as far as its turn goes.
    pub(crate) fn run(
        &mut self,
        log: &mut OpenLog,
        tools: &mut WriterTools,
    ) -> Result<Pumped, WriteError> {
        let mut fitted = false;
        for _ in 0..ROUNDS {
            let path = log.file.path().to_path_buf();
            let stuck = |errno| WriteError::new(&path, errno);
            let done = log.raw_done(self.key).ok_or_else(|| stuck(Errno::BADF))?;
            if done >= self.size {
                return Ok(Pumped::Done);
            }
            let direct = log.direct_users();
            if !direct.is_empty() {
                // Those write to the end of the log at any time, and will take the way over a spool at their turn.
                tools.others_due.extend(direct.into_iter().chain([self.key]));
                return Err(stuck(Errno::BUSY));
            }
            let opened = |error| WriteError::from_open(&path, &error);
            let size = log.settle(tools.now).map_err(opened)?;
            let max = log.file.rotation.max_size.max(1);
            let room = max.saturating_sub(size).saturating_mul(1000) / self.shaper.growth();
            let most = room.clamp(SMALLEST, CHUNK as u64);
            let shaped = self.shape((&mut *log, size), done, most, tools).map_err(stuck)?;
            let Some((taken, open)) = shaped else { return Ok(Pumped::Later) };
            // A line is not divided between two files, unless it is endless.
            let whole = !log.is_open_for(self.key) || size > max.saturating_add(ENDLESS);
            let after = size.saturating_add(tools.shaped.len() as u64);
            if after > max && whole && !std::mem::replace(&mut fitted, true) {
                // Again with what has been learnt: a fresh log, or fewer bytes.
                if size > 0 {
                    tools.rotate(log);
                }
                continue;
            }
            let bytes = tools.shaped.as_slice();
            let batch = WriteBatch { key: self.key, raw_done: done + taken, bytes, open };
            if self.shaper.is_raw() {
                // First, or a reader would find bytes without a time.
                log.file.note(size, tools.wall);
            }
            log.write(size, &batch).map_err(stuck)?;
            fitted = false;
        }
        Ok(Pumped::Again)
    }

    /// Shapes about `most` bytes from `done` on; `None` if they hold no whole line. Gives how many
    /// it took and whether they end inside a line.
    fn shape(
        &mut self,
        (log, size): (&mut OpenLog, u64),
        done: u64,
        most: u64,
        tools: &mut WriterTools,
    ) -> Result<Option<(u64, bool)>, Errno> {
        let waiting = self.size - done;
        let whole_line = LONGEST_LINE as u64 + 1;
        let open = log.is_open_for(self.key);
        for most in [most, CHUNK as u64, whole_line] {
            let want = usize::try_from(most.min(waiting)).unwrap_or(CHUNK);
            tools.raw.resize(want.max(tools.raw.len()), 0);
            let have = read_full(self.spool.file(), &mut tools.raw[..want], done)?;
            let whole = have as u64 == waiting;
            let tail = if whole && self.release { PartialLine::Release } else { PartialLine::Keep };
            tools.shaped.clear();
            if !self.shaper.is_raw() && log.wants_newline(self.key, size) {
                tools.shaped.push(b'\n');
            }
            let state = (open, tools.wall);
            let bytes = &tools.raw[..have];
            let shaped = self.shaper.shape(bytes, tail, state, &mut tools.shaped);
            if shaped.taken > 0 {
                self.shaper.learn(shaped.taken, tools.shaped.len());
                return Ok(Some((shaped.taken as u64, shaped.open)));
            }
            if whole {
                break;
            }
        }
        Ok(None)
    }
}
