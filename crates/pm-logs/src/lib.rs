//! The data plane: the kernel moves the bytes.
//!
//! One thread, the [`LogWriter`], takes what apps print from their pipes to their log files, exactly
//! once whatever kills it; readers ([`History`], [`Follow`], [`Merge`]) look at the files themselves.
//! Nothing here decides when an app runs, and no byte of output passes through the daemon's core.
#![forbid(unsafe_code)]

mod archive;
mod cut;
mod file_io;
mod folder;
mod follow;
#[cfg(test)]
mod fuzz_tests;
mod history;
mod index;
mod ledger;
mod line;
mod log_users;
mod log_writer;
mod logfile;
mod merge;
mod messages;
mod mover;
mod open;
mod open_error;
mod open_logs;
mod outage;
mod pump;
mod rotate;
mod shape;
mod sink;
mod spool;
pub mod stamp;
mod stream_state;
mod tail;
mod tools;
mod writer_loop;

pub use archive::remove_file;
pub use folder::{IfMissing, open_folder};
pub use follow::Follow;
pub use history::{History, LineFilter, LineQuery};
pub use line::{Cursor, CursorError, LineTimes, LogFiles, ReadError, StoredLine};
pub use log_writer::{LogWriter, LogWriterError};
pub use merge::Merge;
pub use messages::{
    DoneCallback, FlushCallback, FlushReport, HandedStream, LogWriterPlan, Notice, NoticeCallback,
    StreamTarget, WriterLimits,
};
pub use open_error::OpenError;
pub use rotate::{LogRotation, log_of};
pub use sink::{FileOwner, LineFormat, LogDestination, Sink, Stream, StreamKey, WhenFull};
pub use spool::forget_spools;
pub use tail::{Tail, TailLine, TailRound};
