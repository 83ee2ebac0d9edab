//! The first frame of both sides.

use serde::{Deserialize, Serialize};

/// The protocol's major version. Within it, fields and calls are only added and unknown fields are ignored.
pub const PROTOCOL: u32 = 1;

/// Who speaks. The client sends its hello and its first call together; the daemon answers with its own hello first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol's major version.
    pub protocol: u32,
    /// The program's version, for people.
    pub version: String,
    /// The speaker's pid.
    pub pid: u32,
    /// Which incarnation of the daemon this is since its guardian began; 0 from a client.
    #[serde(default)]
    pub incarnation: u64,
    /// The guardian's pid; 0 from a client.
    #[serde(default)]
    pub guardian: u32,
}
