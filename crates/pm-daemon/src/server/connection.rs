//! One client: frames in, frames out, one call at a time. A client that is gone, slow or hostile harms itself only.

use std::time::Duration;

use pm_core::Author;
use pm_protocol::{Code, Frame, FrameError, Frames, PROTOCOL, Refusal, Request, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::author::author;
use super::endpoint::Endpoint;
use crate::caller::{CallAnswer, Caller};
use crate::inlet::Inlet;

/// A client that says nothing at all for so long after connecting is dropped.
const HELLO_DEADLINE: Duration = Duration::from_secs(5);

/// A client that takes no bytes for so long is dropped.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// The connection is over; there is nobody to tell.
struct Over;

struct ClientConnection {
    stream: UnixStream,
    frames: Frames,
    endpoint: Endpoint,
    /// Who this is, once it has said hello.
    author: Option<Author>,
}

/// Serves one client until it or the daemon ends.
pub(super) async fn serve(stream: UnixStream, endpoint: Endpoint) {
    let mut connection = ClientConnection { stream, frames: Frames::new(), endpoint, author: None };
    // Either side may end a connection at any time.
    connection.talk().await.ok();
}

impl ClientConnection {
    async fn talk(&mut self) -> Result<(), Over> {
        let hello = Frame::Hello((*self.endpoint.hello).clone());
        self.send(&hello).await?;
        let first = timeout(HELLO_DEADLINE, self.receive()).await.map_err(|_| Over)??;
        match first {
            Frame::Hello(theirs) if theirs.protocol == PROTOCOL => {
                let uid = self.stream.peer_cred().ok().map(|peer| peer.uid());
                self.author = author(uid, theirs.caller.as_ref());
            }
            Frame::Hello(theirs) => {
                let message = format!(
                    "this client (pm {}) speaks protocol {}, the daemon (pm {}) speaks {PROTOCOL}",
                    theirs.version, theirs.protocol, self.endpoint.hello.version
                );
                return self
                    .refuse(
                        0,
                        Code::Version,
                        message,
                        "`pm update` replaces the daemon by this program",
                    )
                    .await;
            }
            Frame::Call(..) | Frame::Reply(..) | Frame::Refused(..) | Frame::News(..) => {
                return self.refuse(0, Code::BadRequest, "say hello first".into(), "").await;
            }
        }
        loop {
            let mut closing = self.endpoint.closing.clone();
            let frame = tokio::select! { biased;
                frame = self.receive() => frame?,
                _ = closing.wait_for(|closing| *closing) => return Ok(()),
            };
            match frame {
                Frame::Call(number, request) => self.call(number, request).await?,
                Frame::Hello(_) | Frame::Reply(..) | Frame::Refused(..) | Frame::News(..) => {
                    let message = "a client sends calls only".into();
                    return self.refuse(0, Code::BadRequest, message, "").await;
                }
            }
        }
    }

    async fn call(&mut self, number: u64, request: Request) -> Result<(), Over> {
        let (caller, mut answer) = oneshot::channel();
        let caller = Caller::new(caller, self.author.clone());
        let asked = Inlet::Called(Box::new(request), caller);
        self.endpoint.inlet.send(asked).await.map_err(|_| Over)?;
        let answer = tokio::select! { biased;
            answer = &mut answer => answer.map_err(|_| Over)?,
            // Whoever hangs up takes back nothing: the wish stands, only nobody waits any more.
            gone = hung_up(&mut self.stream, &mut self.frames) => return Err(gone),
        };
        match answer {
            CallAnswer::Reply(raw) => self.send(&Frame::Reply(number, raw)).await,
            CallAnswer::Refused(refusal) => self.send(&Frame::Refused(number, refusal)).await,
            CallAnswer::Feed(raw, mut news) => {
                self.send(&Frame::Reply(number, raw)).await?;
                loop {
                    let change = tokio::select! { biased;
                        gone = hung_up(&mut self.stream, &mut self.frames) => return Err(gone),
                        change = news.recv() => change.ok_or(Over)?,
                    };
                    self.send(&Frame::News(number, (*change).clone())).await?;
                }
            }
        }
    }

    async fn refuse(
        &mut self,
        number: u64,
        code: Code,
        message: String,
        hint: &str,
    ) -> Result<(), Over> {
        let hint = (!hint.is_empty()).then(|| hint.into());
        self.send(&Frame::Refused(number, Refusal { code, message, hint })).await
    }

    async fn send(&mut self, frame: &Frame) -> Result<(), Over> {
        let bytes = match encode(frame) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = error.to_string();
                let refusal = Refusal { code: Code::TooMany, message, hint: None };
                encode(&Frame::Refused(number(frame), refusal)).map_err(|_| Over)?
            }
        };
        timeout(WRITE_DEADLINE, self.stream.write_all(&bytes))
            .await
            .map_err(|_| Over)?
            .map_err(|_| Over)
    }

    /// The next frame. A call nobody knows is refused by its number; what is no frame at all is refused, and ends
    /// the connection.
    async fn receive(&mut self) -> Result<Frame, Over> {
        loop {
            match self.frames.next_frame() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => read(&mut self.stream, &mut self.frames).await?,
                Err(FrameError::UnknownCall { number, source }) => {
                    let message = format!("the daemon does not know this call: {source}");
                    let hint = "`pm update` replaces the daemon by this program; apps run on";
                    self.refuse(number, Code::BadRequest, message, hint).await?;
                }
                Err(error) => {
                    self.refuse(0, Code::BadRequest, error.to_string(), "").await?;
                    return Err(Over);
                }
            }
        }
    }
}

