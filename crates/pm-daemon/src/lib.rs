//! Introduces the core to the world: carries facts in and orders out, and decides nothing itself.
//!
//! Disposable (law 7): whatever must survive it is in the journal, in the files, or with the guardian.
#![forbid(unsafe_code)]

mod adopt;
mod app_events;
mod app_user;
mod caller;
mod clock;
mod core_driver;
mod daemon_log;
mod error;
mod executor;
mod home_id;
mod inlet;
mod journal;
mod listen_watch;
mod node;
mod own_file;
mod pidfile;
mod plan;
mod pm2_pid;
mod publisher;
mod reactor;
mod renewal;
mod run_control;
mod runs;
mod sampler;
mod server;
mod slots;
mod spawner;
mod store;
mod strangers;
mod tree_job;
mod trees;
mod triggers;
mod unwritten;

pub use error::DaemonError;
pub use reactor::{Beginning, run};
pub use store::{StoreError, load as load_saved};
