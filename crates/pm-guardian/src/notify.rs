//! Tells systemd that we are ready (`sd_notify(3)`); without systemd it does nothing.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends `READY=1` to the socket named in `NOTIFY_SOCKET`, if there is one.
pub(crate) fn ready() {
    if let Some(name) = env::var_os("NOTIFY_SOCKET") {
        send(name.as_bytes()).ok();
    }
}

fn send(name: &[u8]) -> io::Result<usize> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    // The loop never waits, not for systemd either.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(b"READY=1\n", &address)
}
