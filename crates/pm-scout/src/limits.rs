//! How much of a folder is looked at.

/// How much of a folder is looked at; what lies beyond is said to be there, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurveyLimits {
    /// Folders below the one that is looked at.
    pub depth: usize,
    /// Names in all folders together.
    pub names: usize,
    /// Bytes of one file, from its beginning.
    pub file_bytes: usize,
    /// Bytes of all files together.
    pub bytes: usize,
}

impl Default for SurveyLimits {
    fn default() -> Self {
        Self { depth: 4, names: 4_000, file_bytes: 64 << 10, bytes: 8 << 20 }
    }
}
