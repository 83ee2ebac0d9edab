//! What machines say, as it comes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

use pm_client::{Colours, Deadline, plain};

use super::host_end::HostEnd;
use super::remote_call::RemoteCall;
use super::ssh::{Ends, Ssh};

/// Lines that may wait to be shown.
const QUEUE: usize = 256;
/// A longer line is told in pieces.
const LONGEST: u64 = 1 << 20;

/// Something one of them said.
#[derive(Debug)]
pub(super) struct HostLine {
    /// Which, by its place.
    pub(super) host: usize,
    pub(super) is_error: bool,
    /// With its end, if it has one.
    pub(super) text: Vec<u8>,
}

enum HostSaid {
    Line(HostLine),
    /// One of its two streams ended.
    End(usize),
}

/// Machines that have been asked.
pub(super) struct Answers {
    said: Receiver<HostSaid>,
    asked: Vec<AskedHost>,
}

struct AskedHost {
    child: Option<Child>,
    /// Streams that are open.
    open: u8,
    end: Option<HostEnd>,
    /// The last thing it said on stderr, which is ssh's reason if it failed.
    last: String,
}

impl Answers {
    /// Asks these.
    pub(super) fn ask(
        hosts: &[String],
        ssh: &Ssh,
        call: &RemoteCall,
        input: Option<&Arc<[u8]>>,
    ) -> Self {
        let (sender, said) = sync_channel(QUEUE);
        let asked = hosts.iter().enumerate();
        let asked = asked.map(|(host, name)| {
            let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
            let ends = Ends { input: stdin, output: Stdio::piped, is_terminal: false };
            match ssh.begin(name, call, ends) {
                Ok(child) => AskedHost::new(host, child, input, &sender),
                Err(error) => AskedHost::failed(&error),
            }
        });
        Self { asked: asked.collect(), said }
    }

    /// The next line of any of them; `None`: all have ended, or are told to have when the deadline has passed.
    pub(super) fn next(&mut self, deadline: Deadline) -> Option<HostLine> {
        while self.asked.iter().any(|host| host.end.is_none()) {
            let said = match deadline.left() {
                Some(left) => self.said.recv_timeout(left),
                None => self.said.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match said {
                Ok(HostSaid::Line(line)) => {
                    if let Some(host) = self.asked.get_mut(line.host).filter(|_| line.is_error) {
                        host.hear(&line.text);
                    }
                    return Some(line);
                }
                Ok(HostSaid::End(host)) => {
                    if let Some(host) = self.asked.get_mut(host) {
                        host.close();
                    }
                }
                Err(_) => self.asked.iter_mut().for_each(AskedHost::give_up),
            }
        }
        None
    }

    /// How they ended, in their order.
    pub(super) fn ends(self) -> Vec<HostEnd> {
        self.asked.into_iter().map(|host| host.end.unwrap_or(HostEnd::Late)).collect()
    }
}

impl AskedHost {
    fn new(
        host: usize,
        mut child: Child,
        input: Option<&Arc<[u8]>>,
        said: &SyncSender<HostSaid>,
    ) -> Self {
        let mut open = 0;
        if let Some(out) = child.stdout.take() {
            open += 1;
            let said = said.clone();
            thread::spawn(move || pass_on(host, false, out, &said));
        }
        if let Some(err) = child.stderr.take() {
            open += 1;
            let said = said.clone();
            thread::spawn(move || pass_on(host, true, err, &said));
        }
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input.cloned()) {
            // Who does not read it all has what they need.
            thread::spawn(move || stdin.write_all(&input).ok());
        }
        Self { child: Some(child), open, end: None, last: String::new() }
    }

    fn failed(error: &io::Error) -> Self {
        let end = Some(HostEnd::NoSsh(error.to_string()));
        Self { child: None, open: 0, end, last: String::new() }
    }

    fn hear(&mut self, line: &[u8]) {
        let text = plain(line, Colours::Drop);
        if !text.trim().is_empty() {
            text.trim().clone_into(&mut self.last);
        }
    }

    fn close(&mut self) {
        self.open = self.open.saturating_sub(1);
        if self.open > 0 {
            return;
        }
        if let Some(mut child) = self.child.take() {
            let end =
                child.wait().map_or_else(|error| HostEnd::NoSsh(error.to_string()), HostEnd::of);
            let why = std::mem::take(&mut self.last);
            self.end = Some(if matches!(end, HostEnd::Away(_)) { HostEnd::Away(why) } else { end });
        }
    }

    fn give_up(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().and_then(|()| child.wait()).ok();
            self.end = Some(HostEnd::Late);
        }
    }
}

/// Passes on a stream line by line until it ends, or nobody wants it any more.
fn pass_on(host: usize, is_error: bool, stream: impl Read, said: &SyncSender<HostSaid>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut text = Vec::new();
        let read = (&mut stream).take(LONGEST).read_until(b'\n', &mut text);
        if !matches!(read, Ok(length) if length > 0) {
            break;
        }
        if said.send(HostSaid::Line(HostLine { host, is_error, text })).is_err() {
            return;
        }
    }
    said.send(HostSaid::End(host)).ok();
}
