//! Packets with descriptors over a `SOCK_SEQPACKET` pair: one call, one packet, all or nothing.
//! Knows nothing of what the bytes mean.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair, sockopt,
};

use crate::message::{MAX_DESCRIPTORS, MAX_MESSAGE};

/// Wanted size of a link's send buffer in bytes: thousands of messages, so that a burst of stores
/// never waits for the other side. The system's `net.core.wmem_max` may give us less.
const SEND_BUFFER: usize = 4 << 20;

/// Two connected ends, both close-on-exec, with large send buffers.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    for end in [&ours, &theirs] {
        // The forced form needs CAP_NET_ADMIN, the plain one is capped by the system; a small
        // buffer only means that senders wait now and then.
        if sockopt::set_socket_send_buffer_size_force(end, SEND_BUFFER).is_err() {
            sockopt::set_socket_send_buffer_size(end, SEND_BUFFER).ok();
        }
    }
    Ok((ours, theirs))
}

/// Sends one packet. `flags` decides about waiting; never raises SIGPIPE.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::MSGSIZE);
    }
    loop {
        match sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags | SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// What one receive call found.
#[derive(Debug)]
pub(crate) enum Received {
    /// A packet: its bytes are in the buffer, up to this length.
    Packet(usize, Vec<OwnedFd>),
    /// A packet that is longer than any message, or that lost descriptors because our table is
    /// full. It is gone.
    Damaged,
    /// The other side is closed and everything it sent has been read.
    Closed,
    /// Nothing now (only with `DONTWAIT`).
    Nothing,
}

/// Room for the longest message and one byte more, so that a longer one is noticed.
pub(crate) type PacketBuffer = [u8; MAX_MESSAGE + 1];

/// Receives one packet; its descriptors are close-on-exec.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    buffer: &mut PacketBuffer,
    flags: RecvFlags,
) -> Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let result = loop {
        let mut parts = [IoSliceMut::new(buffer)];
        match recvmsg(socket, &mut parts, &mut control, flags | RecvFlags::CMSG_CLOEXEC) {
            // A peer that died with packets of ours unread leaves a reset, told once and before what it sent: that
            // is still there to be read, and after it comes the end.
            Err(Errno::INTR | Errno::CONNRESET) => {}
            Err(Errno::AGAIN) => return Ok(Received::Nothing),
            Err(error) => return Err(error),
            Ok(result) => break result,
        }
    };
    let descriptors: Vec<OwnedFd> = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => Some(rights),
            RecvAncillaryMessage::ScmCredentials(_) | _ => None,
        })
        .flatten()
        .collect();
    let lost = ReturnFlags::TRUNC | ReturnFlags::CTRUNC;
    Ok(match result.bytes {
        0 => Received::Closed,
        _ if result.flags.intersects(lost) => Received::Damaged,
        length => Received::Packet(length, descriptors),
    })
}

/// Whether descriptors in flight are, for the moment, too many for our user (`unix(7)`,
/// `ETOOMANYREFS`), or the buffer is full: the same packet will do later.
pub(crate) fn is_momentary(error: Errno) -> bool {
    matches!(error, Errno::AGAIN | Errno::NOBUFS | Errno::TOOMANYREFS)
}

/// Whether a descriptor is a connected packet socket of ours.
pub(crate) fn is_link(socket: &OwnedFd) -> bool {
    sockopt::socket_type(socket).is_ok_and(|kind| kind == SocketType::SEQPACKET)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_a_peer_said_is_heard_though_it_died_without_listening() {
        let (ours, theirs) = pair().unwrap();
        send(ours.as_fd(), b"unread", &[], SendFlags::empty()).unwrap();
        send(theirs.as_fd(), b"last words", &[], SendFlags::empty()).unwrap();
        drop(theirs);
        let mut buffer = [0; MAX_MESSAGE + 1];
        let received = receive(ours.as_fd(), &mut buffer, RecvFlags::DONTWAIT).unwrap();
        let Received::Packet(length, _) = received else { panic!("{received:?}") };
        assert_eq!(&buffer[..length], b"last words");
        let received = receive(ours.as_fd(), &mut buffer, RecvFlags::DONTWAIT).unwrap();
        assert!(matches!(received, Received::Closed), "{received:?}");
    }
}
