//! `pm serve`: the files of a folder over HTTP/1.1.
//!
//! It runs as an app of its own, in a process of its own, and knows nothing of daemons and apps. It writes no file, runs
//! no program and never leaves the folder, whatever is asked for.
#![forbid(unsafe_code)]

mod body;
#[cfg(test)]
mod fuzz_tests;
mod listing;
mod login;
mod lookup;
mod media_types;
mod ranges;
mod respond;
mod server;
mod site;
mod url_path;

pub use login::Login;
pub use server::{ServeError, run};
pub use site::{Links, Site, SiteError, variables};
