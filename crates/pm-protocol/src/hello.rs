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
    /// What a client says about whoever called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Introduction>,
}

/// What a client says about whoever called it. It is shown and never trusted: rights come from the socket's peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Introduction {
    /// The name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What was typed, without what may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Who became that user by sudo(8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo: Option<String>,
    /// The address from which whoever typed it is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
}
