//! Calls to the daemon of a real PM2, over its socket `rpc.sock` and in its language: messages of amp, version 1 (a byte, and in
//! front of each argument its length), the first of them JSON, the last one the number of the call.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// An answer longer than this is none of PM2's.
const LONGEST: usize = 256 << 20;

/// Version 1, two arguments.
const META: u8 = 1 << 4 | 2;

/// Our only call on a connection.
const NUMBER: &[u8] = b"s:pm:0";

/// Why there is no answer; completes "could not ...".
#[derive(Debug, thiserror::Error)]
pub enum Pm2CallError {
    /// Nobody takes connections there, or we may not.
    #[error("connect")]
    Connect(#[source] io::Error),
    /// It takes the call and says nothing.
    #[error("get an answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The connection broke.
    #[error("get an answer")]
    Io(#[source] io::Error),
    /// It speaks something else.
    #[error("understand the answer")]
    Strange,
    /// It does not do it, and says why.
    #[error("{0}")]
    Refused(String),
}

/// A daemon of PM2.
#[derive(Clone, Debug)]
pub struct LivePm2 {
    socket: PathBuf,
}

impl LivePm2 {
    /// That of this `PM2_HOME`, whether it lives or not.
    pub fn at(home: &Path) -> Self {
        Self { socket: home.join("rpc.sock") }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Calls a method with these arguments, which takes no longer than `patience`.
    pub fn call(
        &self,
        method: &str,
        args: &[Value],
        patience: Duration,
    ) -> Result<Value, Pm2CallError> {
        let end = Instant::now() + patience;
        let stream = UnixStream::connect(&self.socket).map_err(Pm2CallError::Connect)?;
        let call = json!({ "type": "call", "method": method, "args": args });
        let reply = converse(&stream, &encoded(&call), end).map_err(|error| {
            let is_late =
                matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
            if is_late { Pm2CallError::Late(patience) } else { Pm2CallError::Io(error) }
        })?;
        let json = reply.strip_prefix(b"j:").ok_or(Pm2CallError::Strange)?;
        let mut reply: Value = serde_json::from_slice(json).map_err(|_| Pm2CallError::Strange)?;
        match reply.get("error") {
            None | Some(Value::Null) => Ok(reply["args"][0].take()),
            Some(Value::String(why)) => Err(Pm2CallError::Refused(why.clone())),
            Some(error) => {
                let why =
                    error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
                Err(Pm2CallError::Refused(why))
            }
        }
    }
}

fn encoded(call: &Value) -> Vec<u8> {
    let mut bytes = vec![META];
    for argument in [format!("j:{call}").as_bytes(), NUMBER] {
        bytes.extend(u32::try_from(argument.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(argument);
    }
    bytes
}

/// Says it, and hears the first argument of the answer.
fn converse(mut stream: &UnixStream, call: &[u8], end: Instant) -> io::Result<Vec<u8>> {
    let left = || {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_write_timeout(Some(left))?;
        stream.set_read_timeout(Some(left))
    };
    left()?;
    stream.write_all(call)?;
    let (mut said, mut bytes) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        left()?;
        match stream.read(&mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => said.extend(bytes.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if let Some(length) = said.get(1..5).and_then(|it| <[u8; 4]>::try_from(it).ok()) {
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if length > LONGEST {
                return Err(io::Error::other("it is too long"));
            }
            if let Some(first) = said.get(5..5 + length) {
                return Ok(first.to_vec());
            }
        }
        if end <= Instant::now() {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::thread;

    fn served(reply: Option<&'static str>) -> Result<Value, Pm2CallError> {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("rpc.sock")).unwrap();
        let server = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let expected = encoded(&json!({ "type": "call", "method": "m", "args": [1] }));
            let mut heard = vec![0; expected.len()];
            stream.read_exact(&mut heard).unwrap();
            assert_eq!(heard, expected);
            let Some(reply) = reply else { return drop(stream.read(&mut heard)) };
            let mut bytes = vec![META];
            for argument in [reply.as_bytes(), NUMBER] {
                bytes.extend(u32::try_from(argument.len()).unwrap().to_be_bytes());
                bytes.extend(argument);
            }
            // Not all at once; who has heard the first argument goes.
            for part in bytes.chunks(7) {
                if stream.write_all(part).is_err() {
                    break;
                }
            }
        });
        let patience = reply.map_or(Duration::from_millis(300), |_| Duration::from_secs(30));
        let answer = LivePm2::at(dir.path()).call("m", &[json!(1)], patience);
        server.join().unwrap();
        answer
    }

    #[test]
    fn what_pm2_answers_is_understood() {
        assert_eq!(served(Some(r#"j:{"args":[{"a":[1]}]}"#)).unwrap(), json!({ "a": [1] }));
        for refused in [r#"j:{"error":"no","stack":"x"}"#, r#"j:{"error":{"message":"no"}}"#] {
            let error = served(Some(refused)).unwrap_err();
            assert!(matches!(&error, Pm2CallError::Refused(why) if why == "no"), "{error:?}");
        }
        let strange = served(Some("x"));
        assert!(matches!(strange, Err(Pm2CallError::Strange)), "{strange:?}");
        let late = served(None);
        assert!(matches!(late, Err(Pm2CallError::Late(_))), "{late:?}");
        let nobody = LivePm2::at(Path::new("/nowhere")).call("m", &[], Duration::from_secs(1));
        assert!(matches!(nobody, Err(Pm2CallError::Connect(_))), "{nobody:?}");
    }
}
