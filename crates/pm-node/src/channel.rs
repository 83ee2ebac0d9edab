//! One end of a channel: whole lines out, each with at most one descriptor; lines and descriptors in.
//!
//! Never blocks. What the other side does not read waits in a bounded queue; what it sends is always read, for a
//! process nobody listens to grows.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use crate::line_buffer::LineBuffer;
use crate::message::BUN;
use crate::note::Note;

/// So many bytes may wait for a process that does not read; more are refused.
const MOST_WAITING: usize = 8 << 20;

/// So much is read in one go, so that a talkative process does not keep the others waiting.
const MOST_READ: usize = 1 << 20;

/// Lines up to this length are written by the kernel as a whole or not at all.
const ATOMIC: usize = 4 << 10;

/// Descriptors a process sent before the line that names them; more are closed.
const MOST_UNCLAIMED: usize = 16;

/// Most descriptors taken with one read.
const AT_ONCE: usize = 16;

/// A pair of ends: ours never blocks and is closed on exec, the app's blocks.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

/// What lines of ours wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteBlock {
    /// None wait.
    None,
    /// For the other side to read.
    PeerFull,
    /// For whoever writes now.
    Paused,
}

#[derive(Debug)]
struct QueuedLine {
    bytes: Vec<u8>,
    done: usize,
    descriptor: Option<Arc<OwnedFd>>,
}

/// Our end.
#[derive(Debug)]
pub(crate) struct IpcChannel {
    socket: OwnedFd,
    note: Note,
    lines: LineBuffer,
    unclaimed: VecDeque<OwnedFd>,
    waiting: VecDeque<QueuedLine>,
    waiting_bytes: usize,
    /// So many lines somebody else may be writing.
    paused: usize,
    is_open: bool,
    /// A line was cut in two by the death of the daemon before us: nothing may be written any more.
    is_spoilt: bool,
    /// The other side is Bun, whose internal lines begin with a byte of their own.
    is_bun: bool,
}

