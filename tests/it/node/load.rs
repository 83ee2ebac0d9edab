//! A client that calls a server again and again and tells two failures apart: `hard` (refused, reset, cut off, hung,
//! or not 200) and `stale` (a kept connection that was closed before a byte of the answer, which a client may repeat).

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use pm_client::{Deadline, pause};
use pm_testkit::PATIENCE;

/// Whether a connection is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    KeepAlive,
    NewEach,
}

/// Who is called.
#[derive(Clone, Debug)]
pub(crate) enum Callee {
    Port(u16),
    Path(PathBuf),
}

impl From<u16> for Callee {
    fn from(port: u16) -> Self {
        Self::Port(port)
    }
}

impl From<PathBuf> for Callee {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

/// A connection.
trait Line: Read + Write {}

impl<T: Read + Write> Line for T {}

/// What came of all calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) good: usize,
    pub(crate) hard: Vec<String>,
    pub(crate) stale: usize,
    /// What was answered, each different text once.
    pub(crate) answers: BTreeSet<String>,
}

/// Callers at work.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    good: Arc<AtomicUsize>,
    /// Each caller's new answers.
    news: Receiver<String>,
    heard: BTreeSet<String>,
    callers: Vec<JoinHandle<Tally>>,
}

impl Load {
    /// So many callers begin.
    pub(crate) fn begin(at: impl Into<Callee>, callers: usize, habit: Habit) -> Self {
        let at = at.into();
        let over = Arc::new(AtomicBool::new(false));
        let good = Arc::new(AtomicUsize::new(0));
        let (tell, news) = channel();
        let caller = |_| {
            let (over, good, tell) = (Arc::clone(&over), Arc::clone(&good), tell.clone());
            let at = at.clone();
            std::thread::spawn(move || call((&at, habit), &over, &good, &tell))
        };
        let callers = (0..callers).map(caller).collect();
        Self { over, good, news, heard: BTreeSet::new(), callers }
    }

    /// Waits until so many more calls have been answered.
    pub(crate) fn go_on(&self, calls: usize) {
        let enough = self.good.load(Ordering::Relaxed) + calls;
        let deadline = Deadline::after(PATIENCE);
        while self.good.load(Ordering::Relaxed) < enough {
            assert!(!deadline.is_over(), "{calls} more calls are not answered");
            pause(Duration::from_millis(5), deadline);
        }
    }

    /// Waits until so many different answers have been heard.
    pub(crate) fn hear(&mut self, voices: usize) {
        while self.heard.len() < voices {
            let answer = self.news.recv_timeout(PATIENCE);
            self.heard.insert(answer.unwrap());
        }
    }

    /// Waits until one has heard an answer that begins so.
    pub(crate) fn hear_of(&mut self, version: &str) {
        while !self.heard.iter().any(|answer| answer.starts_with(version)) {
            let answer = self.news.recv_timeout(PATIENCE);
            self.heard.insert(answer.unwrap());
        }
    }

    /// They end; the sum of what they saw.
    pub(crate) fn end(self) -> Tally {
        self.over.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for caller in self.callers {
            let tally = caller.join().unwrap();
            sum.good += tally.good;
            sum.stale += tally.stale;
            sum.hard.extend(tally.hard);
            sum.answers.extend(tally.answers);
        }
        sum
    }
}

/// New connections and kept ones, at the same time.
pub(crate) struct Callers([Load; 2]);

impl Callers {
    pub(crate) fn begin(port: u16) -> Self {
        Self([Habit::NewEach, Habit::KeepAlive].map(|habit| Load::begin(port, 2, habit)))
    }

    /// All have heard so many versions, and go on for a while.
    pub(crate) fn hear(&mut self, versions: usize) {
        for load in &mut self.0 {
            load.hear(versions);
            load.go_on(50);
        }
    }

    pub(crate) fn none_failed(self) {
        for load in self.0 {
            let tally = load.end();
            assert!(tally.hard.is_empty(), "{tally:?}");
        }
    }
}

fn call(
    (at, habit): (&Callee, Habit),
    over: &AtomicBool,
    good: &AtomicUsize,
    tell: &Sender<String>,
) -> Tally {
    let mut tally = Tally::default();
    let mut kept = None;
    while !over.load(Ordering::Relaxed) {
        let is_fresh = kept.is_none();
        match once(at, habit, kept.take()) {
            Ok((answer, connection)) => {
                tally.good += 1;
                good.fetch_add(1, Ordering::Relaxed);
                if tally.answers.insert(answer.clone()) {
                    drop(tell.send(answer));
                }
                kept = connection;
            }
            Err(Failure::BeforeAnswer(_)) if !is_fresh => tally.stale += 1,
            Err(Failure::BeforeAnswer(why) | Failure::Cut(why)) => tally.hard.push(why),
        }
    }
    tally
}

enum Failure {
    BeforeAnswer(String),
    Cut(String),
}

fn line(at: &Callee) -> std::io::Result<Box<dyn Line>> {
    let patience = Some(Duration::from_secs(20));
    Ok(match at {
        Callee::Port(port) => {
            let stream = TcpStream::connect(("127.0.0.1", *port))?;
            stream.set_read_timeout(patience)?;
            Box::new(stream)
        }
        Callee::Path(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(patience)?;
            Box::new(stream)
        }
    })
}

/// One call: the body, and the connection if it may be used again.
fn once(
    at: &Callee,
    habit: Habit,
    kept: Option<Box<dyn Line>>,
) -> Result<(String, Option<Box<dyn Line>>), Failure> {
    let early = |error: std::io::Error| Failure::BeforeAnswer(error.to_string());
    let mut stream = match kept {
        Some(stream) => stream,
        None => line(at).map_err(early)?,
    };
    let word = if habit == Habit::KeepAlive { "keep-alive" } else { "close" };
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: {word}\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(early)?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((body, may_stay)) = whole(&bytes)? {
            return Ok((body, may_stay.then_some(stream)));
        }
        match stream.read(&mut buffer) {
            Ok(0) if bytes.is_empty() => return Err(early(ErrorKind::UnexpectedEof.into())),
            Ok(0) => return Err(Failure::Cut("cut off".into())),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if bytes.is_empty() => return Err(early(error)),
            Err(error) => return Err(Failure::Cut(error.to_string())),
        }
    }
}

/// The body, once it is there, and whether the connection stays open.
fn whole(bytes: &[u8]) -> Result<Option<(String, bool)>, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(Failure::Cut(head.lines().next().unwrap_or_default().to_owned()));
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let may_stay = !head.contains("connection: close");
    Ok((body.len() >= length).then(|| (body[..length].to_owned(), may_stay)))
}
