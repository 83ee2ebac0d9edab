//! Bytes to frames and back: one JSON value per line, incremental, capped. No I/O: one codec for all.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::calls::Request;
use crate::change::Change;
use crate::hello::Hello;
use crate::refusal::Refusal;

/// The longest frame that is accepted, in bytes with its newline. A larger one ends the connection.
/// 1,000 full descriptions with 4 KiB of environment each still fit.
pub const MAX_FRAME: usize = 16 << 20;

/// One line on the wire.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// Who speaks.
    Hello(Hello),
    /// A call, with a number chosen by the client.
    Call(u64, Request),
    /// The answer to the call of that number.
    Reply(u64, Box<RawValue>),
    /// The call of that number was not done.
    Refused(u64, Refusal),
    /// News for the subscriber whose `Watch` had that number.
    News(u64, Change),
}

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// More than [`MAX_FRAME`] bytes without a newline.
    #[error("a message is longer than {MAX_FRAME} bytes")]
    TooLong,
    /// Not the JSON we expect.
    #[error("a message is not understood: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A call that is unknown here, or has other arguments. Its number is known, so it can be refused, and what
    /// follows it is not harmed.
    #[error("call {number} is not understood: {source}")]
    UnknownCall {
        /// The number the client chose.
        number: u64,
        /// What is wrong with the call.
        source: serde_json::Error,
    },
}

/// As much of a frame as tells whom to refuse.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Addressed {
    Call(u64, IgnoredAny),
}

/// One line as a frame.
fn parse(line: &[u8]) -> Result<Frame, FrameError> {
    serde_json::from_slice(line).map_err(|source| match serde_json::from_slice(line) {
        Ok(Addressed::Call(number, IgnoredAny)) => FrameError::UnknownCall { number, source },
        Err(_) => FrameError::Malformed(source),
    })
}

/// What stands in a [`Frame::Reply`] of that number, in the form in which [`encode`] writes one.
fn reply(line: &[u8], number: u64) -> Option<&str> {
    let head = format!("{{\"reply\":[{number},");
    std::str::from_utf8(line.strip_prefix(head.as_bytes())?.strip_suffix(b"]}")?).ok()
}

/// A frame's bytes, newline included.
pub fn encode(frame: &Frame) -> Result<Vec<u8>, FrameError> {
    // A long answer is copied once, not each time that the room for it has to grow.
    let room = if let Frame::Reply(_, reply) = frame { reply.get().len() } else { 0 };
    let mut bytes = Vec::with_capacity(room + 128);
    serde_json::to_writer(&mut bytes, frame)?;
    bytes.push(b'\n');
    if bytes.len() > MAX_FRAME { Err(FrameError::TooLong) } else { Ok(bytes) }
}

/// Collects bytes as they arrive and cuts them into lines.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where there is certainly no newline.
    searched: usize,
}

impl Frames {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
            self.searched = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// True if more waits here than any frame may hold: whoever sends that much unread is hostile.
    pub fn is_overfull(&self) -> bool {
        self.buffer.len() - self.start > MAX_FRAME
    }

    /// Whether a whole line waits here.
    pub fn has_line(&mut self) -> Result<bool, FrameError> {
        Ok(self.end()?.is_some())
    }

    /// The next whole line, without its newline; `None` until more bytes come.
    pub fn line(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some(end) = self.end()? else { return Ok(None) };
        let line = self.start..end;
        self.pass(end);
        Ok(Some(&self.buffer[line]))
    }

    /// The answer to the call of that number, if the next line is just that; else nothing is taken, and the line is for
    /// [`Frames::next_frame`]. A long answer is read once this way, instead of being checked and copied before.
    pub fn next_reply<R>(
        &mut self,
        number: u64,
        read: impl FnOnce(&str) -> serde_json::Result<R>,
    ) -> Option<R> {
        let end = self.end().ok()??;
        let reply = read(reply(&self.buffer[self.start..end], number)?).ok()?;
        self.pass(end);
        Some(reply)
    }

