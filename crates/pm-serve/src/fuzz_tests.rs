//! Requests for files under hostile input.

use std::path::Component;
use std::time::{Duration, SystemTime};

use pm_fuzz::FuzzTarget;

use crate::login::Login;
use crate::ranges::{ConditionalHeaders, ResponsePart, Version};
use crate::url_path::{UrlPath, encoded};

#[test]
fn fuzz_url_paths() {
    let target =
        FuzzTarget::new("url_paths").sample("/a%20b/../%2e%2e/c/").sample("/.well-known/x");
    target.words("%2f %2e %00 .. ./ // %c3%a9 %ff").runs(4000).run(|bytes| {
        let Ok(found) = UrlPath::parse(&String::from_utf8_lossy(bytes)) else { return };
        let is_name = |part: Component<'_>| matches!(part, Component::Normal(_));
        assert!(found.path.components().all(is_name), "{found:?} leads elsewhere");
        let names: Vec<_> = found.path.iter().map(encoded).collect();
        let link = names.join("/");
        let again = UrlPath::parse(&link).unwrap();
        assert_eq!((again.path, again.is_hidden), (found.path, found.is_hidden));
    });
}

#[test]
fn fuzz_ranges() {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let version = Version::new(1000, Some(modified));
    let target = FuzzTarget::new("ranges")
        .sample("bytes=0-99,200-\n\"3e8-1797bf0a0bd20000\"\nTue, 14 Nov 2023 22:13:20 GMT")
        .sample("bytes=-5\n*\nW/\"x\", \"y\"");
    target.words("bytes= 0- -1 , W/ \" GMT Tue 18446744073709551616").runs(4000).run(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split('\n').map(Some);
        let mut next = || lines.next().flatten();
        let (range, if_none_match, if_modified_since, if_range) = (next(), next(), next(), next());
        let asked = ConditionalHeaders { if_none_match, if_modified_since, if_range, range };
        if let ResponsePart::Bytes(part) = version.part(asked) {
            assert!(part.start < part.end && part.end <= 1000, "{part:?}");
        }
    });
}

#[test]
fn fuzz_logins() {
    let login = Login::new("ann", "p:w");
    let good = "Basic YW5uOnA6dw==";
    assert!(login.admits(Some(good.as_bytes())));
    FuzzTarget::new("logins").sample(good).words("Basic YW5u Og==").run(|bytes| {
        let said = bytes.get(6..).unwrap_or_default().trim_ascii();
        assert!(!login.admits(Some(bytes)) || said == &good.as_bytes()[6..]);
    });
}
