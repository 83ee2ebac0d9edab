//! Calls to a server: one connection each, with a bound on how long all of it may take.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::answer;
use crate::call::{self, RpcCall};
use crate::place::{RpcPlace, RpcSocket};
use crate::value::{RpcFault, RpcValue};

/// An answer longer than this is none of Supervisor's.
const LONGEST: usize = 16 << 20;

/// Why there is no answer; completes "could not ...".
#[derive(Debug, thiserror::Error)]
pub enum RpcCallError {
    /// Nobody takes connections there, or we may not.
    #[error("connect")]
    Connect(#[source] io::Error),
    /// It takes the call and says nothing.
    #[error("get an answer within {} s", .0.as_secs())]
    Late(Duration),
    /// Name or password is wrong, or missing.
    #[error("log in")]
    Denied,
    /// The connection broke.
    #[error("get an answer")]
    Io(#[source] io::Error),
    /// It speaks something else.
    #[error("understand the answer, which begins with {0:?}")]
    Strange(String),
}

/// Makes one call, which takes no longer than `patience`.
pub fn ask(
    place: &RpcPlace,
    call: &RpcCall,
    patience: Duration,
) -> Result<Result<RpcValue, RpcFault>, RpcCallError> {
    let end = Instant::now() + patience;
    let body = answer::call(call);
    let login = place
        .login
        .as_ref()
        .map_or_else(String::new, |login| format!("Authorization: {}\r\n", login.header()));
    let request = format!(
        "POST /RPC2 HTTP/1.0\r\nHost: localhost\r\n{login}Content-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let said = match &place.socket {
        RpcSocket::Unix(path) => {
            let stream = UnixStream::connect(path).map_err(RpcCallError::Connect)?;
            let within = |left| {
                stream.set_read_timeout(Some(left))?;
                stream.set_write_timeout(Some(left))
            };
            converse(&mut &stream, &request, within, end)
        }
        RpcSocket::Tcp(host, port) => {
            let host = if host.is_empty() { "127.0.0.1" } else { host.trim_matches(['[', ']']) };
            let stream = connected((host, *port), patience).map_err(RpcCallError::Connect)?;
            let within = |left| {
                stream.set_read_timeout(Some(left))?;
                stream.set_write_timeout(Some(left))
            };
            converse(&mut &stream, &request, within, end)
        }
    };
    let said = said.map_err(|error| {
        let is_late = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        if is_late { RpcCallError::Late(patience) } else { RpcCallError::Io(error) }
    })?;
    understood(&String::from_utf8_lossy(&said))
}

/// The first of its addresses that takes us.
fn connected(place: (&str, u16), patience: Duration) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotFound.into();
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Says it, and hears until the other end has said all.
fn converse(
    stream: &mut (impl Read + Write),
    request: &str,
    within: impl Fn(Duration) -> io::Result<()>,
    end: Instant,
) -> io::Result<Vec<u8>> {
    let left = || {
        let left = end.saturating_duration_since(Instant::now());
        // None at all would mean to wait for ever.
        within(left.max(Duration::from_millis(1)))
    };
    left()?;
    stream.write_all(request.as_bytes())?;
    let (mut said, mut bytes) = (Vec::new(), [0; 8192]);
    while said.len() < LONGEST {
        left()?;
        match stream.read(&mut bytes) {
            Ok(0) => return Ok(said),
            Ok(count) => said.extend(bytes.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if end <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    Err(io::Error::other("it does not end"))
}

fn understood(said: &str) -> Result<Result<RpcValue, RpcFault>, RpcCallError> {
    let strange = || RpcCallError::Strange(said.chars().take(60).collect());
    let (head, body) = said.split_once("\r\n\r\n").ok_or_else(strange)?;
    match head.split(' ').nth(1) {
        Some("200") => call::answered(body).ok_or_else(strange),
        Some("401") => Err(RpcCallError::Denied),
        Some(_) | None => Err(strange()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::thread;

    fn served(said: &'static str) -> Result<Result<RpcValue, RpcFault>, RpcCallError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut heard = String::new();
            let mut bytes = [0; 4096];
            while !heard.contains("</methodCall>") {
                let count = stream.read(&mut bytes).unwrap();
                heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            stream.write_all(said.as_bytes()).unwrap();
            // Without a word the connection stays open until the caller leaves.
            if said.is_empty() {
                assert_eq!(stream.read(&mut bytes).unwrap(), 0);
            }
            heard
        });
        let login = Some(crate::RpcLogin::new("ann", "pass"));
        let place = RpcPlace { socket: RpcSocket::Unix(path), mode: 0, login };
        let call = RpcCall { method: "a.b".into(), params: vec!["<x>".into(), true.into()] };
        let answer = ask(&place, &call, Duration::from_millis(300));
        let heard = server.join().unwrap();
        assert!(heard.contains("Authorization: Basic YW5uOnBhc3M=\r\n"), "{heard}");
        let body = heard.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(RpcCall::parse(body), Some(call));
        answer
    }

    #[test]
    fn answers_faults_and_others_are_told_apart() {
        let good = "HTTP/1.0 200 OK\r\n\r\n<?xml version='1.0'?>\n<methodResponse><params><param><value><int>7</int></value></param></params></methodResponse>";
        assert_eq!(served(good).unwrap(), Ok(RpcValue::Int(7)));
        let fault = "HTTP/1.1 200 OK\r\n\r\n<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>10</int></value></member><member><name>faultString</name><value><string>BAD_NAME</string></value></member></struct></value></fault></methodResponse>";
        assert_eq!(served(fault).unwrap(), Err(RpcFault { code: 10, text: "BAD_NAME".into() }));
        let denied = served("HTTP/1.0 401 Unauthorized\r\n\r\n");
        assert!(matches!(denied, Err(RpcCallError::Denied)), "{denied:?}");
        let strange = served("SSH-2.0-x\r\n");
        assert!(matches!(strange, Err(RpcCallError::Strange(_))), "{strange:?}");
        let late = served("");
        assert!(matches!(late, Err(RpcCallError::Late(_))), "{late:?}");
    }

    #[test]
    fn a_socket_that_is_not_there_is_told() {
        let place = RpcPlace { socket: RpcSocket::Unix("/nowhere/s".into()), mode: 0, login: None };
        let call = RpcCall { method: "a".into(), params: Vec::new() };
        let failed = ask(&place, &call, Duration::from_secs(1));
        assert!(matches!(failed, Err(RpcCallError::Connect(_))), "{failed:?}");
    }
}
