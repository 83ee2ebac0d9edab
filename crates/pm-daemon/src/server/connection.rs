//! One client: frames in, frames out, one call at a time. A client that is gone, slow or hostile harms itself only.

use std::time::Duration;

use pm_protocol::{Code, Frame, Frames, PROTOCOL, Refusal, Request, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Answer, Caller, Desk};
use crate::reactor::Inlet;

/// A client that says nothing at all for so long after connecting is dropped.
const HELLO_DEADLINE: Duration = Duration::from_secs(5);

/// A client that takes no bytes for so long is dropped.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// The connection is over; there is nobody to tell.
struct Over;

struct Connection {
    stream: UnixStream,
    frames: Frames,
    desk: Desk,
}

/// Serves one client until it or the daemon ends.
pub(super) async fn serve(stream: UnixStream, desk: Desk) {
    let mut connection = Connection { stream, frames: Frames::new(), desk };
    // Either side may end a connection at any time.
    connection.talk().await.ok();
}

impl Connection {
    async fn talk(&mut self) -> Result<(), Over> {
        let hello = Frame::Hello((*self.desk.hello).clone());
        self.send(&hello).await?;
        let first = timeout(HELLO_DEADLINE, self.receive()).await.map_err(|_| Over)??;
        match first {
            Frame::Hello(theirs) if theirs.protocol == PROTOCOL => {}
            Frame::Hello(theirs) => {
                let message = format!(
                    "this client (pm {}) speaks protocol {}, the daemon (pm {}) speaks {PROTOCOL}",
                    theirs.version, theirs.protocol, self.desk.hello.version
                );
                return self.refuse(0, Code::Version, message, "run `pm update`").await;
            }
            Frame::Call(..) | Frame::Reply(..) | Frame::Refused(..) | Frame::News(..) => {
                return self.refuse(0, Code::BadRequest, "say hello first".into(), "").await;
            }
        }
        loop {
            let mut closing = self.desk.closing.clone();
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
        let asked = Inlet::Called(Box::new(request), Caller(caller));
        self.desk.inlet.send(asked).await.map_err(|_| Over)?;
        let answer = tokio::select! { biased;
            answer = &mut answer => answer.map_err(|_| Over)?,
            // Whoever hangs up takes back nothing: the wish stands, only nobody waits any more.
            gone = hung_up(&mut self.stream, &mut self.frames) => return Err(gone),
        };
        match answer {
            Answer::Reply(raw) => self.send(&Frame::Reply(number, raw)).await,
            Answer::Refused(refusal) => self.send(&Frame::Refused(number, refusal)).await,
            Answer::Feed(raw, mut news) => {
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
                encode(&Frame::Refused(0, refusal)).map_err(|_| Over)?
            }
        };
        timeout(WRITE_DEADLINE, self.stream.write_all(&bytes))
            .await
            .map_err(|_| Over)?
            .map_err(|_| Over)
    }

    /// The next frame. What is no frame is refused, and ends the connection.
    async fn receive(&mut self) -> Result<Frame, Over> {
        loop {
            match self.frames.next_frame() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => read(&mut self.stream, &mut self.frames).await?,
                Err(error) => {
                    self.refuse(0, Code::BadRequest, error.to_string(), "").await?;
                    return Err(Over);
                }
            }
        }
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
