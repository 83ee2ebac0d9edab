//! What an app needs that is no app of ours: a server elsewhere, a file, whatever a command finds out.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{Probe, Question, Span};

/// One thing outside that has to be there before an app begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideNeed {
    /// What is asked until it answers well.
    pub question: Question,
    /// So long it is waited for without a word; then it is told, or done without if it is not required.
    pub within: Span,
    /// Whether nothing begins without it.
    pub required: bool,
}

impl OutsideNeed {
    /// How long something outside may take where nothing is said.
    pub const WITHIN: Span = Span::from_secs(30);

    /// How long one answer may take.
    pub const ANSWER: Span = Span::from_secs(5);

    /// What a bare address means.
    pub const fn on(probe: Probe) -> Self {
        let question = Question { probe, timeout: Self::ANSWER };
        Self { question, within: Self::WITHIN, required: true }
    }
}

/// `tcp://db:5432`, or `tcp://db:5432 (optional, 1m)`.
impl fmt::Display for OutsideNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { question, within, required } = self;
        write!(f, "{}", question.probe)?;
        match (*required, *within == Self::WITHIN) {
            (true, true) => Ok(()),
            (true, false) => write!(f, " ({within})"),
            (false, true) => f.write_str(" (optional)"),
            (false, false) => write!(f, " (optional, {within})"),
        }
    }
}
