//! A folder as a page. Names come from anybody, so each is escaped twice: for its link and for HTML. Pure.

use std::ffi::OsString;
use std::time::SystemTime;

use crate::url_path::encoded;

/// One file or folder.
#[derive(Debug)]
pub(crate) struct ListedFile {
    pub(crate) name: OsString,
    /// Bytes; `None` for a folder.
    pub(crate) size: Option<u64>,
    pub(crate) changed: Option<SystemTime>,
}

const HEAD: &str = include_str!("listing.html");

/// The page of the folder at `url`, folders first.
pub(crate) fn page(url: &str, mut lines: Vec<ListedFile>) -> String {
    lines.sort_by(|a, b| (a.size.is_some(), &a.name).cmp(&(b.size.is_some(), &b.name)));
    let decoded = percent_encoding::percent_decode_str(url).decode_utf8_lossy();
    let title = format!("Index of {}", escaped(&decoded));
    let mut html =
        format!("{HEAD}<title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>\n<table>\n");
    html += "<tr><th>Name</th><th>Size</th><th>Changed (UTC)</th></tr>\n";
    if url != "/" {
        html += "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n";
    }
    for line in &lines {
        html += &row(line);
    }
    html + "</table>\n</body>\n</html>\n"
}

fn row(line: &ListedFile) -> String {
    let slash = if line.size.is_none() { "/" } else { "" };
    let name = escaped(&line.name.to_string_lossy());
    let size = line.size.map(size).unwrap_or_default();
    let changed = line.changed.map(moment).unwrap_or_default();
    // `./` keeps a name with a colon from being read as a scheme.
    let href = encoded(&line.name);
    format!(
        "<tr><td><a href=\"./{href}{slash}\">{name}{slash}</a></td><td>{size}</td><td>{changed}</td></tr>\n"
    )
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Bytes for people: `12.3 KiB`.
fn size(bytes: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match UNITS.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

/// As HTTP writes them.
const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// `2026-11-22 19:30:05` in UTC, by way of `Sun, 22 Nov 2026 19:30:05 GMT`, so that there is one calendar only.
fn moment(time: SystemTime) -> String {
    let text = httpdate::fmt_http_date(time);
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, time, _] = words.as_slice() else { return text };
    let month = MONTHS.find(month).map_or(0, |at| at / 3 + 1);
    format!("{year}-{month:02}-{day} {time}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn hostile_names_are_only_names() {
        let line = |name: &str, size| ListedFile { name: name.into(), size, changed: None };
        let html = page(
            "/a%3Cb/",
            vec![line("<script>alert(1)</script>", Some(1)), line("javascript:x", None)],
        );
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("href=\"./javascript%3Ax/\""), "{html}");
        assert!(html.contains("Index of /a&lt;b/"), "{html}");
        assert!(
            html.find("javascript").unwrap() < html.find("script&gt;").unwrap(),
            "folders first"
        );
    }

    #[test]
    fn sizes_and_times_are_for_people() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_600_000, "1.5 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(moment(at), "2023-11-14 22:13:20");
    }
}
