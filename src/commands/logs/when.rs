//! How the time of a line is written, as people ask for it.

/// PM2's format for `--timestamp` without one.
pub(super) const DEFAULT_FORMAT: &str = "YYYY-MM-DD-HH:mm:ss";

/// Whether a word says how to write a time, so that `--timestamp web` is not one.
pub(super) fn is_format(word: &str) -> bool {
    ["YY", "MM", "DD", "HH", "hh", "mm", "ss", "SSS"].iter().any(|token| word.contains(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_no_format() {
        assert!(is_format("YYYY-MM-DD") && is_format("HH:mm"));
        assert!(!is_format("web") && !is_format("backend"));
    }
}
