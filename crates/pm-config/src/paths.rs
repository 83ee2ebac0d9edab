//! Paths: absolute, `~`, look-up in PATH. Symlinks are never resolved here (pain 44), only looked through.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use pm_spec::{ByteString, Environment};

/// `path` seen from `base`, without `.`, `..` and double slashes. As in a shell and in PM2, `..` undoes the name before it.
pub fn absolute(path: &Path, base: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in base.join(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => drop(clean.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

/// A path as written in a config: `~` and `~/` are the caller's home folder, the rest is seen from `base`.
pub(crate) fn written(text: &ByteString, base: &Path, env: &Environment) -> PathBuf {
    let bytes = text.as_bytes();
    let home = env.get("HOME").filter(|home| home.as_bytes().starts_with(b"/"));
    match (bytes.strip_prefix(b"~"), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(b"/") => {
            let rest = rest.strip_prefix(b"/").unwrap_or(rest);
            absolute(Path::new(OsStr::from_bytes(rest)), from_bytes(home))
        }
        _ => absolute(from_bytes(text), base),
    }
}

/// A path as it is written in a spec.
pub fn from_bytes(bytes: &ByteString) -> &Path {
    Path::new(OsStr::from_bytes(bytes.as_bytes()))
}

/// The bytes of a path.
pub fn to_bytes(path: &Path) -> ByteString {
    ByteString::from(path.as_os_str().as_bytes())
}

/// What a file begins with, so many bytes at most.
pub(crate) fn head(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a path leads to, symlinks followed.
#[derive(Debug)]
pub(crate) enum PathKind {
    /// Something that can be read or run: a file, or a device such as `/dev/stdin`.
    File {
        /// Whether anybody may execute it.
        executable: bool,
    },
    Folder,
    Missing(io::Error),
}

pub(crate) fn look(path: &Path) -> PathKind {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => PathKind::Folder,
        Ok(meta) => PathKind::File { executable: meta.permissions().mode() & 0o111 != 0 },
        Err(error) => PathKind::Missing(error),
    }
}

pub(crate) fn is_file(path: &Path) -> bool {
    matches!(look(path), PathKind::File { .. })
}

pub(crate) fn is_executable(path: &Path) -> bool {
    matches!(look(path), PathKind::File { executable: true })
}

/// What execvp(3) uses where PATH is not set.
pub(crate) const DEFAULT: &[u8] = b"/bin:/usr/bin";

/// The first executable of this name in the app's PATH; an empty or relative entry is seen from the app's folder.
pub fn search(name: &OsStr, env: &Environment, cwd: &Path) -> Option<PathBuf> {
    let list = env.get("PATH").map_or(DEFAULT, ByteString::as_bytes);
    list.split(|byte| *byte == b':')
        .map(|folder| absolute(Path::new(OsStr::from_bytes(folder)), cwd).join(name))
        .find(|path| is_executable(path))
}

/// The cause of an I/O error, without the number: `no such file or directory`.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |c| c.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_as_in_a_shell() {
        let mut env = Environment::new();
        env.set("HOME", "/home/u");
        for (text, path) in [
            ("./project1/", "/srv/x/project1"),
            ("../y//z/.", "/srv/y/z"),
            ("/a/../../b", "/b"),
            ("~", "/home/u"),
            ("~/logs/a b", "/home/u/logs/a b"),
            ("~other/x", "/srv/x/~other/x"),
            ("", "/srv/x"),
        ] {
            let got = written(&ByteString::from(text), Path::new("/srv/x"), &env);
            assert_eq!(got, Path::new(path), "{text}");
        }
    }

    #[test]
    fn programs_are_found_in_path() {
        let mut env = Environment::new();
        env.set("PATH", "/nowhere::/bin");
        assert_eq!(search(OsStr::new("sh"), &env, Path::new("/")).unwrap(), Path::new("/bin/sh"));
        assert_eq!(search(OsStr::new("no-such-program"), &env, Path::new("/")), None);
        env.set("PATH", "");
        assert_eq!(
            search(OsStr::new("sh"), &env, Path::new("/bin")).unwrap(),
            Path::new("/bin/sh")
        );
    }
}
