//! Unbuffered output to stdout or stderr: each call is finished when it returns.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// Where the output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    fd: BorrowedFd<'static>,
}

impl Output {
    pub(crate) fn stdout() -> Self {
        Self { fd: rustix::stdio::stdout() }
    }

    pub(crate) fn stderr() -> Self {
        Self { fd: rustix::stdio::stderr() }
    }

    /// Writes all of it, also into a slow pipe and through interruptions.
    pub(crate) fn bytes(self, mut rest: &[u8]) -> Result<(), Errno> {
        while !rest.is_empty() {
            match rustix::io::write(self.fd, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A line with one call, so that two who share a log don't get between it and its end.
    pub(crate) fn line(self, text: &[u8]) -> Result<(), Errno> {
        self.bytes(&[text, b"\n"].concat())
    }

    pub(crate) fn text(self, text: &str) -> Result<(), Errno> {
        self.bytes(text.as_bytes())
    }
}
