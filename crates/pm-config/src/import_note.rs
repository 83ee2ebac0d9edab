//! What becomes of each key of another manager's file.

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It means the same here.
    Same,
    /// It acts, in another way.
    Changed(&'static str),
    /// Nothing follows from it, and nothing has to: why.
    Idle(&'static str),
    /// What it asks for is not done: why, and what there is instead.
    Unsupported(&'static str),
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportNote {
    /// `FILE:LINE`.
    pub place: String,
    /// Whose it is and what it is called: `[program:web] user`.
    pub key: String,
    /// What becomes of it.
    pub fate: Fate,
}

impl Fate {
    /// In one or two words.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed(_) => "changed",
            Self::Idle(_) => "no effect",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// How, or why, and what instead.
    pub const fn why(&self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Changed(why) | Self::Idle(why) | Self::Unsupported(why) => why,
        }
    }
}
