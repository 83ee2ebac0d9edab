//! Texts that mean themselves in the languages of service files. Each has its own rules.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path for a shell, `before` in front; bytes that are no text stay what they are only where the file's encoding allows it, so they are
/// written with `printf`.
pub(super) fn shell(before: &str, path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return format!("{before}'{}'", text.replace('\'', r"'\''"));
    }
    let mut octal = String::new();
    for byte in path.as_os_str().as_bytes() {
        // Writing to a text can't fail.
        write!(octal, "\\{byte:03o}").unwrap_or_default();
    }
    format!("{before}\"$(printf '{octal}')\"")
}

/// A quoted word of a systemd unit (systemd.syntax(7)), `before` in front; `%` would begin a specifier.
pub(super) fn systemd(before: &str, path: &Path) -> String {
    let mut quoted = format!("\"{before}");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' => quoted.push_str("%%"),
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            b' '..=b'~' => quoted.push(char::from(*byte)),
            // Writing to a text can't fail.
            _ => write!(quoted, "\\x{byte:02x}").unwrap_or_default(),
        }
    }
    quoted.push('"');
    quoted
}
