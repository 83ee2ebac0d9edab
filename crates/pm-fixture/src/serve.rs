//! The least HTTP a health probe is content with.
#![expect(unsafe_code, reason = "a socket found open is a bare number")]

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::FromRawFd as _;
use std::thread;

/// Listens on loopback, or at the first socket that was open before (`sd_listen_fds(3)`), and answers every request with
/// "ok" for as long as we live; returns the port.
pub(crate) fn listen(port: u16) -> io::Result<u16> {
    let listener = found_open().map_or_else(|| TcpListener::bind(("127.0.0.1", port)), Ok)?;
    let port = listener.local_addr()?.port();
    thread::Builder::new().spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away half-way concerns nobody else.
            answer(stream).ok();
        }
    })?;
    Ok(port)
}

fn found_open() -> Option<TcpListener> {
    let ours = std::env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
    // SAFETY: whoever names us in that variable has opened a socket for us at this number, and nothing else here has it.
    ours.then(|| unsafe { TcpListener::from_raw_fd(3) })
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") && request.len() < 64 << 10 {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            length => request.extend_from_slice(piece.get(..length).unwrap_or_default()),
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
}
