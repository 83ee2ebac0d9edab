//! A stream of events as a tab reads it.

use std::io::{BufRead, BufReader, Read};
use std::net::{Shutdown, TcpStream};

use pm_client::Deadline;
use pm_testkit::PATIENCE;
use serde_json::Value;

use super::desk::{begin, request};

/// One event.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: Value,
}

/// A stream that is read event by event.
pub(super) struct EventReader {
    chunks: BufReader<TcpStream>,
    text: String,
    /// By then what is waited for has come.
    patience: Deadline,
}

/// Listens to these topics; `head` are further lines of the request.
pub(super) fn listen(port: u16, key: &str, query: &str, head: &str) -> EventReader {
    let path = format!("/api/events?{query}");
    let request = request("GET", &path, key, "").replacen("\r\n", &format!("\r\n{head}"), 1);
    let (status, stream) = begin(port, &request);
    assert_eq!(status, 200);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let patience = Deadline::after(PATIENCE * 2);
    EventReader { chunks: BufReader::new(stream), text: String::new(), patience }
}

impl EventReader {
    /// The next event; `None` at the end of the stream.
    pub(super) fn next(&mut self) -> Option<Told> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                // A comment has no fields.
                if let (Some(name), Some(data)) = (field("event"), field("data")) {
                    let data = serde_json::from_str(data).unwrap();
                    let id = field("id").unwrap_or_default().to_owned();
                    return Some(Told { name: name.into(), id, data });
                }
            }
            self.chunk()?;
        }
    }

    /// One chunk more (RFC 9112, 7.1).
    fn chunk(&mut self) -> Option<()> {
        assert!(!self.patience.is_over(), "only comments come");
        let mut size = String::new();
        self.chunks.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).ok().filter(|size| *size > 0)?;
        let mut bytes = vec![0; size + 2];
        self.chunks.read_exact(&mut bytes).unwrap();
        self.text += std::str::from_utf8(&bytes[..size]).unwrap();
        Some(())
    }

    /// The first event from now on of which this is so; what comes before it is passed over.
    pub(super) fn until(&mut self, what: &str, mut is_so: impl FnMut(&Told) -> bool) -> Told {
        let mut passed = Vec::new();
        loop {
            match self.next() {
                Some(told) if is_so(&told) => return told,
                Some(told) => passed.push(told.name),
                None => panic!("{what} was never told, only {passed:?}"),
            }
        }
    }

    /// The tab is closed.
    pub(super) fn close(self) {
        self.chunks.get_ref().shutdown(Shutdown::Both).ok();
    }
}

impl Told {
    /// Names in one of its lists of rows.
    pub(super) fn names(&self, list: &str) -> Vec<&str> {
        let rows = self.data[list].as_array().map(Vec::as_slice).unwrap_or_default();
        rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
    }

    /// Texts of its lines.
    pub(super) fn texts(&self) -> Vec<&str> {
        let lines = self.data["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
        lines.iter().map(|line| line["text"].as_str().unwrap()).collect()
    }
}
