//! Single values of Supervisor's file: what text means, and what is said of text that means nothing.

use pm_spec::Signal;

/// yes, true, on, 1 or no, false, off, 0.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number.
pub(crate) fn integer(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// A number of bytes, with kb, mb or gb behind it (of 1024).
pub(crate) fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let unit = ["kb", "mb", "gb"].iter().zip([10, 20, 30]).find(|(unit, _)| text.ends_with(*unit));
    let (digits, shift) = unit.map_or((text.as_str(), 0), |(unit, shift)| {
        (text.strip_suffix(unit).unwrap_or(&text), shift)
    });
    digits.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// `0,2`.
pub(crate) fn exit_codes(text: &str) -> Option<Vec<u8>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|code| code.trim().parse().ok()).collect()
}

/// An octal mask.
pub(crate) fn mask(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim(), 8).ok().filter(|mask| *mask <= 0o777)
}

/// A name with or without SIG, or a number.
pub(crate) fn signal(text: &str) -> Option<Signal> {
    Signal::parse(&text.trim().to_uppercase()).ok()
}

/// The names of a list.
pub(crate) fn names(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

/// Why this can't name a program or a group.
pub(crate) fn misnamed(name: &str) -> Option<String> {
    let odd = name.chars().find(|c| " :/".contains(*c));
    let why = odd.map(|c| format!("it must not hold `{c}`"));
    why.or_else(|| name.is_empty().then(|| "it is empty".into()))
}

/// Whether a log file is what the daemon's own output is.
pub(crate) fn is_own_output(path: &str) -> bool {
    matches!(path, "/dev/stdout" | "/dev/stderr")
        || ["/dev/fd/", "/proc/self/fd/"].iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_mean_what_they_mean_to_supervisor() {
        assert_eq!(
            ["Yes", "ON", "1", "off", "maybe"].map(boolean),
            [Some(true), Some(true), Some(true), Some(false), None]
        );
        assert_eq!(
            ["50MB", "1 kb", "7", "0", "x", "-1"].map(size),
            [Some(50 << 20), Some(1024), Some(7), Some(0), None, None]
        );
        assert_eq!(exit_codes("0, 2"), Some(vec![0, 2]));
        assert_eq!((exit_codes(""), exit_codes("256")), (Some(vec![]), None));
        assert_eq!((mask("022"), mask("9"), mask("7777")), (Some(0o22), None, None));
        assert_eq!(
            ["term", "SIGHUP", "9"].map(signal),
            [Some(Signal::TERM), Some(Signal::HUP), Some(Signal::KILL)]
        );
        assert_eq!(signal("nope"), None);
        assert_eq!(names("a, b"), ["a", "b"]);
        assert!(misnamed("a b").is_some() && misnamed("a-b_1").is_none());
    }
}
