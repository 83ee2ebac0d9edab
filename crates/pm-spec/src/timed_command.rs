//! A command that is waited for, but not for ever.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{ByteString, Span};

/// A program (an absolute path) with its arguments, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedCommand {
    /// The program and its arguments.
    pub command: Vec<ByteString>,
    /// After that it is killed.
    pub timeout: Span,
}

impl TimedCommand {
    /// So long one may take where nobody says how long.
    pub const TIMEOUT: Span = Span::from_secs(30);

    /// The words for people.
    pub fn line(&self) -> String {
        let words: Vec<_> = self.command.iter().map(ByteString::display).collect();
        words.join(" ")
    }
}
