//! A random number per home, so that our tags are told from those of another home on the same machine.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::own_file;

/// Where a home id comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was in its file.
    Found,
    /// It was made now: no process can bear it yet.
    Made,
}

/// Reads the home's home id, making it first if it is missing or damaged.
pub(crate) fn load(path: &Path) -> io::Result<(u32, Origin)> {
    let mut text = String::new();
    if let Ok(mut file) = File::open(path) {
        // A damaged file reads as no number and is replaced below.
        file.read_to_string(&mut text).ok();
    }
    if let Ok(home_id) = text.trim().parse::<u32>() {
        return Ok((home_id, Origin::Found));
    }
    let mut bytes = [0_u8; 4];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let home_id = u32::from_le_bytes(bytes) >> 1;
    own_file::replace(path, format!("{home_id}\n").as_bytes())?;
    Ok((home_id, Origin::Made))
}

/// Puts a home id back whose file is gone with the whole home.
pub(crate) fn restore(path: &Path, home_id: u32) -> io::Result<()> {
    if path.exists() { Ok(()) } else { own_file::replace(path, format!("{home_id}\n").as_bytes()) }
}
