//! One GET over HTTP/1.1, of whose answer only the status matters.

use pm_spec::{Door, Environment, HttpGet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::door::{self, Connection, words};

/// A status line is shorter, whatever comes before it.
const LINE: usize = 8 << 10;

/// So much of the rest is taken, so that a server that is still writing is not cut off and says so in its log.
const REST: usize = 64 << 10;

/// Whether a page is answered well; else what was answered, or what is in the way.
pub async fn get(page: &HttpGet, env: &Environment) -> Result<(), String> {
    let mut connection = door::open(&page.door, env).await?;
    let what = format!("GET {}", page.path);
    let request = request(page, env);
    let sent = connection.write_all(request.as_bytes()).await;
    sent.map_err(|error| format!("{what}: {}", words(&error)))?;
    let status = status(&mut *connection, &what).await?;
    drain(&mut *connection).await;
    let is_good = page.status.map_or((200..400).contains(&status), |wanted| status == wanted);
    match page.status {
        _ if is_good => Ok(()),
        Some(wanted) => Err(format!("{what} answered {status}, not {wanted}")),
        None => Err(format!("{what} answered {status}")),
    }
}

fn request(page: &HttpGet, env: &Environment) -> String {
    let host = page.host.clone().unwrap_or_else(|| match &page.door {
        Door::Tcp(place) => door::meant(place, env),
        Door::Unix(_) => "localhost".into(),
    });
    let given = |name: &str| page.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let own =
        [("User-Agent", "pm"), ("Accept", "*/*")].into_iter().filter(|(name, _)| !given(name));
    let all = page.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut lines = vec![format!("GET {} HTTP/1.1", page.path), format!("Host: {host}")];
    lines.extend(own.chain(all).map(|(name, value)| format!("{name}: {value}")));
    lines.join("\r\n") + "\r\nConnection: close\r\n\r\n"
}

/// The status of the answer; nothing behind its line is looked at.
async fn status(connection: &mut dyn Connection, what: &str) -> Result<u16, String> {
    let mut read = Vec::with_capacity(512);
    loop {
        let before = read.len();
        let got = connection.read_buf(&mut read).await;
        got.map_err(|error| format!("{what}: {}", words(&error)))?;
        // Headers are not asked for: too many of them are no mistake.
        let mut answer = httparse::Response::new(&mut []);
        let parsed = answer.parse(&read);
        if let Some(code) = answer.code {
            return Ok(code);
        }
        if read.len() == before && before == 0 {
            return Err(format!("{what}: the connection was closed without an answer"));
        }
        if parsed.is_err() || read.len() == before || read.len() > LINE {
            return Err(format!("{what}: the answer is not HTTP"));
        }
    }
}

async fn drain(connection: &mut dyn Connection) {
    let (mut taken, mut buffer) = (0, [0; 4096]);
    while taken < REST {
        match connection.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => taken += count,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server that answers one request with these bytes and hangs up; what it was asked.
    fn server(answer: &'static [u8]) -> (HttpGet, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = Door::Tcp(listener.local_addr().unwrap().to_string());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut asked, mut byte) = (Vec::new(), [0]);
            while !asked.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            // Whoever asks need not take all of it.
            stream.write_all(answer).ok();
            String::from_utf8(asked).unwrap()
        });
        let page =
            HttpGet { door, path: "/up?x=1".into(), host: None, headers: Vec::new(), status: None };
        (page, thread)
    }

    async fn asked(answer: &'static [u8], status: Option<u16>) -> Result<(), String> {
        let (page, thread) = server(answer);
        let answer = get(&HttpGet { status, ..page }, &Environment::new()).await;
        thread.join().unwrap();
        answer
    }

    #[tokio::test]
    async fn statuses_from_200_to_399_are_good() {
        for (answer, wanted, verdict) in [
            (&b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello"[..], None, Ok(())),
            (b"HTTP/1.0 399 \r\n\r\n", None, Ok(())),
            (b"HTTP/1.1 204 \r\n\r\n", Some(204), Ok(())),
            (b"HTTP/1.1 503 No\r\n\r\n", None, Err("GET /up?x=1 answered 503")),
            (b"HTTP/1.1 200 OK\r\n\r\n", Some(204), Err("GET /up?x=1 answered 200, not 204")),
            (b"", None, Err("GET /up?x=1: the connection was closed without an answer")),
            (b"HTTP/1.1 2", None, Err("GET /up?x=1: the answer is not HTTP")),
            (b"SSH-2.0-x\r\n", None, Err("GET /up?x=1: the answer is not HTTP")),
        ] {
            assert_eq!(asked(answer, wanted).await, verdict.map_err(str::to_owned));
        }
    }

    #[tokio::test]
    async fn a_flood_is_not_read() {
        static BLANKS: [u8; 1 << 20] = [b'\r'; 1 << 20];
        static LONG: [u8; 1 << 20] = [b'x'; 1 << 20];
        for flood in [&BLANKS, &LONG] {
            let verdict = asked(flood, None).await;
            assert_eq!(verdict, Err("GET /up?x=1: the answer is not HTTP".into()));
        }
    }

    #[tokio::test]
    async fn headers_are_sent_and_may_take_the_place_of_ours() {
        let (page, thread) = server(b"HTTP/1.1 200 OK\r\n\r\n");
        let headers = vec![("user-agent".into(), "me".into()), ("X-A".into(), "1".into())];
        let page = HttpGet { headers, host: Some("example.com".into()), ..page };
        get(&page, &Environment::new()).await.unwrap();
        let asked = thread.join().unwrap();
        let lines: Vec<&str> = asked.lines().collect();
        assert_eq!(lines[..2], ["GET /up?x=1 HTTP/1.1", "Host: example.com"]);
        assert_eq!(
            lines[2..],
            ["Accept: */*", "user-agent: me", "X-A: 1", "Connection: close", ""]
        );
    }

    #[tokio::test]
    async fn a_server_behind_a_path_is_asked_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.sock");
        let door = Door::Unix(path.to_str().unwrap().into());
        let refused = door::connect(&door, &Environment::new()).await.unwrap_err();
        assert!(refused.ends_with("app.sock: no such file or directory"), "{refused}");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let mut asked = [0; 200];
            let count = stream.read(&mut asked).unwrap();
            String::from_utf8_lossy(&asked[..count]).into_owned()
        });
        let page =
            HttpGet { door, path: "/".into(), host: None, headers: Vec::new(), status: None };
        get(&page, &Environment::new()).await.unwrap();
        assert!(thread.join().unwrap().contains("Host: localhost\r\n"));
    }
}
