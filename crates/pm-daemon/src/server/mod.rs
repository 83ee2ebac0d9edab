//! The side that clients see: one task that accepts, one task per connection, one translator.

pub(crate) mod accept;
pub(crate) mod answer;
mod connection;
pub(crate) mod endpoint;
pub(crate) mod feed;
