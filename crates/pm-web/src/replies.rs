//! Answers as HTTP has them, with what each of them says to browsers.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};

use crate::assets::Asset;
use crate::body::{EventStream, PanelBody};
use crate::call::{Denial, WebAnswer};

/// What every answer says to browsers: run nothing but our own files, show nothing of ours to others.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types lit-html",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// With what holds for all of them.
pub(crate) fn confine(response: &mut Response<PanelBody>) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The page's own files, which hold nothing of anybody.
pub(crate) fn page(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Option<Response<PanelBody>> {
    let is_alive = path == "/healthz";
    let asset = Asset::at(path);
    if asset.is_none() && !is_alive {
        return None;
    }
    if method != Method::GET && method != Method::HEAD {
        return Some(other_method("GET, HEAD"));
    }
    let Some(asset) = asset else {
        return Some(typed(Response::new(PanelBody::of("ok\n")), "text/plain; charset=utf-8"));
    };
    let encodings = headers.get_all(header::ACCEPT_ENCODING).iter();
    let is_gz = encodings.filter_map(|it| it.to_str().ok()).any(|it| it.contains("gzip"));
    let mut response = typed(Response::new(PanelBody::of(asset.bytes(is_gz))), asset.media_type);
    let headers = response.headers_mut();
    if is_gz {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let kept = if asset.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    Some(response)
}

/// An answer that says nothing, not even who gives it.
pub(crate) fn absent() -> Response<PanelBody> {
    let mut response = Response::new(PanelBody::Whole(None));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

pub(crate) fn nothing() -> Denial {
    Denial::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
}

pub(crate) fn other_method(methods: &str) -> Response<PanelBody> {
    let message = format!("only {methods} can be asked here");
    let mut response = denied(&Denial::new(StatusCode::METHOD_NOT_ALLOWED, "method", message));
    if let Ok(value) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

pub(crate) fn denied(denial: &Denial) -> Response<PanelBody> {
    let mut response = match denial.answer() {
        WebAnswer::Json(status, bytes) => json(status, bytes),
        WebAnswer::Text(..) | WebAnswer::Events(_) => Response::new(PanelBody::Whole(None)),
    };
    if denial.status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

pub(crate) fn json(status: StatusCode, bytes: Vec<u8>) -> Response<PanelBody> {
    let mut response = typed(Response::new(PanelBody::of(bytes)), "application/json");
    *response.status_mut() = status;
    response
}

pub(crate) fn event_stream(stream: EventStream) -> Response<PanelBody> {
    let mut response = typed(Response::new(PanelBody::Events(stream)), "text/event-stream");
    // nginx would collect events until it has a page of them.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

pub(crate) fn typed(mut response: Response<PanelBody>, kind: &'static str) -> Response<PanelBody> {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
