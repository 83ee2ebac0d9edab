//! The checks each request has to pass, in their order. Each is a function of what was sent; whoever asks them is
//! `server.rs`. No check looks at `X-Forwarded-*`, for anybody can write these.

use std::net::Ipv4Addr;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode, Uri};

use crate::call::Denial;
use crate::roles::Role;
use crate::settings::PublicUrl;

/// The longest body (bytes).
pub(crate) const BODY: u64 = 1 << 20;

/// The path below the base under which everything of a hidden panel lies; `None`: there is nothing here, not even a refusal.
pub(crate) fn beneath<'a>(path: &'a str, public: Option<&PublicUrl>) -> Option<&'a str> {
    let base = public.map_or("", |public| public.base.as_str());
    path.strip_prefix(base).filter(|rest| rest.starts_with('/'))
}

/// The origin of this panel as the browser knows it, if the request is meant for it at all: under any other name it was
/// led here (DNS rebinding).
pub(crate) fn own_origin(
    uri: &Uri,
    headers: &HeaderMap,
    public: Option<&PublicUrl>,
) -> Result<String, Denial> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
        (Some(Ok(host)), None) => host.to_ascii_lowercase(),
        (_, _) => return Err(misdirected("", public)),
    };
    // The absolute form names the host a second time.
    let named = uri.authority().map(|named| named.as_str().to_ascii_lowercase());
    if named.is_some_and(|named| named != host) {
        return Err(misdirected(&host, public));
    }
    if let Some(public) = public {
        let bare = host.strip_suffix(":443").unwrap_or(&host);
        if bare == public.authority {
            return Ok(public.origin.clone());
        }
    }
    if is_loopback(&host) { Ok(format!("http://{host}")) } else { Err(misdirected(&host, public)) }
}

/// `localhost`, `127.0.0.1` and the like, `[::1]`, with or without a port: a tunnel may end on any.
fn is_loopback(host: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) | None => host,
    };
    let is_address = name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback());
    name == "localhost" || name == "[::1]" || is_address
}

fn misdirected(host: &str, public: Option<&PublicUrl>) -> Denial {
    let message = format!("this panel is not called {host}");
    let denial = Denial::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message);
    match public {
        Some(public) => denial.hint(format!("it is called {}", public.origin)),
        None => denial.hint("behind a proxy: pm web --listen unix:PATH --public-url https://NAME"),
    }
}

/// That what changes something comes from our own page or from no page, and is JSON.
pub(crate) fn own_page(method: &Method, headers: &HeaderMap, own: &str) -> Result<(), Denial> {
    if method == Method::GET || method == Method::HEAD {
        return Ok(());
    }
    let foreign = |what: &str| {
        Denial::new(
            StatusCode::FORBIDDEN,
            "foreign_page",
            format!("this was sent by another page ({what})"),
        )
    };
    for origin in headers.get_all(header::ORIGIN) {
        if origin.as_bytes() != own.as_bytes() {
            let hint = format!("the origin must be {own}; behind a proxy: pm web --public-url URL");
            return Err(foreign("origin").hint(hint));
        }
    }
    for site in headers.get_all("sec-fetch-site") {
        if !["same-origin", "none"].contains(&site.to_str().unwrap_or_default()) {
            return Err(foreign("site"));
        }
    }
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") || kinds.next().is_some() {
        let message = "the body must be application/json";
        return Err(Denial::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message));
    }
    Ok(())
}

/// That the body is no longer than it may be, by what its head says; what it turns out to be is seen in reading.
pub(crate) fn body_size(headers: &HeaderMap) -> Result<(), Denial> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > BODY) { Err(too_long()) } else { Ok(()) }
}

pub(crate) fn too_long() -> Denial {
    Denial::new(StatusCode::PAYLOAD_TOO_LARGE, "too_long", "a body may have 1 MiB")
}

/// The key: in `Authorization` and nowhere else. A cookie goes along with whatever another page sends, and to the apps on
/// other ports of this machine.
pub(crate) fn key(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let value = sent.next()?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let is_one = scheme.eq_ignore_ascii_case("bearer") && sent.next().is_none();
    is_one.then_some(key.trim())
}

pub(crate) fn no_key() -> Denial {
    Denial::new(
        StatusCode::UNAUTHORIZED,
        "sign_in",
        "sign in first: there is no key, or it is no longer good",
    )
    .hint("`pm web link` in a shell makes a link")
}

/// That this role is enough.
pub(crate) fn may(role: Role, wanted: Role) -> Result<(), Denial> {
    if role >= wanted {
        return Ok(());
    }
    let message = format!("{} may not do that: it takes {}", role.name(), wanted.name());
    Err(Denial::new(StatusCode::FORBIDDEN, "not_allowed", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_panel_is_found_by_who_knows_where() {
        let hidden: PublicUrl = "https://p/0123456789abcdef".parse().unwrap();
        for (path, found) in [
            ("/0123456789abcdef/", Some("/")),
            ("/0123456789abcdef/api/apps", Some("/api/apps")),
            ("/0123456789abcdef", None),
            ("/0123456789abcdeff/", None),
            ("/0123456789ABCDEF/", None),
            ("//0123456789abcdef/", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(beneath(path, Some(&hidden)), found, "{path}");
        }
        assert_eq!((beneath("/x", None), beneath("*", None)), (Some("/x"), None));
    }

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_our_own_names_lead_here() {
        let public: PublicUrl = "https://panel.example.org".parse().unwrap();
        for (host, is_ours, is_ours_outside) in [
            ("127.0.0.1:9616", true, true),
            ("LocalHost:8080", true, true),
            ("localhost", true, true),
            ("[::1]:9616", true, true),
            ("127.9.9.9", true, true),
            ("localhost.:9616", false, false),
            ("localhost.evil.org", false, false),
            ("evil.org:9616", false, false),
            ("127.0.0.1.evil.org", false, false),
            ("192.168.0.7:9616", false, false),
            ("0.0.0.0:9616", false, false),
            ("panel.example.org", false, true),
            ("Panel.Example.org:443", false, true),
            ("panel.example.org:80", false, false),
            ("panel.example.org.", false, false),
            ("", false, false),
            ("localhost:", false, false),
            ("a@localhost", false, false),
        ] {
            let headers = headers(&[("host", host)]);
            let uri = Uri::from_static("/");
            assert_eq!(own_origin(&uri, &headers, None).is_ok(), is_ours, "{host}");
            let outside = own_origin(&uri, &headers, Some(&public));
            assert_eq!(outside.is_ok(), is_ours_outside, "{host}");
        }
        let two = headers(&[("host", "localhost"), ("host", "evil.org")]);
        assert!(own_origin(&Uri::from_static("/"), &two, None).is_err());
        let one = headers(&[("host", "localhost")]);
        assert!(own_origin(&Uri::from_static("http://evil.org/"), &one, None).is_err());
        assert!(own_origin(&Uri::from_static("http://localhost/"), &one, None).is_ok());
    }

    #[test]
    fn keys_are_bearers() {
        assert_eq!(key(&headers(&[("authorization", "Bearer abc")])), Some("abc"));
        assert_eq!(key(&headers(&[("authorization", "bearer  abc ")])), Some("abc"));
        assert_eq!(key(&headers(&[("authorization", "Basic abc")])), None);
        assert_eq!(key(&headers(&[("cookie", "key=abc")])), None);
        let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!(key(&two), None);
    }
}
