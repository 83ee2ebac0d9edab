//! Why something was not done.

/// A message that says it, and what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// Whether it is the input that is wrong.
    pub is_input: bool,
    /// A fragment in lower case.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refused {
    /// Something else than the input.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { is_input: false, message: message.into(), hint: None }
    }

    /// What was typed or lies in a file can't be used.
    pub fn input(message: impl Into<String>) -> Self {
        Self { is_input: true, ..Self::failed(message) }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
