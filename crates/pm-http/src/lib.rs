//! What all our HTTP servers share: they listen, answer each connection in a task of its own under deadlines, and say
//! farewell when they are told to leave. What is asked and answered is none of its business.
#![forbid(unsafe_code)]

mod doorway;
mod serve;

pub use doorway::{ClientAddress, Doorway, unix_socket};
pub use serve::{Deadlines, block_on, serve};
