//! Keys: 256 random bits, of which only a digest is kept.

use std::fmt::Write as _;

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Bytes from the kernel.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Errno> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        let rest = bytes.get_mut(filled..).unwrap_or_default();
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// A key nobody had before.
pub(crate) fn new_key() -> Result<String, Errno> {
    Ok(hex(&random::<32>()?))
}

/// As text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Of text; `None` for what is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|two| {
        let two = std::str::from_utf8(two).ok().filter(|two| two.len() == 2)?;
        u8::from_str_radix(two, 16).ok()
    });
    digits.collect()
}

/// What is kept of a key. Keys are as long as it, so that one round is as good as many; who knows it can't make a key of it.
pub(crate) fn digest(key: &str) -> String {
    hex(&Blake2b::<U32>::digest(key.as_bytes()))
}

/// Whether two digests are the same; how long that takes says nothing.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_and_never_the_same() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert_eq!((one.len(), unhex(&one).unwrap().len()), (64, 32));
        assert_ne!(one, other);
        assert_eq!(digest(&one), digest(&one));
        assert!(is_same(one.as_bytes(), one.as_bytes()) && !is_same(b"ab", b"a"));
        assert_eq!(unhex("0x"), None);
        assert_eq!(unhex("abc"), None);
    }
}
