//! The side that clients see: one task that accepts, one task per connection, one translator.

mod accept;
pub(crate) mod answer;
mod author;
mod connection;
pub(crate) mod connections;
mod dependencies;
mod endpoint;
pub(crate) mod ends;
pub(crate) mod feed;
mod rounds;
