//! What can be listened to, and how news look on the wire: `text/event-stream` (HTML, server-sent events). Pure.

use hyper::body::Bytes;
use serde::Serialize;

use crate::logs::{LogWish, WantedLogs};

/// Lines of the past a listener may ask for.
const MOST_PAST: usize = 1000;

/// What one listener wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topics {
    pub(crate) apps: bool,
    pub(crate) usage: bool,
    pub(crate) host: bool,
    pub(crate) logs: Option<WantedLogs>,
    /// So many lines of the past first.
    pub(crate) past: usize,
}

impl Topics {
    /// Reads `topics=apps,usage,host,logs:NAME,logs:id:3`, `stream=out` and `past=200`.
    pub(crate) fn parse(query: &[(String, String)]) -> Result<Self, String> {
        let mut topics = Self::default();
        let mut wishes = Vec::new();
        let words = query.iter().filter(|(name, _)| name == "topics");
        for word in words.flat_map(|(_, value)| value.split(',')).filter(|word| !word.is_empty()) {
            match (word, word.strip_prefix("logs:")) {
                ("apps", _) => topics.apps = true,
                ("usage", _) => topics.usage = true,
                ("host", _) => topics.host = true,
                (_, Some(app)) => wishes.push(LogWish::parse(app)?),
                (_, None) => return Err(format!("there is no topic `{word}`")),
            }
        }
        let value = |name| query.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        if !wishes.is_empty() {
            topics.logs =
                Some(WantedLogs::new(wishes, value("stream").map_or("both", String::as_str))?);
        }
        if let Some(past) = value("past") {
            let past: usize =
                past.parse().map_err(|_| format!("`{past}` is no number of lines"))?;
            topics.past = past.min(MOST_PAST);
        }
        let is_some = topics.apps || topics.usage || topics.host || topics.logs.is_some();
        if is_some { Ok(topics) } else { Err("no topic was asked for".into()) }
    }

    /// Whether figures are wanted, which cost the daemon something.
    pub(crate) fn wants_figures(&self) -> bool {
        self.usage || self.host
    }
}

/// A number by which a listener that comes back says what it has heard: of this panel, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventNumber {
    /// When the panel began, in ms since 1970: a new one counts anew.
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

impl EventNumber {
    /// Reads what [`Display`](std::fmt::Display) wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        Some(Self { epoch: number(epoch)?, seq: number(seq)? })
    }
}

impl std::fmt::Display for EventNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{:x}", self.epoch, self.seq)
    }
}

/// One event. JSON has no line ends, so one line of data is all there is.
pub(crate) fn event(name: &str, number: EventNumber, value: &impl Serialize) -> Bytes {
    Bytes::from(format!("event: {name}\nid: {number}\ndata: {}\n\n", json(value)))
}

/// One that says nothing about what was heard of the apps.
pub(crate) fn aside(name: &str, value: &impl Serialize) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {}\n\n", json(value)))
}

/// Only our own plain types are told, which are always JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Says that we are there, so that nobody in between closes what is silent.
pub(crate) const COMMENT: Bytes = Bytes::from_static(b": \n\n");

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Topics, String> {
        let query: Vec<_> =
            query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Topics::parse(&query)
    }

    #[test]
    fn topics_are_a_closed_list() {
        let topics = parse(&[("topics", "apps,host"), ("topics", "usage")]).unwrap();
        assert!(topics.apps && topics.host && topics.usage && topics.logs.is_none());
        let topics = parse(&[("topics", "logs:web,logs:id:3"), ("past", "99999")]).unwrap();
        assert!(!topics.apps && !topics.wants_figures() && topics.past == MOST_PAST);
        let wishes = [LogWish::Id(3), LogWish::Name("web".into())];
        assert_eq!(topics.logs.unwrap().wishes, wishes.into());
        for bad in ["", "app", "logs:", "logs:id:x", "APPS", "apps;host"] {
            assert!(parse(&[("topics", bad)]).is_err(), "{bad}");
        }
        assert!(parse(&[("topics", "logs:a"), ("stream", "x")]).is_err());
        assert!(parse(&[("topics", "apps"), ("past", "-1")]).is_err());
    }

    #[test]
    fn an_event_is_its_lines_whatever_it_tells() {
        let number = EventNumber { epoch: 0x19, seq: 255 };
        assert_eq!(EventNumber::parse(&number.to_string()), Some(number));
        for bad in ["", "-", "1", "x-1", "1-1-1", "\u{131}-1"] {
            assert_eq!(EventNumber::parse(bad), None, "{bad}");
        }
        let bytes = event("log", number, &"a\r\n\ndata: b");
        assert_eq!(bytes, "event: log\nid: 19-ff\ndata: \"a\\r\\n\\ndata: b\"\n\n");
    }
}
