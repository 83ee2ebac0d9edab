//! Where a value comes from that nobody is to know.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{ByteString, TimedCommand};

/// Where a value comes from at each start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// It is what this file (absolute) holds.
    File(ByteString),
    /// It is what this command prints.
    Printed(TimedCommand),
}

impl SecretSource {
    /// The words for people.
    pub fn line(&self) -> String {
        match self {
            Self::File(path) => path.display().into_owned(),
            Self::Printed(command) => command.line(),
        }
    }
}
