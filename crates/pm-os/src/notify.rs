//! Tells systemd how we are (`sd_notify(3)`): one datagram to the socket named in `NOTIFY_SOCKET`.
//! Whoever reads it must also keep the variable from the apps.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The environment variable systemd sets.
pub const VARIABLE: &str = "NOTIFY_SOCKET";

/// The way to our service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    /// Finds the service manager; `None` if we weren't started by one.
    pub fn find() -> io::Result<Option<Self>> {
        env::var_os(VARIABLE)
            .filter(|value| !value.is_empty())
            .map(|value| Self::at(&value))
            .transpose()
    }

    fn at(address: &OsStr) -> io::Result<Self> {
        let address = match address.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(address),
        }?;
        let socket = UnixDatagram::unbound()?;
        // A service manager that doesn't read must not stop us.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address })
    }

    /// We are up; `text` is shown by `systemctl status`.
    pub fn ready(&self, text: &str) -> io::Result<()> {
        self.send(&format!("READY=1\nSTATUS={}", one_line(text)))
    }

    /// We are about to end.
    pub fn stopping(&self) -> io::Result<()> {
        self.send("STOPPING=1")
    }

    fn send(&self, message: &str) -> io::Result<()> {
        self.socket.send_to_addr(message.as_bytes(), &self.address).map(drop)
    }
}

/// A line feed in a text would start another assignment.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_hears_us_by_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::at(path.as_os_str()).unwrap();
        notifier.ready("3 apps\nREADY=0").unwrap();
        notifier.stopping().unwrap();
        let mut heard = [0; 100];
        let length = systemd.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1\nSTATUS=3 apps READY=0");
        let length = systemd.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"STOPPING=1");
    }

    #[test]
    fn systemd_hears_us_by_abstract_name() {
        let name = format!("pm-os-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        Notifier::at(format!("@{name}").as_ref()).unwrap().ready("x").unwrap();
        let mut heard = [0; 100];
        let length = systemd.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1\nSTATUS=x");
    }

    #[test]
    fn a_deaf_one_is_an_error_not_a_panic() {
        let notifier = Notifier::at("/nonexistent/socket".as_ref()).unwrap();
        assert!(notifier.ready("").is_err());
    }
}
