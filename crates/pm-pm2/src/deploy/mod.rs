//! `deploy`: a git repository to hosts over OpenSSH, with hooks.

mod host;
mod repository;
mod script;
mod steps;
mod words;

pub use host::Host;
pub use repository::nothing_is_left_behind;
pub use steps::take;
pub use words::{Step, Words, parse};
