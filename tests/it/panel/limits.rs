//! What one visitor takes leaves enough for the others.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;

use pm_testkit::Home;

use super::desk::{ask, begin, code, desk, key, request};
use crate::http::raw;

/// Whether the other side has neither said anything nor gone.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    stream.peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn s16_nobody_takes_more_than_a_share() {
    let home = Home::new();
    let desk = desk(&home);
    let port = desk.port;
    let key = key(&home, port, &[]);
    // Heads that never end keep nobody out.
    let slow: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
            stream
        })
        .collect();
    assert_eq!(ask(port, "GET", "/api/session", &key, "").status, 200);
    // Nobody had to go for it: who is refused a place is let in once others have run into their deadline.
    let left = slow.iter().filter(|stream| is_open(stream)).count();
    assert!(left >= 200, "{left} of 300 were still there");
    drop(slow);
    // Heads of 16 KiB, bodies of 1 MiB.
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: {}\r\n\r\n",
        "x".repeat(20 << 10)
    );
    assert_eq!(raw(port, &long).status, 431);
    let head = "POST /api/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let said = raw(port, &format!("{head}Content-Length: 1048577\r\n\r\n"));
    assert_eq!((said.status, code(&said).as_str()), (413, "too_long"));
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let unsaid = raw(
        port,
        &format!("{head}Transfer-Encoding: chunked\r\n\r\n{}1\r\nx\r\n", piece.repeat(16)),
    );
    assert_eq!((unsaid.status, code(&unsaid).as_str()), (413, "too_long"));
    let fits = format!("{head}Content-Length: 1048576\r\n\r\n{}", " ".repeat(1 << 20));
    assert_eq!(raw(port, &fits).status, 400, "read, and no JSON");
    // Eight streams a session, another eight for another one.
    let stream = |key: &str| begin(port, &request("GET", "/api/events?topics=apps", key, ""));
    let mut open: Vec<_> = (0..8).map(|_| stream(&key)).collect();
    assert!(open.iter().all(|(status, _)| *status == 200));
    assert_eq!(stream(&key).0, 429);
    let other = super::desk::key(&home, port, &[]);
    assert_eq!(stream(&other).0, 200);
    open.pop();
    home.wait_until("a stream that was closed is free again", || stream(&key).0 == 200);
}
