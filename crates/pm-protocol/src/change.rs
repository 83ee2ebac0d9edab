//! What subscribers of `Watch` are told, in order, from one owner.

use serde::{Deserialize, Serialize};

use crate::view::{Host, Row, Usage};

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Everything, first of all, and again after a subscriber was too slow to be told each change.
    Snapshot(Vec<Row>),
    /// An instance is new or different; its usage is the last known.
    Changed(Row),
    /// An instance is gone.
    Removed(u32),
    /// Fresh figures of running instances, by id.
    Usage(Vec<(u32, Usage)>),
    /// Fresh figures of the machine.
    Host(Host),
    /// The daemon is being replaced or shut down; the connection ends.
    Leaving,
}
