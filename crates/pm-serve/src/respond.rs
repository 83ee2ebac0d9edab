//! A request to an answer: who may, what there is, which part of it.

use std::io::{ErrorKind, SeekFrom};
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::AsyncSeekExt;

use crate::body::ResponseBody;
use crate::lookup::{Page, Resolved, find};
use crate::media_types::media_type;
use crate::ranges::{ConditionalHeaders, ResponsePart, Version};
use crate::site::Site;
use crate::url_path::{UrlPath, UrlPathError};

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a request; what goes wrong is an answer, too.
pub(crate) async fn respond(site: Arc<Site>, request: Request<Incoming>) -> Response<ResponseBody> {
    let mut response = admitted(&site, &request).await;
    let headers = response.headers_mut();
    // As PM2: any page may fetch these files. What is behind a password stays there, for no browser sends one to `*`.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if request.method() == Method::HEAD {
        *response.body_mut() = ResponseBody::nothing();
    }
    response
}

async fn admitted(site: &Arc<Site>, request: &Request<Incoming>) -> Response<ResponseBody> {
    let credentials = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if site.login.as_ref().is_some_and(|login| !login.admits(credentials)) {
        let response = say(StatusCode::UNAUTHORIZED);
        return with(
            response,
            header::WWW_AUTHENTICATE,
            "Basic realm=\"pm serve\", charset=\"UTF-8\"",
        );
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return with(say(StatusCode::METHOD_NOT_ALLOWED), header::ALLOW, "GET, HEAD");
    }
    let wanted = match UrlPath::parse(request.uri().path()) {
        Ok(wanted) => wanted,
        Err(UrlPathError::Outside) => return say(StatusCode::FORBIDDEN),
        Err(UrlPathError::Nonsense) => return say(StatusCode::BAD_REQUEST),
    };
    let shared = Arc::clone(site);
    let found = tokio::task::spawn_blocking(move || find(&shared, &wanted)).await;
    match found {
        Ok(Resolved::Page(page)) => part(page, request.headers()).await,
        Ok(Resolved::Instead(page)) => whole(page, StatusCode::NOT_FOUND),
        Ok(Resolved::List(html)) => {
            let response = Response::new(ResponseBody::of(html));
            with(typed(response, HTML), header::CACHE_CONTROL, "no-cache")
        }
        Ok(Resolved::Folder(to)) => {
            let to = match request.uri().query() {
                Some(query) => format!("{to}?{query}"),
                None => to,
            };
            with(say(StatusCode::MOVED_PERMANENTLY), header::LOCATION, &to)
        }
        Ok(Resolved::Missing) => say(StatusCode::NOT_FOUND),
        Ok(Resolved::Forbidden) => say(StatusCode::FORBIDDEN),
        Ok(Resolved::Broken(error)) => because(StatusCode::INTERNAL_SERVER_ERROR, error.kind()),
        // A panic of ours: told where panics are told.
        Err(_) => say(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The part of a file that is asked for.
async fn part(page: Page, asked: &HeaderMap) -> Response<ResponseBody> {
    let version = Version::new(page.size, page.changed);
    let text = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let asked = ConditionalHeaders {
        if_none_match: text(header::IF_NONE_MATCH),
        if_modified_since: text(header::IF_MODIFIED_SINCE),
        if_range: text(header::IF_RANGE),
        range: text(header::RANGE),
    };
    let response = match version.part(asked) {
        ResponsePart::Whole => whole(page, StatusCode::OK),
        ResponsePart::Unchanged => {
            let mut response = Response::new(ResponseBody::nothing());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        ResponsePart::NoSuchBytes => {
            let all = format!("bytes */{}", version.size);
            with(say(StatusCode::RANGE_NOT_SATISFIABLE), header::CONTENT_RANGE, &all)
        }
        ResponsePart::Bytes(bytes) => {
            let kind = media_type(&page.name);
            let mut file = tokio::fs::File::from_std(page.file);
            if file.seek(SeekFrom::Start(bytes.start)).await.is_err() {
                return say(StatusCode::INTERNAL_SERVER_ERROR);
            }
            let count = bytes.end - bytes.start;
            let shown = format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, version.size);
            let mut response = sized(ResponseBody::file(file, count), count);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            with(typed(response, &kind), header::CONTENT_RANGE, &shown)
        }
    };
    let response = with(response, header::ACCEPT_RANGES, "bytes");
    let response = with(response, header::ETAG, &version.tag);
    match version.changed {
        Some(time) => with(response, header::LAST_MODIFIED, &httpdate::fmt_http_date(time)),
        None => response,
    }
}

fn whole(page: Page, status: StatusCode) -> Response<ResponseBody> {
    let kind = media_type(&page.name);
    let file = tokio::fs::File::from_std(page.file);
    let mut response = sized(ResponseBody::file(file, page.size), page.size);
    *response.status_mut() = status;
    typed(response, &kind)
}

/// A body and its length: an answer to HEAD has the one without the other.
fn sized(content: ResponseBody, count: u64) -> Response<ResponseBody> {
    let mut response = Response::new(content);
    response.headers_mut().insert(header::CONTENT_LENGTH, count.into());
    response
}

/// A status with its own words for a body: `404 Not Resolved`.
fn say(status: StatusCode) -> Response<ResponseBody> {
    words(status, format!("{status}\n"))
}

/// A status and what is behind it, without a path: who asks need not know where things lie.
fn because(status: StatusCode, kind: ErrorKind) -> Response<ResponseBody> {
    words(status, format!("{status}: {kind}\n"))
}

fn words(status: StatusCode, text: String) -> Response<ResponseBody> {
    let count = u64::try_from(text.len()).unwrap_or(0);
    let mut response = sized(ResponseBody::of(text), count);
    *response.status_mut() = status;
    typed(response, TEXT)
}

fn typed(response: Response<ResponseBody>, kind: &str) -> Response<ResponseBody> {
    with(response, header::CONTENT_TYPE, kind)
}

/// With a header; a value that can't be one is left out.
fn with(
    mut response: Response<ResponseBody>,
    name: HeaderName,
    value: &str,
) -> Response<ResponseBody> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
