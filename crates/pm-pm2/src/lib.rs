//! PM2's face: its command line, the shapes it prints, the files it keeps, its `deploy`. Data in, data out; nothing is
//! printed here, and no daemon is asked but that of a real PM2, which is taken over.
#![forbid(unsafe_code)]

pub mod absent;
mod called_as;
mod checks;
#[cfg(feature = "deploy")]
pub mod deploy;
pub mod dialect;
pub mod dump;
mod error;
#[cfg(test)]
mod fuzz_tests;
mod inspect;
pub mod jlist;
mod live;
pub mod machine;
pub mod modules;
pub mod repository;
pub mod settings;
mod shell;

pub use called_as::CalledAs;
pub use error::Pm2Error;
pub use inspect::inspect;
pub use jlist::Nodes;
pub use live::{LivePm2, Pm2CallError};
pub use shell::{local, shell};
