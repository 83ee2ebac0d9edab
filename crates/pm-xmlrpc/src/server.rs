//! The server: POST at `/RPC2`, logs that are followed, and nothing else.

use std::future::poll_fn;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, ORIGIN, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use pm_http::{Deadlines, Doorway};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::answer::written;
use crate::call::RpcCall;
use crate::following::{RpcBody, follow};
use crate::login::RpcLogin;
use crate::place::{RpcPlace, RpcSocket};
use crate::value::{RpcFault, RpcValue};

const DEADLINES: Deadlines = Deadlines {
    most: 200,
    head: Duration::from_secs(30),
    head_size: 16 << 10,
    stalled: Duration::from_mins(1),
    farewell: Duration::from_secs(1),
};
/// Calls are short; what is written to a program's standard input is the longest of them (bytes).
const LONGEST: usize = 4 << 20;
/// A call has to be there so soon.
const BODY: Duration = Duration::from_secs(30);
/// So many calls may wait at once for programs to start or stop; others wait for them.
const WAITING: usize = 32;

/// What is behind the server.
pub trait RpcFace: Send + Sync + 'static {
    /// Answers a call; may wait.
    fn call(&self, call: RpcCall) -> Result<RpcValue, RpcFault>;

    /// The log a path such as `/logtail/NAME/stderr` means.
    fn log(&self, path: &str) -> Option<PathBuf>;
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// A place is taken, or not for us.
    #[error("listen on {place}")]
    Listen {
        /// Which.
        place: RpcSocket,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no runtime for us.
    #[error("prepare for serving")]
    Runtime(#[source] io::Error),
}

/// Serves until SIGINT or SIGTERM; `listening` is called as soon as clients can come to all places.
pub fn run<F: RpcFace>(
    face: F,
    places: Vec<RpcPlace>,
    listening: impl FnOnce(),
) -> Result<(), RpcError> {
    pm_http::block_on(WAITING, serve(Arc::new(face), places, listening))
        .map_err(RpcError::Runtime)?
}

async fn serve<F: RpcFace>(
    face: Arc<F>,
    places: Vec<RpcPlace>,
    listening: impl FnOnce(),
) -> Result<(), RpcError> {
    let mut doorways = Vec::new();
    for RpcPlace { socket, mode, login } in places {
        let bound = match &socket {
            RpcSocket::Tcp(host, port) if host.is_empty() => Doorway::tcp("0.0.0.0", *port).await,
            RpcSocket::Tcp(host, port) => Doorway::tcp(host.trim_matches(['[', ']']), *port).await,
            RpcSocket::Unix(path) => Doorway::unix(path, mode).await,
        };
        let doorway = bound.map_err(|source| RpcError::Listen { place: socket, source })?;
        doorways.push((doorway, Arc::new(login)));
    }
    let mut serving = JoinSet::new();
    for (doorway, login) in doorways {
        let face = Arc::clone(&face);
        let answer = move |request, _, leaving| {
            respond(Arc::clone(&face), Arc::clone(&login), request, leaving)
        };
        drop(serving.spawn(pm_http::serve(doorway, DEADLINES, answer, || {})));
    }
    listening();
    while let Some(done) = serving.join_next().await {
        done.unwrap_or(Ok(())).map_err(RpcError::Runtime)?;
    }
    Ok(())
}

async fn respond<F: RpcFace>(
    face: Arc<F>,
    login: Arc<Option<RpcLogin>>,
    request: Request<Incoming>,
    leaving: watch::Receiver<()>,
) -> Response<RpcBody> {
    let header = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    if login.as_ref().as_ref().is_some_and(|login| !login.admits(header)) {
        let mut refused = said(StatusCode::UNAUTHORIZED, "text/plain", "who are you?\n");
        let basic = HeaderValue::from_static("Basic realm=\"default\"");
        refused.headers_mut().insert(WWW_AUTHENTICATE, basic);
        return refused;
    }
    // Pages of the web send it with each call; no client of Supervisor does.
    if request.headers().contains_key(ORIGIN) {
        return said(StatusCode::FORBIDDEN, "text/plain", "not from a page of the web\n");
    }
    let path = request.uri().path();
    if path.starts_with("/RPC2") {
        if request.method() != Method::POST {
            return said(StatusCode::BAD_REQUEST, "text/plain", "calls are sent by POST\n");
        }
        return answered(face, request.into_body()).await;
    }
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let found = spawn_blocking(move || face.log(&path)).await.ok().flatten();
    match found.and_then(|path| follow(path, leaving)) {
        Some(body) => {
            let mut response = Response::new(body);
            let plain = HeaderValue::from_static("text/plain;charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, plain);
            response
        }
        None => said(StatusCode::NOT_FOUND, "text/plain", "calls go to /RPC2\n"),
    }
}

async fn answered<F: RpcFace>(face: Arc<F>, body: Incoming) -> Response<RpcBody> {
    let bytes = match timeout(BODY, read(body)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(status)) => return said(status, "text/plain", "the call did not come whole\n"),
        Err(_) => return said(StatusCode::REQUEST_TIMEOUT, "text/plain", "no call came\n"),
    };
    let call = std::str::from_utf8(&bytes).ok().and_then(RpcCall::parse);
    let Some(call) = call else {
        return said(StatusCode::BAD_REQUEST, "text/plain", "this is no call of XML-RPC\n");
    };
    match spawn_blocking(move || face.call(call)).await {
        Ok(answer) => said(StatusCode::OK, "text/xml", written(&answer)),
        Err(_) => said(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "a fault of pm\n"),
    }
}

fn said(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Response<RpcBody> {
    let mut response = Response::new(RpcBody::Bytes(Some(text.into().into())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, StatusCode> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(more) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() {
            bytes.extend_from_slice(&more);
        }
        if bytes.len() > LONGEST {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
    }
    Ok(bytes)
}
