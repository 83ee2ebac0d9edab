//! Where programs of this machine are.

use std::path::PathBuf;

pub(crate) fn find_in_path(name: &str) -> Option<PathBuf> {
    // As `execvp` looks where nobody says.
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    // Tools of root's are often not in a user's PATH, which says nothing about the machine.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

pub(crate) fn is_installed(name: &str) -> bool {
    find_in_path(name).is_some()
}
