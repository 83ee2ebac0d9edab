//! Languages, known by the names of their interpreters.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pm_spec::Environment;

/// Languages whose apps need something from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Python,
    Node,
    Bun,
    Deno,
    Shell,
    Other,
}

/// What else an interpreter is called where its usual name is missing.
pub(crate) fn also_called(name: &OsStr) -> Option<&'static str> {
    match name.as_bytes() {
        b"python" => Some("python3"),
        b"node" => Some("nodejs"),
        b"nodejs" => Some("node"),
        _ => None,
    }
}

impl Runtime {
    /// By the exact name of an interpreter: `python3.12` is Python, `bunny` is nothing.
    pub(crate) fn of(interpreter: &Path) -> Self {
        let name = interpreter.file_name().map_or(&b""[..], OsStr::as_bytes);
        let version = |rest: &[u8]| rest.iter().all(|c| c.is_ascii_digit() || *c == b'.');
        match name {
            b"node" | b"nodejs" => Self::Node,
            b"bun" => Self::Bun,
            b"deno" => Self::Deno,
            b"sh" | b"bash" | b"dash" | b"ksh" | b"zsh" => Self::Shell,
            _ if name.strip_prefix(b"python").is_some_and(version) => Self::Python,
            _ if name.strip_prefix(b"pypy").is_some_and(version) => Self::Python,
            _ => Self::Other,
        }
    }

    /// What an app is given unless it is set: Python's prints reach the log at once (pain 21). A shell line, a script or a
    /// launcher (`env`, `nice`, `uv`) may start Python too; nothing else looks at the variable.
    pub(crate) fn settle(self, env: &mut Environment) {
        let javascript = matches!(self, Self::Node | Self::Bun | Self::Deno);
        if !javascript && env.get("PYTHONUNBUFFERED").is_none() {
            env.set("PYTHONUNBUFFERED", "1");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_known_by_exact_names() {
        for (path, runtime) in [
            ("/usr/bin/python3.12", Runtime::Python),
            ("/v/bin/python", Runtime::Python),
            ("pypy3", Runtime::Python),
            ("/home/ubuntu/node", Runtime::Node),
            ("/home/ubuntu/x", Runtime::Other),
            ("pythonic", Runtime::Other),
        ] {
            assert_eq!(Runtime::of(Path::new(path)), runtime, "{path}");
        }
    }
}
