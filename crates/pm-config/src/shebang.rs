//! The first line of a script, as the kernel and `env` read it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_spec::ByteString;

use crate::paths;
use crate::runtime::Runtime;

/// The first line of a script.
#[derive(Debug)]
pub(crate) struct Shebang {
    /// As written.
    pub(crate) program: PathBuf,
    /// What `env` is asked to look up.
    pub(crate) name: Option<OsString>,
    pub(crate) args: Vec<ByteString>,
}

impl Shebang {
    pub(crate) fn runtime(&self) -> Runtime {
        Runtime::of(Path::new(self.called()))
    }

    /// The name of who is to run it.
    pub(crate) fn called(&self) -> &OsStr {
        self.name.as_deref().or(self.program.file_name()).unwrap_or_default()
    }
}

/// Read from a file, if it has one.
pub(crate) fn shebang(path: &Path) -> Option<Shebang> {
    /// The kernel reads no more of a first line (`BINPRM_BUF_SIZE`, execve(2)).
    const LONGEST: usize = 256;
    // A FIFO would block an open; only plain files have first lines.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    parse_shebang(&paths::head(path, LONGEST).ok()?)
}

/// `#!PROGRAM [ONE ARGUMENT]`; for `env NAME` and `env -S NAME ARGS` also what it looks up.
fn parse_shebang(head: &[u8]) -> Option<Shebang> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let mut parts = line.splitn(2, u8::is_ascii_whitespace);
    let program = parts.next().filter(|program| !program.is_empty())?;
    let rest = parts.next().unwrap_or(b"").trim_ascii();
    let program = PathBuf::from(OsStr::from_bytes(program));
    let one = |arg: &[u8]| if arg.is_empty() { vec![] } else { vec![ByteString::from(arg)] };
    if program.file_name() != Some(OsStr::new("env")) {
        return Some(Shebang { program, name: None, args: one(rest) });
    }
    let (words, split) = match rest.strip_prefix(b"-S") {
        Some(words) => (words.trim_ascii(), true),
        None => (rest, false),
    };
    let mut words = crate::words::split(words).into_iter();
    let name = words.next().map(ByteString::into_bytes).unwrap_or_default();
    // Options and assignments are env's business; it is called with its argument as it stands.
    if name.is_empty() || name.starts_with(b"-") || name.contains(&b'=') {
        return Some(Shebang { program, name: None, args: one(rest) });
    }
    let args = if split { words.collect() } else { Vec::new() };
    Some(Shebang { program, name: Some(OsStr::from_bytes(&name).to_owned()), args })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines_are_read_as_the_kernel_does() {
        for (head, program, name, args) in [
            ("#!/bin/sh\necho", "/bin/sh", None, vec![]),
            ("#! /usr/bin/perl -w -T\n", "/usr/bin/perl", None, vec!["-w -T"]),
            ("#!/usr/bin/env python3\r\n", "/usr/bin/env", Some("python3"), vec![]),
            ("#!/usr/bin/env -S node --x y\n", "/usr/bin/env", Some("node"), vec!["--x", "y"]),
            ("#!/usr/bin/env -i sh\n", "/usr/bin/env", None, vec!["-i sh"]),
            ("#!/usr/bin/env A=b sh\n", "/usr/bin/env", None, vec!["A=b sh"]),
        ] {
            let line = parse_shebang(head.as_bytes()).unwrap();
            assert_eq!(line.program, Path::new(program), "{head}");
            assert_eq!(line.name.as_deref(), name.map(OsStr::new), "{head}");
            let expected: Vec<_> = args.into_iter().map(ByteString::from).collect();
            assert_eq!(line.args, expected, "{head}");
        }
        assert!(parse_shebang(b"#!").is_none() && parse_shebang(b"\x7fELF").is_none());
    }
}
