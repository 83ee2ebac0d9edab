//! One connection: hello, calls, news. It never repeats a call; see [`Client`](crate::Client) for that.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use interprocess::local_socket::Stream;
use pm_protocol::{
    Call, Change, Code, Frame, FrameError, Frames, Hello, Home, PROTOCOL, Refusal, encode,
};
use rustix::event::PollFlags;

use crate::connect::{ConnectError, connect};
use crate::introduction::introduction;
use crate::wait::{Deadline, ready};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody to ask.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The daemon said no, and why.
    #[error("{0}")]
    Refused(Refusal),
    /// The connection ended before the answer came: the daemon died or was replaced, and whether it did what was
    /// asked is not known.
    #[error("get an answer: the daemon was replaced while we waited")]
    Lost,
    /// No answer before the deadline.
    #[error("get an answer from the daemon in time")]
    Late,
    /// The daemon speaks another version of the protocol.
    #[error(
        "talk to the daemon: it speaks protocol {theirs} (version {version}), this program {PROTOCOL}"
    )]
    Version {
        /// Its protocol.
        theirs: u32,
        /// Its version.
        version: String,
    },
    /// What came is not understood.
    #[error("understand the daemon: {0}")]
    Protocol(#[from] FrameError),
    /// The answer is not the kind that was asked for.
    #[error("understand the daemon's answer: {0}")]
    Answer(#[from] serde_json::Error),
    /// The system refused.
    #[error("talk to the daemon")]
    Io(#[source] io::Error),
}

/// How long a daemon may take to say hello. It does so before it serves any call, and needs a few seconds at most to
/// take over a thousand apps.
const HELLO_LIMIT: Duration = Duration::from_secs(20);

/// The number of a refusal that is about the whole connection: what was said was not even a call.
const WHOLE_CONNECTION: u64 = 0;

/// A connected daemon.
#[derive(Debug)]
pub struct DaemonConnection {
    stream: Stream,
    frames: Frames,
    /// What was written by the other side but not read yet lies here.
    buffer: Box<[u8]>,
    /// Our hello, until it goes out together with the first call: one write, one wake-up.
    first_bytes: Vec<u8>,
    peer: Option<Hello>,
    last: u64,
    home: Home,
    /// How long the daemon may take to say hello.
    hello_limit: Duration,
    /// The daemon has refused to go on.
    is_over: bool,
}

impl DaemonConnection {
    /// Connects. Nothing is sent yet, so this says nothing about the daemon's health: a guardian without a daemon
    /// lets clients wait in its backlog.
    pub fn open(home: &Home, limit: Duration) -> Result<Self, ConnectError> {
        let stream = connect(home, Deadline::after(limit))?;
        let hello = Hello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            incarnation: 0,
            guardian: 0,
            caller: Some(introduction()),
        };
        // A hello always fits a frame; should it ever not, the daemon's refusal says so.
        let first_bytes = encode(&Frame::Hello(hello)).unwrap_or_default();
        let buffer = vec![0; 64 << 10].into_boxed_slice();
        Ok(Self {
            stream,
            frames: Frames::new(),
            buffer,
            first_bytes,
            peer: None,
            last: 0,
            home: home.clone(),
            hello_limit: HELLO_LIMIT,
            is_over: false,
        })
    }

    /// The daemon's hello, once it has answered something.
    pub fn peer(&self) -> Option<&Hello> {
        self.peer.as_ref()
    }

    /// Whether the daemon has said that it answers nothing more here.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Asks, and waits for the one answer; however long that may take, the daemon's hello comes within seconds or is
    /// an error.
    pub fn call<C: Call>(&mut self, call: C, deadline: Deadline) -> Result<C::Reply, CallError> {
        self.last += 1;
        let number = self.last;
        let mut bytes = std::mem::take(&mut self.first_bytes);
        bytes.extend(encode(&Frame::Call(number, call.into()))?);
        let hello_by = Deadline::after(self.hello_limit);
        // A daemon that refuses our version answers and closes while we still write: its words count more.
        let sent =
            self.send(&bytes, if self.peer.is_none() { deadline.or(hello_by) } else { deadline });
        if let Err(error) = sent
            && !matches!(error, CallError::Lost)
        {
            return Err(self.or_no_hello(error, deadline));
        }
        loop {
            let until = if self.peer.is_none() { deadline.or(hello_by) } else { deadline };
            self.fill(until).map_err(|error| self.or_no_hello(error, deadline))?;
            if let Some(reply) = self.frames.next_reply(number, C::read) {
                return Ok(reply);
            }
            match self.frame(until).map_err(|error| self.or_no_hello(error, deadline))? {
                // What says what is wrong with it.
                Frame::Reply(answered, reply) if answered == number => {
                    return Ok(C::read(reply.get())?);
                }
                Frame::Refused(answered, refusal)
                    if answered == number
                        || answered == WHOLE_CONNECTION
                        || refusal.code == Code::Version =>
                {
                    self.is_over = answered != number;
                    return Err(CallError::Refused(refusal));
                }
                // Answers to calls we gave up waiting for, and news nobody asked this connection for.
                Frame::Reply(..) | Frame::Refused(..) | Frame::News(..) | Frame::Call(..) => {}
                Frame::Hello(hello) => self.check_hello(hello)?,
            }
        }
    }

    /// The error as it is, unless time is over only for a hello.
    fn or_no_hello(&self, error: CallError, deadline: Deadline) -> CallError {
        if self.peer.is_some() || !matches!(error, CallError::Late) || deadline.is_over() {
            return error;
        }
        let (home, diary) = (self.home.root().into(), self.home.diary());
        ConnectError::NoHello { home, diary, waited: self.hello_limit }.into()
    }

    /// The next piece of news after a `Watch`; `None` if the deadline passed first.
    pub(crate) fn news(&mut self, deadline: Deadline) -> Result<Option<Change>, CallError> {
        loop {
            match self.frame(deadline) {
                Ok(Frame::News(_, change)) => return Ok(Some(change)),
                Ok(Frame::Hello(hello)) => self.check_hello(hello)?,
                Ok(Frame::Refused(number, refusal))
                    if number == self.last || number == WHOLE_CONNECTION =>
                {
                    self.is_over = true;
                    return Err(CallError::Refused(refusal));
                }
                Ok(Frame::Reply(..) | Frame::Refused(..) | Frame::Call(..)) => {}
                Err(CallError::Late) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    fn check_hello(&mut self, hello: Hello) -> Result<(), CallError> {
        if hello.protocol != PROTOCOL {
            return Err(CallError::Version { theirs: hello.protocol, version: hello.version });
        }
        self.peer = Some(hello);
        Ok(())
    }

    fn send(&mut self, mut bytes: &[u8], deadline: Deadline) -> Result<(), CallError> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(CallError::Lost),
                Ok(written) => bytes = &bytes[written..],
                Err(error) => self.after(error, PollFlags::OUT, deadline)?,
            }
        }
        Ok(())
    }

    fn frame(&mut self, deadline: Deadline) -> Result<Frame, CallError> {
        loop {
            self.fill(deadline)?;
            if let Some(frame) = self.frames.next_frame()? {
                return Ok(frame);
            }
        }
    }

    /// Waits until a whole line is here.
    fn fill(&mut self, deadline: Deadline) -> Result<(), CallError> {
        while !self.frames.has_line()? {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Err(CallError::Lost),
                Ok(count) => self.frames.push(&self.buffer[..count]),
                Err(error) => self.after(error, PollFlags::IN, deadline)?,
            }
        }
        Ok(())
    }

    /// What to do about a read or write that was not done: wait, try again, or give up.
    fn after(
        &self,
        error: io::Error,
        flags: PollFlags,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let kind = error.kind();
        if kind == io::ErrorKind::Interrupted {
            return Ok(());
        }
        if kind == io::ErrorKind::WouldBlock {
            return match ready(self.as_fd(), flags, deadline) {
                Ok(true) => Ok(()),
                Ok(false) => Err(CallError::Late),
                Err(error) => Err(CallError::Io(error)),
            };
        }
        let gone = [
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::NotConnected,
        ];
        Err(if gone.contains(&kind) { CallError::Lost } else { CallError::Io(error) })
    }
}

impl AsFd for DaemonConnection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::UdSocket(socket) => socket.inner().as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::Ping;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_guardian_without_a_daemon_does_not_hang_a_call_that_may_take_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().into(), None).unwrap();
        let _guardian = UnixListener::bind(home.socket()).unwrap();
        let mut connection = DaemonConnection::open(&home, HELLO_LIMIT).unwrap();
        connection.hello_limit = Duration::from_millis(50);
        let answer = connection.call(Ping {}, Deadline::NEVER);
        assert!(
            matches!(answer, Err(CallError::Connect(ConnectError::NoHello { .. }))),
            "{answer:?}"
        );
        // Whoever asked for less gets what was asked for.
        connection.hello_limit = HELLO_LIMIT;
        let answer = connection.call(Ping {}, Deadline::after(Duration::from_millis(20)));
        assert!(matches!(answer, Err(CallError::Late)), "{answer:?}");
    }
}
