//! Asks a server how it is: does somebody take a connection, what does it answer to a GET?
//!
//! It knows neither apps nor the core, sets no time limit (whoever waits does), and never reads more than a little.
#![forbid(unsafe_code)]

mod door;
mod http;

pub use door::connect;
pub use http::get;
