//! Node's channel (`NODE_CHANNEL_FD`: lines of JSON, some with a descriptor) and the primary of its cluster workers.
//!
//! `primary`, `balance` and `leave` decide and touch nothing; `event_loop`, `perform` and `accept` are the thread that does
//! it. It knows neither apps nor the core: processes and apps are numbers here.
#![forbid(unsafe_code)]

mod accept;
mod accept_relay;
mod balance;
mod channel;
mod cluster_worker;
mod event_loop;
mod exchange;
#[cfg(test)]
mod fuzz_tests;
mod ids;
mod interface;
mod leave;
mod line_buffer;
mod listener;
mod message;
mod note;
mod pending;
mod perform;
mod pmx;
mod poller;
mod preload;
mod primary;
mod query;
mod socket;

pub use exchange::{ChannelPair, Exchange, ExchangeError};
pub use ids::{Group, PortSharing, Worker, WorkerSlot};
pub use interface::{
    ActionRequest, ActionResult, ActionResults, Attachment, Callbacks, HandoverCopies, KeepRequest,
    NodeEvent, NotOffered,
};
pub use listener::MOST_SOCKETS;
pub use note::Note;
pub use pmx::{Called, PmxState};
pub use preload::{MARK, PRELOAD};
pub use query::{Query, SocketKind};
pub use socket::Maker;
