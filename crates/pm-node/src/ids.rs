//! By what workers, apps, sockets and connections are known here.

/// A worker: the number its run is known by.
pub type Worker = u64;
/// The workers of one app share their sockets.
pub type Group = u32;
/// One listening socket.
pub(crate) type SocketId = u64;
/// One connection on its way to a worker.
pub(crate) type ConnectionId = u64;
/// Milliseconds of a clock that is never set back.
pub(crate) type Millis = u64;

/// How workers share a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSharing {
    /// We accept and hand each connection to the next worker.
    RoundRobin,
    /// Each slot has a socket of its own on which its worker accepts.
    Slot,
}

/// Where a worker sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerSlot {
    /// Its app.
    pub group: Group,
    /// Its slot within the app.
    pub slot: u16,
    /// How its app shares ports.
    pub sched: PortSharing,
    /// The apps it may share sockets with besides its own, those of one family (PM2: all); `None`: none.
    pub family: Option<u32>,
}
