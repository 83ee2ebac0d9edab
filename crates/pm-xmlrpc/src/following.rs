//! A log as an answer without end (`/logtail/NAME`): its last bytes, then what comes, over rotation.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::{mpsc, watch};

/// So many bytes of what is there already.
const BEFORE: u64 = 1024;
/// Between two looks whether there is more.
const LOOK: Duration = Duration::from_millis(200);
/// At most so much at once.
const CHUNK: u64 = 64 << 10;

/// The body of an answer: some bytes, or what comes.
#[derive(Debug)]
pub(crate) enum RpcBody {
    Bytes(Option<Bytes>),
    Following(mpsc::Receiver<Bytes>),
}

impl Body for RpcBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Following(coming) => {
                coming.poll_recv(cx).map(|more| more.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Bytes(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(0))
            }
            Self::Following(_) => SizeHint::default(),
        }
    }
}

/// Follows a file, if it is there, until the reader leaves or we do.
pub(crate) fn follow(path: PathBuf, mut leaving: watch::Receiver<()>) -> Option<RpcBody> {
    let mut file = File::open(&path).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(BEFORE))).ok()?;
    let (more, coming) = mpsc::channel(2);
    drop(tokio::spawn(async move {
        // A file that can't be read any more ends it.
        while let Ok(bytes) = next(&path, &mut file) {
            let is_heard = if bytes.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => true,
                    () = more.closed() => false,
                    _ = leaving.changed() => false,
                }
            } else {
                tokio::select! {
                    sent = more.send(bytes.into()) => sent.is_ok(),
                    _ = leaving.changed() => false,
                }
            };
            if !is_heard {
                break;
            }
        }
    }));
    Some(RpcBody::Following(coming))
}

fn next(path: &PathBuf, file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.by_ref().take(CHUNK).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        let (own, at) = (file.metadata()?, file.stream_position()?);
        match path.metadata() {
            Ok(meta) if meta.ino() != own.ino() => *file = File::open(path)?,
            Ok(_) if own.len() < at => drop(file.seek(SeekFrom::Start(0))?),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(bytes)
}
