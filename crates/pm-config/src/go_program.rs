//! Whether a program was built by Go: its linker leaves sections of names that nobody else has, in stripped programs too.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// One or both are there: a build id may be left out (`-ldflags=-buildid=`), and old ones have no build information.
const SECTIONS: [&[u8]; 2] = [b".go.buildinfo\0", b".note.go.buildid\0"];
/// In bytes; a program has some dozen sections.
const MOST: u64 = 64 << 10;

/// By three short pieces of the file, however big it is (elf(5)).
pub(crate) fn is_one(path: &Path) -> bool {
    // Whoever opens a pipe waits.
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    let file = file.and_then(|_| File::open(path).ok());
    let names = file.and_then(|file| section_names(&file)).unwrap_or_default();
    SECTIONS.iter().any(|name| names.windows(name.len()).any(|at| at == *name))
}

/// Where a header and an entry of the table of sections have what: of 64 bits or 32.
struct Layout {
    table: u64,
    wide: usize,
    length: u64,
    names: u64,
    offset: u64,
    size: u64,
}

const OF_64: Layout =
    Layout { table: 0x28, wide: 8, length: 0x3A, names: 0x3E, offset: 0x18, size: 0x20 };
const OF_32: Layout =
    Layout { table: 0x20, wide: 4, length: 0x2E, names: 0x32, offset: 0x10, size: 0x14 };

/// All names of sections, one after the other; `None`: it is no program, or has none.
fn section_names(file: &File) -> Option<Vec<u8>> {
    let layout = match *piece(file, 0, 6)? {
        [0x7f, b'E', b'L', b'F', 2, 1] => OF_64,
        [0x7f, b'E', b'L', b'F', 1, 1] => OF_32,
        _ => return None,
    };
    let table = number(file, layout.table, layout.wide)?;
    let length = number(file, layout.length, 2)?;
    let at = table.checked_add(length.checked_mul(number(file, layout.names, 2)?)?)?;
    let offset = number(file, at.checked_add(layout.offset)?, layout.wide)?;
    let size = number(file, at.checked_add(layout.size)?, layout.wide)?;
    piece(file, offset, usize::try_from(size.min(MOST)).ok()?)
}

fn piece(file: &File, at: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

/// The smallest byte first, as all machines we run on have it.
fn number(file: &File, at: u64, length: usize) -> Option<u64> {
    let bytes = piece(file, at, length)?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A header, a table of one section, and what that holds: names.
    fn program(kind: u8, layout: &Layout, names: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', kind, 1]);
        let mut put = |at: u64, number: u8| bytes[usize::try_from(at).unwrap()] = number;
        put(layout.table, 64);
        put(layout.length, 40);
        put(64 + layout.offset, 128);
        put(64 + layout.size, u8::try_from(names.len()).unwrap());
        bytes.extend(names);
        bytes
    }

    /// No more of one than is looked at.
    pub(crate) fn sample() -> Vec<u8> {
        program(2, &OF_64, b"\0.text\0.go.buildinfo\0.data\0")
    }

    #[test]
    fn a_program_of_go_is_known_by_its_sections() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server");
        let is_one = |bytes: Vec<u8>| {
            fs::write(&path, bytes).unwrap();
            is_one(&path)
        };
        assert!(is_one(sample()));
        assert!(is_one(program(2, &OF_64, b"\0.note.go.buildid\0.text\0")));
        assert!(is_one(program(1, &OF_32, b"\0.text\0.go.buildinfo\0")));
        assert!(!is_one(program(2, &OF_64, b"\0.text\0.comment\0.go.buildinfo2\0")));
        let whole = sample();
        for length in 0..whole.len() {
            assert!(!is_one(whole[..length].to_vec()), "cut short after {length}");
        }
        // Numbers that lead nowhere.
        for at in 6..128 {
            let mut wild = whole.clone();
            wild[at] = 0xff;
            is_one(wild);
        }
        assert!(!super::is_one(folder.path()));
        assert!(!super::is_one(&folder.path().join("nobody")));
    }
}
