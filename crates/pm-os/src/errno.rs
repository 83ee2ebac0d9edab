//! What the kernel answered, as words for people. Nothing here decides what an error means.

use std::io;

use rustix::io::Errno;

/// The error the last raw system call of this thread left behind.
pub(crate) fn last() -> Errno {
    io::Error::last_os_error().raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}

/// What the system calls an error, without Rust's "(os error N)" and in lower case.
pub fn words(errno: Errno) -> String {
    let text = io::Error::from_raw_os_error(errno.raw_os_error()).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => format!("error {}", errno.raw_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_words() {
        assert_eq!(words(Errno::NOENT), "no such file or directory");
        assert_eq!(words(Errno::ACCESS), "permission denied");
    }
}
