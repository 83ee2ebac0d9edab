//! What is behind the gate, a file a noun.

pub(crate) mod access;
pub(crate) mod alerts;
pub(crate) mod apps;
pub(crate) mod deeds;
pub(crate) mod domains;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod projects;
pub(crate) mod session;
