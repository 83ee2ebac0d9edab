//! The body of an answer: bytes, or events until one side leaves.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::Receiver;

/// What is sent.
pub(crate) enum PanelBody {
    Whole(Option<Bytes>),
    Events(EventStream),
}

/// Events as they come.
pub(crate) struct EventStream {
    pub(crate) events: Receiver<Bytes>,
    /// Done when we leave, or the session ends.
    pub(crate) end: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// One of the session's streams.
    pub(crate) permit: OwnedSemaphorePermit,
}

impl PanelBody {
    /// These bytes.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()))
    }
}

impl fmt::Debug for PanelBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => bytes.fmt(f),
            Self::Events(stream) => stream.permit.fmt(f),
        }
    }
}

impl Body for PanelBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events(stream) => {
                if stream.end.as_mut().poll(cx).is_ready() {
                    *self = Self::Whole(None);
                    return Poll::Ready(None);
                }
                stream.events.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(0))
            }
            Self::Events(_) => SizeHint::default(),
        }
    }
}
