//! What a listener writes: `READY`, and `RESULT` with a body of a length it names.

/// So long a line may be (bytes).
const LONGEST: usize = 256;

/// So long a result may be (bytes): two are wanted, and what is announced is waited for in memory.
const LONGEST_RESULT: usize = 64 << 10;

/// Something it said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListenerSaid {
    Ready,
    /// Whether it accepts the event.
    Result(bool),
    /// Something else, in words.
    Rubbish(String),
}

/// Bytes that are not understood yet.
#[derive(Debug, Default)]
pub(super) struct ListenerLines(Vec<u8>);

impl ListenerLines {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// What comes next, if it is whole. A result is only for who is busy, and only who is not is ready.
    pub(super) fn next(&mut self, is_busy: bool) -> Option<ListenerSaid> {
        let Some(end) = self.0.iter().position(|byte| *byte == b'\n') else {
            return (self.0.len() > LONGEST).then(|| rubbish("a line that does not end", &self.0));
        };
        let line = &self.0[..end];
        if !is_busy {
            let is_ready = line == b"READY";
            let said = if is_ready { ListenerSaid::Ready } else { rubbish("READY", line) };
            self.0.drain(..=end);
            return Some(said);
        }
        let length = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("RESULT "));
        let length = length.and_then(|length| length.trim().parse::<usize>().ok());
        let Some(length) = length.filter(|length| *length <= LONGEST_RESULT) else {
            return Some(rubbish("RESULT and a length", line));
        };
        let whole = end + 1 + length;
        let is_accepted = self.0.get(end + 1..whole)? == b"OK";
        self.0.drain(..whole);
        Some(ListenerSaid::Result(is_accepted))
    }
}

fn rubbish(wanted: &str, line: &[u8]) -> ListenerSaid {
    let shown: String = String::from_utf8_lossy(line).escape_debug().take(60).collect();
    ListenerSaid::Rubbish(format!("wanted is {wanted}, it wrote `{shown}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_without_end_is_not_waited_for() {
        for length in ["65537", "18446744073709551615", "99999999999999999999"] {
            let mut lines = ListenerLines::default();
            lines.add(format!("RESULT {length}\nOK").as_bytes());
            assert!(matches!(lines.next(true), Some(ListenerSaid::Rubbish(_))), "{length}");
        }
    }

    #[test]
    fn pieces_are_put_together() {
        let mut lines = ListenerLines::default();
        for (bytes, is_busy, said) in [
            ("REA", false, None),
            ("DY\nRES", false, Some(ListenerSaid::Ready)),
            ("ULT 2\nO", true, None),
            ("KREADY\n", true, Some(ListenerSaid::Result(true))),
            ("", false, Some(ListenerSaid::Ready)),
            ("RESULT 4\nFAIL", true, Some(ListenerSaid::Result(false))),
            ("RESULT 0\n", true, Some(ListenerSaid::Result(false))),
        ] {
            lines.add(bytes.as_bytes());
            assert_eq!(lines.next(is_busy), said, "{bytes}");
        }
        for (text, is_busy) in [("hello\n", false), ("READY\n", true), ("RESULT x\n", true)] {
            let mut lines = ListenerLines(text.into());
            assert!(matches!(lines.next(is_busy), Some(ListenerSaid::Rubbish(_))), "{text}");
        }
        let mut lines = ListenerLines(vec![b'x'; 1000]);
        assert!(matches!(lines.next(false), Some(ListenerSaid::Rubbish(_))));
    }
}
