//! New inputs from old ones, repeatable by a seed.

/// The longest piece that is taken out, put in or repeated at once.
const PIECE: usize = 64;

/// Bytes that grammars are made of.
const MARKS: &[u8] = b"\0\n\r\t \"'`\\/{}[]()<>:;,.=-+*&!|#%$@~^_?09azAZ\x1b\x7f\x80\xc3\xff";

/// Numbers at which counting ends.
const NUMBERS: [&[u8]; 14] = [
    b"0",
    b"-1",
    b"1e999",
    b"255",
    b"256",
    b"65536",
    b"2147483648",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"99999999999999999999999999",
];

/// Makes inputs.
#[derive(Debug)]
pub(crate) struct Mutator {
    state: u64,
    words: Vec<Vec<u8>>,
    longest: usize,
}

impl Mutator {
    pub(crate) fn new(seed: u64, words: Vec<Vec<u8>>, longest: usize) -> Self {
        // Seeds that lie close together would begin alike.
        let state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { state, words, longest }
    }

    /// A number below this one (xorshift64*, Vigna 2016).
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let high = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap_or(0) % most.max(1)
    }

    /// One to eight changes of one of these, or of two put together.
    pub(crate) fn next(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.pick(corpus);
        for _ in 0..=self.below(8) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(self.longest);
        bytes
    }

    fn pick(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let at = self.below(corpus.len());
        corpus.get(at).cloned().unwrap_or_default()
    }

    /// A piece of some bytes.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let begin = self.below(length + 1);
        let most = if self.below(8) == 0 { length } else { PIECE };
        begin..length.min(begin + self.below(most + 1))
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let kind = self.below(12);
        match (kind, bytes.get_mut(at)) {
            (0, Some(byte)) => *byte ^= 1 << self.below(8),
            (1, Some(byte)) if at.is_multiple_of(2) => *byte = byte.wrapping_sub(1),
            (1, Some(byte)) => *byte = byte.wrapping_add(1),
            (2, Some(byte)) => *byte = MARKS[self.below(MARKS.len())],
            (3, Some(_)) => bytes.truncate(at),
            (4, Some(_)) => drop(bytes.drain(self.piece(bytes.len()))),
            (5, _) => {
                let mark = MARKS[self.below(MARKS.len())];
                put(bytes, at, &[mark]);
            }
            (6, _) => put(bytes, at, NUMBERS[self.below(NUMBERS.len())]),
            (7, _) if self.below(64) == 0 => self.repeat(bytes, at),
            (7 | 8, _) => {
                let again = bytes[self.piece(bytes.len())].to_vec();
                put(bytes, at, &again);
            }
            (9, _) => {
                let other = self.pick(corpus);
                let part = &other[self.piece(other.len())];
                put(bytes, at, part);
            }
            _ if self.words.is_empty() => put(bytes, at, b"\""),
            _ => {
                let word = self.below(self.words.len());
                put(bytes, at, &self.words[word]);
            }
        }
    }

    /// A short piece until there is no more room: depth, and what grows with a square.
    fn repeat(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let piece = self.piece(bytes.len().min(at + 8));
        let piece = bytes[piece].to_vec();
        if !piece.is_empty() {
            let times = self.longest.saturating_sub(bytes.len()) / piece.len();
            put(bytes, at, &piece.repeat(times));
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    let at = at.min(bytes.len());
    bytes.splice(at..at, new.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_no_other() {
        let corpus = vec![b"{\"a\": [1, 2]}".to_vec(), Vec::new()];
        let made = |seed| {
            let mut mutator = Mutator::new(seed, vec![b"word".to_vec()], 200);
            (0..500).map(|_| mutator.next(&corpus)).collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        let all = made(3);
        assert!(all.iter().all(|bytes| bytes.len() <= 200));
        assert!(all.iter().any(|bytes| bytes.windows(4).any(|four| four == b"word")));
        assert!(all.iter().any(|bytes| bytes.len() == 200), "nothing was repeated to the end");
    }
}
