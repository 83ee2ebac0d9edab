//! What one message of a run about itself says (`sd_notify(3)`). Pure.

use std::str::FromStr;

use pm_core::Notified;
use pm_spec::Span;

/// So much of a status is kept, in characters.
const SHOWN: usize = 500;

/// What one message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SelfReport {
    /// `READY=1`.
    pub(crate) is_ready: bool,
    /// `RELOADING=1`.
    pub(crate) is_reloading: bool,
    /// `STATUS=`; empty: there is nothing to say any more.
    pub(crate) status: Option<String>,
    /// `MAINPID=`.
    pub(crate) main: Option<i32>,
    /// All else.
    pub(crate) said: Vec<Notified>,
}

impl SelfReport {
    /// Lines of `NAME=value`; what is not known is nothing.
    pub(crate) fn parse(message: &[u8]) -> Self {
        let mut notice = Self::default();
        for line in message.split(|byte| *byte == b'\n') {
            match line {
                b"READY=1" => notice.is_ready = true,
                b"RELOADING=1" => notice.is_reloading = true,
                b"WATCHDOG=1" => notice.said.push(Notified::Alive),
                b"WATCHDOG=trigger" => notice.said.push(Notified::Unwell),
                b"STOPPING=1" => notice.said.push(Notified::Leaves),
                line => notice.take(line),
            }
        }
        notice
    }

    fn take(&mut self, line: &[u8]) {
        if let Some(status) = line.strip_prefix(b"STATUS=") {
            let text = String::from_utf8_lossy(status);
            let plain = text.trim().chars().filter(|c| !c.is_control());
            self.status = Some(plain.take(SHOWN).collect());
        } else if let Some(pid) = line.strip_prefix(b"MAINPID=") {
            self.main = number(pid).or(self.main);
        } else if let Some(micros) = line.strip_prefix(b"EXTEND_TIMEOUT_USEC=") {
            let micros = number::<u64>(micros);
            let span = micros.map(|micros| Span::from_millis(micros.div_ceil(1000)));
            self.said.extend(span.map(Notified::NeedsTime));
        }
    }

    /// Whether it says nothing that is known.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn number<N: FromStr>(text: &[u8]) -> Option<N> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_lines_of_names_and_values() {
        let notice =
            SelfReport::parse(b"READY=1\nSTATUS= serving\x07 \nMAINPID=7\nX_OWN=1\nREADY=0\n");
        assert_eq!((notice.is_ready, notice.status.as_deref()), (true, Some("serving")));
        assert!(notice.said.is_empty());
        assert_eq!(notice.main, Some(7));
        let notice = SelfReport::parse(b"WATCHDOG=1\nEXTEND_TIMEOUT_USEC=1500001\nSTOPPING=1");
        let span = Span::from_millis(1501);
        assert_eq!(notice.said, [Notified::Alive, Notified::NeedsTime(span), Notified::Leaves]);
        for nothing in
            [&b""[..], b"READY", b"READY=2", b"EXTEND_TIMEOUT_USEC=x", b"MAINPID=x", b"\xff\n\0"]
        {
            assert!(SelfReport::parse(nothing).is_empty(), "{nothing:?}");
        }
        let notice = SelfReport::parse(b"RELOADING=1\nMONOTONIC_USEC=17");
        assert_eq!(notice, SelfReport { is_reloading: true, ..SelfReport::default() });
        assert_eq!(SelfReport::parse(b"STATUS=").status.as_deref(), Some(""));
    }
}
