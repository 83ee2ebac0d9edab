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
mod index;
mod ledger;
mod logfile;
mod mover;
mod open;
mod pump;
pub mod rotate;
mod scribe;
mod shape;
mod sink;
mod spool;
pub mod stamp;
mod trouble;

pub use open::OpenError;
pub use rotate::Rotation;
pub use scribe::{Done, Limits, Notice, Scribe, ScribePlan, StartError};
pub use sink::{Format, Owner, Place, Sink, Stream, StreamKey, WhenFull};
