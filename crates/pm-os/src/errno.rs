//! What the kernel answered, as words for people, and whether it may answer otherwise later.

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

/// Whether the machine or we are short of something, so that the same may succeed later: processes, memory or descriptors.
pub fn is_shortage(errno: Errno) -> bool {
    matches!(errno, Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::NOBUFS)
}

/// The same of what the standard library calls an error.
pub fn is_shortage_of(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| is_shortage(Errno::from_raw_os_error(number)))
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