/// Which call a frame is about; 0 if none.
fn number(frame: &Frame) -> u64 {
    match frame {
        Frame::Hello(_) => 0,
        Frame::Call(number, _)
        | Frame::Reply(number, _)
        | Frame::Refused(number, _)
        | Frame::News(number, _) => *number,
    }
}

async fn read(stream: &mut UnixStream, frames: &mut Frames) -> Result<(), Over> {
    let mut buffer = [0; 8192];
    match stream.read(&mut buffer).await {
        Ok(0) | Err(_) => Err(Over),
        Ok(count) => {
            frames.push(&buffer[..count]);
            Ok(())
        }
    }
}

/// Ends when the client does. Calls it sends meanwhile wait in `frames`, up to a frame's size.
async fn hung_up(stream: &mut UnixStream, frames: &mut Frames) -> Over {
    loop {
        if read(stream, frames).await.is_err() || frames.is_overfull() {
            return Over;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::{Hello, MAX_FRAME, Ping};
    use std::sync::Arc;
    use tokio::sync::{mpsc, watch};

    fn hello() -> Hello {
        let version = "1".into();
        Hello { protocol: PROTOCOL, version, pid: 1, incarnation: 0, guardian: 0, caller: None }
    }

    async fn next(stream: &mut UnixStream, frames: &mut Frames) -> Frame {
        loop {
            if let Some(frame) = frames.next_frame().unwrap() {
                return frame;
            }
            assert!(read(stream, frames).await.is_ok(), "the daemon hung up");
        }
    }

    #[tokio::test]
    async fn every_refusal_bears_the_number_of_its_call() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (inlet, mut asked) = mpsc::channel(1);
        let (_closing, closes) = watch::channel(false);
        let (open, _ended) = mpsc::channel(1);
        let endpoint = Endpoint { inlet, hello: Arc::new(hello()), closing: closes, open };
        let server = tokio::spawn(serve(ours, endpoint));
        let reactor = tokio::spawn(async move {
            let Some(Inlet::Called(_, caller)) = asked.recv().await else { panic!("no call") };
            caller.reply(&"x".repeat(MAX_FRAME));
        });
        let mut said = encode(&Frame::Hello(hello())).unwrap();
        said.extend(b"{\"call\":[5,{\"call\":\"fly\",\"args\":{}}]}\n");
        said.extend(encode(&Frame::Call(6, Ping {}.into())).unwrap());
        said.extend(b"nonsense\n");
        theirs.write_all(&said).await.unwrap();
        let mut frames = Frames::new();
        assert!(matches!(next(&mut theirs, &mut frames).await, Frame::Hello(_)));
        for (wanted, code) in [(5, Code::BadRequest), (6, Code::TooMany), (0, Code::BadRequest)] {
            let frame = next(&mut theirs, &mut frames).await;
            let Frame::Refused(number, refusal) = frame else { panic!("{frame:?}") };
            assert_eq!((number, refusal.code), (wanted, code));
        }
        assert!(read(&mut theirs, &mut frames).await.is_err(), "nonsense ends a connection");
        server.await.unwrap();
        reactor.await.unwrap();
    }
}
