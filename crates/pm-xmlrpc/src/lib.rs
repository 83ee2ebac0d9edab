//! XML-RPC over HTTP, as clients of Supervisor speak it: values, calls, answers, the server that takes them, and a client. What a
//! call means is none of its business.
#![forbid(unsafe_code)]

mod answer;
mod call;
mod client;
mod following;
#[cfg(test)]
mod fuzz_tests;
mod login;
mod place;
mod server;
mod value;

pub use call::RpcCall;
pub use client::{RpcCallError, ask};
pub use login::RpcLogin;
pub use place::{RpcPlace, RpcSocket};
pub use server::{RpcError, RpcFace, run};
pub use value::{RpcFault, RpcValue};
