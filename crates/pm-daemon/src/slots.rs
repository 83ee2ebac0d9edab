//! Whose a run is, and in which slots the guardian keeps what belongs to it.

use std::iter;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use pm_core::{AppId, InstanceId};
use pm_guardian::{ItemKind, ItemName, Link, LinkError, ToGuardian};
use pm_logs::{Stream, StreamKey};
use pm_os::tag::Tag;

/// The guardian's slots of a run.
pub(crate) const PIDFD_SLOT: u8 = 0;
/// Standard output: pipe and file; the pipe alone where descriptors are short.
pub(crate) const OUT_SLOT: u8 = 1;
/// Standard error, in the same way.
pub(crate) const ERROR_SLOT: u8 = 2;

/// Node's channel: our end and its note.
pub(crate) const CHANNEL_SLOT: u8 = 3;

/// The socket over which it says how it is.
pub(crate) const NOTICE_SLOT: u8 = 4;

/// Our end of a channel and the memory of its note.
pub(crate) type ChannelEnd = (OwnedFd, OwnedFd);

/// The slot of a stream.
pub(crate) fn slot_of(stream: Stream) -> u8 {
    match stream {
        Stream::Out => OUT_SLOT,
        Stream::Err => ERROR_SLOT,
    }
}

/// The stream of a slot.
pub(crate) fn stream_of(slot: u8) -> Option<Stream> {
    match slot {
        OUT_SLOT => Some(Stream::Out),
        ERROR_SLOT => Some(Stream::Err),
        _ => None,
    }
}

/// Whose a run is. Numbers of instances begin anew when nothing is known any more, those of apps never do: output of
/// a deleted app must not be taken for that of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) app: AppId,
    pub(crate) instance: InstanceId,
}

impl Address {
    /// What the guardian gives back with each item: whose it is, for output that outlives its run and for a journal
    /// that lost its last lines.
    pub(crate) fn name(self) -> ItemName {
        // Two numbers of ten digits always fit.
        let text = format!("{}:{}", self.app.0, self.instance.0);
        ItemName::parse(text.as_bytes()).unwrap_or(ItemName::EMPTY)
    }

    /// The address a name was made of.
    pub(crate) fn parse(name: ItemName) -> Option<Self> {
        let (app, instance) = std::str::from_utf8(name.as_bytes()).ok()?.split_once(':')?;
        Some(Self { app: AppId(app.parse().ok()?), instance: InstanceId(instance.parse().ok()?) })
    }
}

/// Gives a main process to the guardian.
pub(crate) fn store_pidfd(
    link: &Link,
    tag: Tag,
    address: Address,
    (pid, pidfd): (i32, &OwnedFd),
) -> Result<(), LinkError> {
    let (tag, slot, name) = (tag.raw(), PIDFD_SLOT, address.name());
    link.send(
        &ToGuardian::Store { tag, slot, kind: ItemKind::Pidfd { pid }, name },
        &[pidfd.as_fd()],
    )
}

/// Gives the socket over which a run says how it is to the guardian.
pub(crate) fn store_notices(
    link: &Link,
    tag: Tag,
    address: Address,
    socket: BorrowedFd<'_>,
) -> Result<(), LinkError> {
    let (tag, slot, kind, name) = (tag.raw(), NOTICE_SLOT, ItemKind::Other, address.name());
    link.send(&ToGuardian::Store { tag, slot, kind, name }, &[socket])
}

/// Gives a stream to the guardian: its pipe, and where it goes while no daemon runs, if it goes anywhere then.
pub(crate) fn store_stream(
    link: &Link,
    key: StreamKey,
    address: Address,
    (pipe, target): (&OwnedFd, Option<BorrowedFd<'_>>),
) -> Result<(), LinkError> {
    let (tag, slot, name) = (key.tag, slot_of(key.stream), address.name());
    let kind = if target.is_some() { ItemKind::Stream } else { ItemKind::Other };
    let descriptors: Vec<_> = iter::once(pipe.as_fd()).chain(target).collect();
    link.send(&ToGuardian::Store { tag, slot, kind, name }, &descriptors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_guardian_and_nothing_else_is_taken_for_one() {
        let address = Address { app: AppId(u32::MAX), instance: InstanceId(u32::MAX) };
        assert_eq!(Address::parse(address.name()), Some(address));
        for bad in ["", "7", "7:", ":7", "7:7:7", "a:b", "4294967296:0"] {
            assert_eq!(Address::parse(ItemName::parse(bad.as_bytes()).unwrap()), None, "{bad}");
        }
    }
}
