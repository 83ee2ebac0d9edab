//! Lines in the shape they have in a log file: raw, stamped, or one JSON object each.
//! Pure but for the stamp it is given; cutting is `cut.rs`, writing is `stream_state.rs`.

use crate::cut::{LONGEST_LINE, LineCutter, LinePiece, PartialLine, PieceEnd};
use crate::sink::{LineFormat, Stream};
use crate::stamp::{StampCache, StampFormat};

/// Turns pieces into log bytes; remembers the last stamp.
#[derive(Debug)]
pub(crate) struct Shaper {
    format: LineFormat,
    stream: Stream,
    iso: StampFormat,
    stamps: StampCache,
    /// Log bytes for a thousand raw ones, lately.
    growth: u64,
}

/// What a turn of shaping did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shaped {
    /// So many raw bytes went in.
    pub taken: usize,
    /// Whether the log now ends inside a line of this stream.
    pub open: bool,
}

impl Shaper {
    pub(crate) fn new(format: LineFormat, stream: Stream) -> Self {
        let iso = StampFormat::new(StampFormat::ISO);
        Shaper { format, stream, iso, stamps: StampCache::default(), growth: 1000 }
    }

    /// Whether the log holds exactly what the app wrote.
    pub(crate) fn is_raw(&self) -> bool {
        self.format == LineFormat::Raw
    }

    /// Log bytes that a thousand raw bytes became lately; never 0.
    pub(crate) fn growth(&self) -> u64 {
        self.growth
    }

    /// Takes `raw` bytes having become `shaped` ones for the rule of the next time.
    pub(crate) fn learn(&mut self, raw: usize, shaped: usize) {
        let (raw, shaped) = (raw.max(1) as u64, shaped as u64);
        self.growth = (shaped.saturating_mul(1000) / raw).max(1000);
    }

    /// Appends to `out` what `raw` becomes at `at` (unix milliseconds). `open`: the log ends inside
    /// a line of this stream, so the first piece continues it.
    pub(crate) fn shape(
        &mut self,
        raw: &[u8],
        tail: PartialLine,
        (open, at): (bool, i64),
        out: &mut Vec<u8>,
    ) -> Shaped {
        if self.is_raw() {
            // Whole lines, or one that another stream writes here could come between.
            let end = match memchr::memrchr(b'\n', raw) {
                _ if tail == PartialLine::Release => raw.len(),
                Some(at) => at + 1,
                None if raw.len() > LONGEST_LINE => raw.len(),
                None => 0,
            };
            out.extend_from_slice(&raw[..end]);
            let open = raw[..end].last().map_or(open, |last| *last != b'\n');
            return Shaped { taken: end, open };
        }
        let mut open = open;
        let mut cut = LineCutter::new(raw, tail);
        for piece in cut.by_ref() {
            match &self.format {
                LineFormat::Json { app, instance, stamp } => {
                    let stamp = self.stamps.get(stamp.as_ref().unwrap_or(&self.iso), at);
                    object(piece.bytes, stamp, (self.stream, *instance, app), out);
                }
                LineFormat::Stamped(format) => {
                    let stamp = if open { None } else { Some(self.stamps.get(format, at)) };
                    line(piece, stamp, out);
                    open = piece.end == PieceEnd::Open;
                }
                LineFormat::Raw => {}
            }
        }
        Shaped { taken: cut.taken(), open }
    }
}

fn line(piece: LinePiece<'_>, stamp: Option<&[u8]>, out: &mut Vec<u8>) {
    if let Some(stamp) = stamp {
        out.extend_from_slice(stamp);
        out.extend_from_slice(b": ");
    }
    out.extend_from_slice(piece.bytes);
    if piece.end != PieceEnd::Open {
        out.push(b'\n');
    }
}

fn object(
    message: &[u8],
    stamp: &[u8],
    (stream, instance, app): (Stream, u64, &str),
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"message\":\"");
    escape(message, out);
    out.extend_from_slice(b"\",\"timestamp\":\"");
    escape(stamp, out);
    out.extend_from_slice(b"\",\"type\":\"");
    out.extend_from_slice(stream.word().as_bytes());
    out.extend_from_slice(b"\",\"process_id\":");
    out.extend_from_slice(instance.to_string().as_bytes());
    out.extend_from_slice(b",\"app_name\":\"");
    escape(app.as_bytes(), out);
    out.extend_from_slice(b"\"}\n");
}

/// JSON knows text only, so bytes that are no UTF-8 become U+FFFD here and nowhere else.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        let mut rest = chunk.valid().as_bytes();
        let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\' || *byte == 0x7f;
        while let Some(at) = rest.iter().position(special) {
            out.extend_from_slice(&rest[..at]);
            match rest[at] {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\r' => out.extend_from_slice(b"\\r"),
                other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
            }
            rest = &rest[at + 1..];
        }
        out.extend_from_slice(rest);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> Shaper {
        let stamp = Some(StampFormat::new("YYYY"));
        Shaper::new(LineFormat::Json { app: "a\"b".into(), instance: 3, stamp }, Stream::Err)
    }

    #[test]
    fn each_line_is_one_object() {
        let mut out = Vec::new();
        let shaped =
            json().shape(b"x\ty\n\xff\x1b[31m\npart", PartialLine::Keep, (false, 0), &mut out);
        assert_eq!(shaped, Shaped { taken: 11, open: false });
        let text = String::from_utf8(out).expect("text");
        let objects: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        assert_eq!(objects[0]["message"], "x\ty");
        assert_eq!(objects[0]["type"], "err");
        assert_eq!(objects[0]["process_id"], 3);
        assert_eq!(objects[0]["app_name"], "a\"b");
        assert_eq!(objects[1]["message"], "\u{fffd}\u{1b}[31m");
    }

    #[test]
    fn a_released_partial_line_gets_one_stamp_in_all() {
        let mut shaper = Shaper::new(LineFormat::Stamped(StampFormat::new("[T]")), Stream::Out);
        let mut out = Vec::new();
        let first = shaper.shape(b"ab", PartialLine::Release, (false, 0), &mut out);
        assert_eq!(first, Shaped { taken: 2, open: true });
        let second = shaper.shape(b"c\nd\n", PartialLine::Keep, (true, 9), &mut out);
        assert_eq!(second, Shaped { taken: 4, open: false });
        assert_eq!(out, b"T: abc\nT: d\n");
    }

    proptest! {
        #[test]
        fn any_bytes_make_valid_json(message in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut out = Vec::new();
            object(&message, b"t", (Stream::Out, 0, "app"), &mut out);
            let value: serde_json::Value = serde_json::from_slice(&out).expect("an object");
            let want = String::from_utf8_lossy(&message);
            prop_assert_eq!(value["message"].as_str(), Some(want.as_ref()));
        }
    }
}
