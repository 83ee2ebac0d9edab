//! Connect, call, subscribe, resume; find logs; show bytes safely.
//!
//! Everything here blocks and has a deadline; there is no runtime. It starts no daemon: whoever wants one started
//! does that and connects again.
#![forbid(unsafe_code)]

mod client;
mod connect;
mod daemon_connection;
mod foreign_pm2;
mod introduction;
mod log_files;
mod plain;
mod subscription;
mod thread_waker;
mod wait;
mod words;

pub use client::{Client, repeatable};
pub use connect::ConnectError;
pub use daemon_connection::{CallError, DaemonConnection};
pub use foreign_pm2::ForeignPm2;
pub use log_files::{line_times, log_files};
pub use plain::{Colours, SafePiece, plain, scan, visible};
pub use subscription::{Feed, Subscription};
pub use thread_waker::ThreadWaker;
pub use wait::{Deadline, pause};
pub use words::{count, quoted, span, standing, unit_of, wait_of};