impl IpcChannel {
    pub(crate) fn new(socket: OwnedFd, note: Note) -> Self {
        let is_spoilt = note.is_dirty();
        Self {
            socket,
            note,
            lines: LineBuffer::default(),
            unclaimed: VecDeque::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            paused: 0,
            is_open: true,
            is_spoilt,
            is_bun: false,
        }
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn note(&mut self) -> &mut Note {
        &mut self.note
    }

    /// Copies of both descriptors, for another guardian.
    pub(crate) fn copies(&self) -> Option<(OwnedFd, OwnedFd)> {
        let memory = self.note.memory().try_clone_to_owned().ok()?;
        Some((self.socket.try_clone().ok()?, memory))
    }

    pub(crate) fn is_spoilt(&self) -> bool {
        self.is_spoilt
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether lines wait, and for what.
    pub(crate) fn write_block(&self) -> WriteBlock {
        match (self.waiting.is_empty() || !self.is_open(), self.paused) {
            (true, _) => WriteBlock::None,
            (false, 0) => WriteBlock::PeerFull,
            (false, _) => WriteBlock::Paused,
        }
    }

    /// Somebody else writes a line; meanwhile ours wait, so that none is written into the middle of another.
    pub(crate) fn pause_writes(&mut self) {
        self.paused += 1;
    }

    /// That line is written, or will not be.
    pub(crate) fn resume_writes(&mut self) {
        self.paused = self.paused.saturating_sub(1);
        self.write();
    }

    /// A line as it goes over the channel.
    pub(crate) fn framed(&self, line: &[u8]) -> Vec<u8> {
        let internal = self.is_bun && line.starts_with(b"{\"cmd\":\"NODE_");
        let mut bytes = Vec::with_capacity(line.len() + 2);
        bytes.extend(internal.then_some(BUN));
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        bytes
    }

    /// Sends one line (without its end); a descriptor is kept until it is on its way. False: the channel is closed, or a
    /// line was cut in two, or too much waits already.
    pub(crate) fn send(&mut self, line: &[u8], descriptor: Option<Arc<OwnedFd>>) -> bool {
        let is_full = self.waiting_bytes + line.len() > MOST_WAITING;
        if self.is_spoilt || !self.is_open() || is_full {
            return false;
        }
        let bytes = self.framed(line);
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(QueuedLine { bytes, done: 0, descriptor });
        if self.waiting.len() == 1 {
            self.write();
        }
        true
    }

    /// Writes what the other side has room for.
    pub(crate) fn write(&mut self) {
        if self.paused > 0 {
            return;
        }
        while let Some(first) = self.waiting.front_mut() {
            let rest = first.bytes.get(first.done..).unwrap_or_default();
            if first.done == 0 && rest.len() > ATOMIC {
                self.note.mark(true);
            }
            match send(self.socket.as_fd(), rest, first.descriptor.as_deref()) {
                Ok(written) => {
                    first.done += written;
                    // The descriptor went with the first byte.
                    first.descriptor = None;
                    if first.done == first.bytes.len() {
                        self.waiting_bytes -= first.bytes.len();
                        self.waiting.pop_front();
                        self.note.mark(false);
                    }
                }
                Err(Errno::AGAIN) => {
                    if first.done == 0 {
                        self.note.mark(false);
                    }
                    return;
                }
                Err(_) => return self.hang_up(),
            }
        }
        self.waiting.shrink_to(16);
    }

    fn hang_up(&mut self) {
        self.is_open = false;
        self.waiting = VecDeque::new();
        self.waiting_bytes = 0;
        self.note.mark(false);
    }

    /// Takes in what has come; the lines are then to be had from `next_line`.
    pub(crate) fn read(&mut self) {
        let mut buffer = vec![0; 64 << 10];
        let mut heard = 0;
        while heard < MOST_READ && self.is_open() {
            match self.receive(&mut buffer) {
                Ok(0) => self.hang_up(),
                Ok(count) => {
                    heard += count;
                    self.lines.push(buffer.get(..count).unwrap_or_default());
                    if count < buffer.len() {
                        return;
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => self.hang_up(),
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let result = recvmsg(&self.socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                self.unclaimed.extend(rights);
            }
        }
        self.unclaimed.truncate(MOST_UNCLAIMED);
        Ok(result.bytes)
    }

    /// The next whole line.
    pub(crate) fn next_line(&mut self) -> Option<Vec<u8>> {
        let line = self.lines.next_line()?;
        self.is_bun |= line.first() == Some(&BUN);
        Some(line)
    }

    /// The descriptor that came with a line which says so.
    pub(crate) fn claim(&mut self) -> Option<OwnedFd> {
        self.unclaimed.pop_front()
    }
}

fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptor: Option<&OwnedFd>,
) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let borrowed = descriptor.map(AsFd::as_fd);
    let borrowed = borrowed.as_slice();
    if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(borrowed)) {
        return Err(Errno::MSGSIZE);
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> (IpcChannel, IpcChannel) {
        let (ours, theirs) = pair().unwrap();
        (IpcChannel::new(ours, Note::new().unwrap()), IpcChannel::new(theirs, Note::new().unwrap()))
    }

    #[test]
    fn lines_and_descriptors_arrive_together_and_in_order() {
        let (mut ours, mut theirs) = channel();
        let file = Arc::new(OwnedFd::from(std::fs::File::open("/dev/null").unwrap()));
        assert!(ours.send(b"one", None));
        assert!(ours.send(b"two", Some(file)));
        theirs.read();
        assert_eq!(theirs.next_line().unwrap(), b"one");
        assert_eq!(theirs.next_line().unwrap(), b"two");
        assert!(theirs.claim().is_some() && theirs.claim().is_none());
    }

    #[test]
    fn what_is_not_read_waits_up_to_the_limit_and_arrives_whole() {
        let (mut ours, mut theirs) = channel();
        let line = vec![b'x'; 100_000];
        let mut sent = 0;
        while ours.send(&line, None) {
            sent += 1;
        }
        assert!(!ours.send(&line, None));
        assert!(ours.is_open(), "full is not closed");
        assert!(
            ours.write_block() == WriteBlock::PeerFull && ours.note.is_dirty(),
            "a line is half written"
        );
        let mut heard = 0;
        while heard < sent {
            theirs.read();
            while let Some(got) = theirs.next_line() {
                assert_eq!(got, line);
                heard += 1;
            }
            ours.write();
        }
        assert!(ours.write_block() == WriteBlock::None && !ours.note.is_dirty());
        assert_eq!(ours.waiting_bytes, 0);
    }

    #[test]
    fn nothing_is_written_after_a_line_that_a_daemon_cut_in_two() {
        let (mut ours, _theirs) = channel();
        ours.note.mark(true);
        let (socket, memory) = ours.copies().unwrap();
        let mut next = IpcChannel::new(socket, Note::found(memory).0);
        assert!(next.is_spoilt());
        assert!(!next.send(b"1", None));
    }

    #[test]
    fn while_somebody_else_writes_ours_wait() {
        let (mut ours, mut theirs) = channel();
        ours.pause_writes();
        ours.pause_writes();
        assert!(ours.send(b"ours", None));
        assert_eq!(ours.write_block(), WriteBlock::Paused);
        let line = ours.framed(b"another's");
        rustix::io::write(ours.socket(), &line).unwrap();
        ours.resume_writes();
        theirs.read();
        assert_eq!(theirs.next_line().unwrap(), b"another's");
        assert_eq!((theirs.next_line(), ours.write_block()), (None, WriteBlock::Paused));
        ours.resume_writes();
        theirs.read();
        assert_eq!(
            (theirs.next_line().unwrap(), ours.write_block()),
            (b"ours".to_vec(), WriteBlock::None)
        );
    }

    #[test]
    fn a_closed_channel_says_so() {
        let (mut ours, theirs) = channel();
        drop(theirs);
        ours.read();
        assert!(!ours.is_open());
        assert!(!ours.send(b"1", None));
    }

    #[test]
    fn bun_gets_its_byte_back() {
        let (mut ours, mut theirs) = channel();
        assert!(theirs.send(b"\x02{\"cmd\":\"NODE_X\"}", None));
        ours.read();
        ours.next_line().unwrap();
        assert!(ours.send(b"{\"cmd\":\"NODE_HANDLE_ACK\"}", None));
        assert!(ours.send(b"\"user\"", None));
        theirs.read();
        assert_eq!(theirs.next_line().unwrap(), b"\x02{\"cmd\":\"NODE_HANDLE_ACK\"}");
        assert_eq!(theirs.next_line().unwrap(), b"\"user\"");
    }
}
