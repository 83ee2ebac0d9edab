//! Apps as files of other managers and engines, and what became of each of their keys.
//!
//! Nothing is written to disk here and nothing is looked up: apps in, texts out. What an engine has no counterpart for is in
//! the report, never in silence; a value that may be a secret is in no text, only a reference to where it has to be.
#![forbid(unsafe_code)]

mod compose;
mod container;
mod cron;
mod draft;
mod environment;
mod fate;
mod files;
mod key;
mod kubernetes;
mod names;
mod nomad;
mod nowhere;
mod order;
mod probes;
mod procfile;
mod program;
mod said;
mod supervisor;
mod systemd;
mod target;
mod yaml;

pub use fate::{ExportFate, ExportNote};
pub use files::{ExportedFile, TargetFiles};
pub use key::ExportKey;
pub use nowhere::why as without_counterpart;
pub use program::command;
pub use target::ExportTarget;
