//! Requests to the panel, and its files, under hostile input.

use std::fs;
use std::hint::black_box;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use pm_fuzz::FuzzTarget;
use pm_http::ClientAddress;

use crate::app_pattern::AppPattern;
use crate::forwarded::origin_address;
use crate::page_cursor::PageCursor;
use crate::ring::{HistoryTier, RingFile};
use crate::routes::{RouteMatch, find};
use crate::settings::{ListenAt, PublicUrl};
use crate::step::{StepSum, UsageSample};
use crate::{gate, path};

/// A head as a parser of HTTP gives it: a line with method and address, then headers.
fn head(bytes: &[u8]) -> Option<(Method, Uri, HeaderMap)> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(first.next()?).ok()?;
    let uri = Uri::try_from(first.next()?).ok()?;
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(header) {
        headers.try_append(name, value).ok()?;
    }
    Some((method, uri, headers))
}

#[test]
fn fuzz_panel_requests() {
    let public: PublicUrl = "https://panel.example/hidden-panel-0123".parse().unwrap();
    let target = FuzzTarget::new("panel_requests")
        .sample("GET /api/apps/a%20b/why?x=1&y=%ff HTTP/1.1\nHost: localhost:9615\nAuthorization: Bearer key\nLast-Event-ID: 7")
        .sample("POST http://panel.example/hidden-panel-0123/api/session\nhost: panel.example:443\norigin: https://panel.example\nsec-fetch-site: same-origin\ncontent-type: application/json\ncontent-length: 99\nx-forwarded-for: 1.1.1.1, 2.2.2.2")
        .words("Host: Origin: Sec-Fetch-Site: Content-Length: Authorization: Bearer localhost [::1] 127.0.0.1 same-origin /api/ /d/ %2f .. ? &");
    target.runs(3000).run(|bytes| {
        let Some((method, uri, headers)) = head(bytes) else { return };
        for public in [None, Some(&public)] {
            let Some(below) = gate::beneath(uri.path(), public) else { continue };
            assert!(below.starts_with('/'));
            let Ok(own) = gate::own_origin(&uri, &headers, public) else { continue };
            let host = own.split_once("://").unwrap().1;
            let is_ours = public.is_some() && host == "panel.example";
            assert!(
                is_ours
                    || host.starts_with("localhost")
                    || host.starts_with("127.")
                    || host.starts_with("[::1]"),
                "{own}"
            );
            black_box(gate::own_page(&method, &headers, &own).is_ok());
            if let RouteMatch::Route(_, args) = find(method.as_str(), below) {
                assert!(args.iter().all(|arg| !arg.is_empty() && !arg.contains('/')));
            }
        }
        black_box((
            gate::body_size(&headers).is_ok(),
            gate::key(&headers),
            path::query(uri.query()),
        ));
        drop(origin_address(ClientAddress::Unix(None), &headers));
    });
}

#[test]
fn fuzz_panel_words() {
    let target = FuzzTarget::new("panel_words").sample("1700000000000~3o.1f-a3-9~3e.1-2-3");
    target
        .sample("ns:shop,web-*")
        .sample("[::1]:9615")
        .sample("unix:/run/x")
        .sample("https://a.example:8443/base-0123456789")
        .run(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(cursor) = text.parse::<PageCursor>() {
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
            let pattern = AppPattern::from(text.to_string());
            assert_eq!(AppPattern::from(String::from(pattern.clone())), pattern);
            black_box(pattern.admits("shop", "web-1"));
            if let Ok(place) = text.parse::<ListenAt>() {
                assert_eq!(
                    place.to_string().parse::<ListenAt>().unwrap().to_string(),
                    place.to_string()
                );
            }
            text.parse::<PublicUrl>().is_ok()
        });
}

#[test]
fn fuzz_rings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.0");
    let seen = |step, cpu| (step, StepSum::of(UsageSample { cpu, memory: 9, processes: 1 }));
    let (mut ring, _) = RingFile::to_write(&path).unwrap();
    ring.write(&[seen(50_000_000, 7), seen(50_000_500, 8)]).unwrap();
    let whole = fs::read(&path).unwrap();
    // What is varied: the header, and what the places hold, again and again.
    let target =
        FuzzTarget::new("rings").sample(&whole[..64]).sample([&whole[..24], &[0xff; 200]].concat());
    target.runs(60).memory(64, 4 << 20).run(|bytes| {
        let mut file: Vec<u8> = bytes
            .iter()
            .copied()
            .cycle()
            .take(if bytes.is_empty() { 0 } else { whole.len() })
            .collect();
        let head = bytes.len().min(64).min(file.len());
        file.get_mut(head..64).into_iter().for_each(|rest| rest.fill(0));
        file[..head].copy_from_slice(&bytes[..head]);
        fs::write(&path, &file).unwrap();
        if let Some(ring) = RingFile::open(&path).unwrap() {
            for tier in HistoryTier::ALL {
                for time in [0..u64::MAX, 49_999_999..50_000_600, u64::MAX - 1..u64::MAX] {
                    let places = ring.known(tier, time);
                    black_box(ring.read(tier, places).unwrap());
                }
            }
        }
        let (mut ring, _) = RingFile::to_write(&path).unwrap();
        ring.write(&[seen(50_001_000, 9)]).unwrap();
        let again = RingFile::open(&path).unwrap().unwrap();
        let places = again.known(HistoryTier::Fine, 50_001_000..50_001_001);
        assert_eq!(again.read(HistoryTier::Fine, places).unwrap().last().unwrap().cpu.max, 9);
    });
}
