//! Introduces the core to the world: carries facts in and orders out, and decides nothing itself.
//!
//! Disposable (law 7): whatever must survive it is in the journal, in the files, or with the guardian.
#![forbid(unsafe_code)]

mod accept_watch;
mod adopt;
mod app_events;
mod app_user;
mod blocked_logs;
mod caller;
mod clock;
mod command_end;
mod command_job;
mod core_driver;
mod crash_files;
mod daemon_log;
mod error;
mod events;
mod executor;
#[cfg(test)]
mod fuzz_tests;
mod generations;
mod home_id;
mod hooks;
mod inlet;
mod inquiries;
mod journal;
mod kernel_orders;
mod leave_watch;
mod listen_watch;
mod node;
mod notices;
mod open_socket;
mod own_file;
mod pidfile;
mod plan;
mod pm2_pid;
mod preparation;
mod publisher;
mod reactor;
mod renewal;
mod run_control;
mod running_commands;
mod runs;
mod sampler;
mod secret_files;
mod secrets;
mod self_report;
mod server;
mod shared_sockets;
mod short_command;
mod slots;
mod spawn_failure;
mod spawner;
mod staged_commands;
mod store;
mod strangers;
mod tree_job;
mod tree_queries;
mod trees;
mod trial;
mod triggers;
mod unwritten;
mod worker_watch;

pub use error::DaemonError;
pub use journal::remembers;
pub use reactor::{Beginning, run};
pub use store::{StoreError, load as load_saved};
