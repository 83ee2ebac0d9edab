//! Introduces the core to the world: carries facts in and orders out, and decides nothing itself.
//!
//! Disposable (law 7): whatever must survive it is in the journal, in the files, or with the guardian.
#![forbid(unsafe_code)]

mod adopt;
mod announce;
mod arrears;
mod clock;
mod diary;
mod hands;
mod journal;
mod node;
mod pidfile;
mod plan;
mod reactor;
mod runs;
mod salt;
mod sampler;
mod senses;
mod server;
mod spawner;
mod store;
mod trees;

pub use reactor::{Beginning, DaemonError, run};
pub use store::{StoreError, load as load_saved};
