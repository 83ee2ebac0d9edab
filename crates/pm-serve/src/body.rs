//! The body of an answer: nothing, some bytes, or a part of a file, read as the client takes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

/// So much is read at once.
const CHUNK: u64 = 128 << 10;

/// A body whose length is known.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    source: BodySource,
    /// Bytes still to be sent.
    left: u64,
}

#[derive(Debug)]
enum BodySource {
    Bytes(Bytes),
    File { file: File, chunk: Vec<u8> },
}

impl ResponseBody {
    /// No bytes.
    pub(crate) fn nothing() -> Self {
        Self::of(Bytes::new())
    }

    /// These bytes.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { left: u64::try_from(bytes.len()).unwrap_or(0), source: BodySource::Bytes(bytes) }
    }

    /// So many bytes of a file, from where it stands.
    pub(crate) fn file(file: File, count: u64) -> Self {
        Self { source: BodySource::File { file, chunk: Vec::new() }, left: count }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let bytes = match &mut this.source {
            BodySource::Bytes(bytes) => std::mem::take(bytes),
            BodySource::File { file, chunk } => {
                let size = usize::try_from(this.left.min(CHUNK)).unwrap_or(usize::MAX);
                chunk.resize(size, 0);
                let mut buffer = ReadBuf::new(chunk);
                if let Err(error) = ready!(Pin::new(file).poll_read(cx, &mut buffer)) {
                    return Poll::Ready(Some(Err(error)));
                }
                let count = buffer.filled().len();
                chunk.truncate(count);
                Bytes::from(std::mem::take(chunk))
            }
        };
        if bytes.is_empty() {
            // The file became shorter: the length we promised can't be kept, so the connection has to go.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        this.left = this.left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
