//! Asks how something is: does somebody take a connection, what does a server answer to a GET, is a file there, has a worker
//! loaded its app?
//!
//! It knows neither apps nor the core, sets no time limit (whoever waits does), and never reads more than a little.
#![forbid(unsafe_code)]

mod door;
mod file;
mod gunicorn;
mod http;

pub use door::connect;
pub use file::exists;
pub use gunicorn::has_loaded;
pub use http::get;