    /// Where the next line ends.
    fn end(&mut self) -> Result<Option<usize>, FrameError> {
        let from = self.searched.max(self.start);
        let Some(offset) = memchr::memchr(b'\n', &self.buffer[from..]) else {
            self.searched = self.buffer.len();
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
            return if self.buffer.len() > MAX_FRAME { Err(FrameError::TooLong) } else { Ok(None) };
        };
        self.searched = from + offset;
        if self.searched - self.start > MAX_FRAME {
            return Err(FrameError::TooLong);
        }
        Ok(Some(self.searched))
    }

    /// Goes on behind the line that ends there.
    fn pass(&mut self, end: usize) {
        self.start = end + 1;
        self.searched = self.start;
    }

    /// The next whole frame; `None` until more bytes come.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        match self.line()? {
            Some(line) => Ok(Some(parse(line)?)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Ping;
    use proptest::prelude::*;

    #[test]
    fn frames_survive_any_cut() {
        let mut bytes = encode(&Frame::Call(7, Ping {}.into())).unwrap();
        bytes.extend(encode(&Frame::Call(8, Ping {}.into())).unwrap());
        for cut in 0..bytes.len() {
            let mut frames = Frames::new();
            let mut seen = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                frames.push(part);
                while let Some(frame) = frames.next_frame().unwrap() {
                    if let Frame::Call(id, _) = frame {
                        seen.push(id);
                    }
                }
            }
            assert_eq!(seen, [7, 8], "cut at {cut}");
        }
    }

    #[test]
    fn an_unknown_call_is_told_by_its_number_and_harms_no_other() {
        let mut frames = Frames::new();
        frames.push(b"{\"call\":[7,{\"call\":\"Fly\",\"args\":{\"to\":[1]}}]}\n");
        frames.push(b"{\"call\":[8,{\"call\":\"ping\",\"args\":3}]}\n{\"call\":[]}\n");
        frames.push(&encode(&Frame::Call(9, Ping {}.into())).unwrap());
        for wanted in [7, 8] {
            let found = frames.next_frame();
            assert!(
                matches!(found, Err(FrameError::UnknownCall { number, .. }) if number == wanted),
                "{found:?}"
            );
        }
        assert!(matches!(frames.next_frame(), Err(FrameError::Malformed(_))));
        assert!(matches!(frames.next_frame(), Ok(Some(Frame::Call(9, _)))));
    }

    fn read<R: serde::de::DeserializeOwned>(text: &str) -> serde_json::Result<R> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_reply_is_taken_by_its_number_and_its_kind_or_left_alone() {
        let mut frames = Frames::new();
        let raw = serde_json::value::to_raw_value(&[1, 2]).unwrap();
        let reply = encode(&Frame::Reply(7, raw)).unwrap();
        frames.push(&reply[..reply.len() - 1]);
        assert!(!frames.has_line().unwrap());
        assert_eq!(frames.next_reply(7, read::<Vec<u8>>), None, "it is not whole");
        frames.push(b"\n{\"reply\":[8,3] }\n");
        frames.push(&encode(&Frame::Call(9, Ping {}.into())).unwrap());
        assert!(frames.has_line().unwrap());
        assert_eq!(frames.next_reply(8, read::<Vec<u8>>), None, "another number");
        assert_eq!(frames.next_reply(7, read::<String>), None, "another kind");
        assert_eq!(frames.next_reply(7, read::<Vec<u8>>), Some(vec![1, 2]));
        assert_eq!(frames.next_reply(8, read::<u8>), None, "not as we write it");
        let known = frames.next_frame().unwrap();
        assert!(matches!(&known, Some(Frame::Reply(8, raw)) if raw.get() == "3"), "{known:?}");
        assert_eq!(frames.next_reply(9, read::<u8>), None, "a call");
        assert!(matches!(frames.next_frame(), Ok(Some(Frame::Call(9, _)))));
        assert!(!frames.has_line().unwrap() && frames.next_reply(9, read::<u8>).is_none());
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut frames = Frames::new();
        frames.push(&vec![b'x'; MAX_FRAME + 1]);
        assert!(matches!(frames.next_frame(), Err(FrameError::TooLong)));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_an_error_never_a_panic(parts in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut frames = Frames::new();
            for part in parts {
                frames.push(&part);
                while let Ok(Some(_)) = frames.next_frame() {}
            }
        }
    }
}
