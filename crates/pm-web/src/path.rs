//! Paths and queries of URLs. Pure.

use percent_encoding::percent_decode_str;

/// What stands in `path` where `route` has `{}`; `None` if they differ. A part that is no text, or holds a slash, a NUL or
/// another control character once decoded, is nobody's name.
pub(crate) fn args(route: &str, path: &str) -> Option<Vec<String>> {
    let mut args = Vec::new();
    let (mut wanted, mut found) = (route.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(args),
            (Some("{}"), Some(part)) => {
                let part = percent_decode_str(part).decode_utf8().ok()?;
                if part.is_empty() || part.contains(|c: char| c == '/' || c.is_control()) {
                    return None;
                }
                args.push(part.into_owned());
            }
            (Some(wanted), Some(found)) if wanted == found => {}
            (_, _) => return None,
        }
    }
}

/// Names and values, in order; what is no UTF-8 becomes the sign for that.
pub(crate) fn query(text: Option<&str>) -> Vec<(String, String)> {
    let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let decoded = |part: &str| {
        let part = part.replace('+', " ");
        percent_decode_str(&part).decode_utf8_lossy().into_owned()
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    pairs.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_stand_for_names() {
        let route = "/api/apps/{}/why";
        for (path, found) in [
            ("/api/apps/7/why", Some("7")),
            ("/api/apps/a%20b/why", Some("a b")),
            ("/api/apps/%E8%AE%A2/why", Some("订")),
            ("/api/apps/../why", Some("..")),
            ("/api/apps//why", None),
            ("/api/apps/a%2fb/why", None),
            ("/api/apps/a%00/why", None),
            ("/api/apps/%ff/why", None),
            ("/api/apps/7/why/", None),
            ("/api/apps/7", None),
        ] {
            let args = args(route, path).map(|args| args.join(" "));
            assert_eq!(args.as_deref(), found, "{path}");
        }
    }

    #[test]
    fn queries_are_decoded() {
        let pairs = query(Some("a=1&b=x+y%26z&&c"));
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("b", "x y&z"), ("c", "")]);
    }
}
