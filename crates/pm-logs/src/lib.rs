//! The data plane: the kernel moves the bytes.
//!
//! One thread, the [`Scribe`], takes what apps print from their pipes to their log files, exactly
//! once whatever kills it; readers ([`tail`], [`follow`], [`merge`]) look at the files themselves.
//! Nothing here decides when an app runs, and no byte of output passes through the daemon's core.
#![forbid(unsafe_code)]

mod archive;
mod book;
pub mod cut;
mod desk;
mod flow;
mod folder;
pub mod follow;
mod index;
mod ledger;
mod line;
mod logfile;
pub mod merge;
mod mover;
mod open;
mod pump;
pub mod rotate;
mod scribe;
mod shape;
mod sink;
mod spool;
pub mod stamp;
pub mod tail;
mod trouble;

pub use folder::{Missing, open_folder};
pub use follow::Follow;
pub use line::{Cursor, Line, ReadError, Source, Times};
pub use merge::Merge;
pub use open::OpenError;
pub use rotate::Rotation;
pub use scribe::{Done, FlushDone, Flushed, Limits, Loan, Notice, Scribe, ScribePlan, StartError};
pub use sink::{Format, Owner, Place, Sink, Stream, StreamKey, WhenFull};
pub use spool::forget_spools;
pub use tail::{History, Keep, Want};
