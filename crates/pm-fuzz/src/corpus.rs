//! Samples in the tree: a file each, in a folder per target, named by what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// More than this of one target is not kept, in bytes: the corpus is in the tree.
const MOST: usize = 24 << 10;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where what a target found is kept: `corpus` for what reaches much, `crashes` for what once broke something.
pub(crate) fn folder(kind: &str, target: &str) -> PathBuf {
    root().join("fixtures/fuzz").join(kind).join(target)
}

/// The content of a file, or of all files of a folder, in the order of their names.
pub(crate) fn read(path: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(path) else { return fs::read(path).into_iter().collect() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.is_file()).filter_map(|path| fs::read(path).ok()).collect()
}

/// Puts these in the place of what was there, as many as there is room for.
pub(crate) fn replace(folder: &Path, inputs: &[Vec<u8>]) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => fs::create_dir_all(folder)?,
    }
    let mut room = MOST;
    for input in inputs {
        let Some(left) = room.checked_sub(input.len()) else { continue };
        room = left;
        fs::write(folder.join(name(input)), input)?;
    }
    Ok(())
}

/// The same content has the same name (FNV-1a).
pub(crate) fn name(input: &[u8]) -> String {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    format!("{:016x}", input.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_there_is_room_for_so_much() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = [b"a".to_vec(), vec![b'x'; MOST], b"b".to_vec()];
        replace(folder.path(), &inputs).unwrap();
        let mut found = read(folder.path());
        found.sort();
        assert_eq!(found, [b"a", b"b"]);
        replace(folder.path(), &inputs[..1]).unwrap();
        assert_eq!(read(folder.path()), [b"a"]);
        assert_eq!(read(&folder.path().join(name(b"a"))), [b"a"]);
    }
}
