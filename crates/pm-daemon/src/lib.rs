//! Introduces the core to the world: carries facts in and orders out, and decides nothing itself.
//!
//! Disposable (law 7): whatever must survive it is in the journal, in the files, or with the guardian.
#![forbid(unsafe_code)]

mod adopt;
mod app_events;
mod clock;
mod daemon_log;
mod executor;
mod home_id;
mod journal;
mod node;
mod pidfile;
mod plan;
mod pm2_pid;
mod reactor;
mod runs;
mod sampler;
mod server;
mod spawner;
mod store;
mod trees;
mod triggers;
mod unwritten;

pub use reactor::{Beginning, DaemonError, run};
pub use store::{StoreError, load as load_saved};
