//! The path of a URL to a path below the folder. Pure: no file is looked at.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is in a link we write: the unreserved characters of RFC 3986.
const IN_LINKS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The folder whose name begins with a dot and that is meant for everybody (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// Something below the folder that may or may not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlPath {
    /// Relative, without `.` and `..`; empty for the folder itself.
    pub(crate) path: PathBuf,
    /// Whether it was asked for with a slash at its end.
    pub(crate) has_slash: bool,
    /// Whether a name in it begins with a dot.
    pub(crate) is_hidden: bool,
}

/// Why a path means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlPathError {
    /// It leads out of the folder.
    Outside,
    /// No file can have such a name.
    Nonsense,
}

impl UrlPath {
    /// Reads the path of a URL: percent signs are decoded first, so that no dot can hide.
    pub(crate) fn parse(path: &str) -> Result<Self, UrlPathError> {
        let bytes: Vec<u8> = percent_decode_str(path).collect();
        if bytes.contains(&0) {
            return Err(UrlPathError::Nonsense);
        }
        let mut names: Vec<&[u8]> = Vec::new();
        for name in bytes.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => {}
                b".." => drop(names.pop().ok_or(UrlPathError::Outside)?),
                name => names.push(name),
            }
        }
        let is_hidden = names.iter().any(|name| name.starts_with(b".") && *name != WELL_KNOWN);
        let has_slash = bytes.ends_with(b"/");
        let path = names.iter().map(|name| OsStr::from_bytes(name)).collect();
        Ok(Self { path, has_slash, is_hidden })
    }

    /// Where it lies on this site, as a folder: `/a%20b/`.
    pub(crate) fn as_folder(&self) -> String {
        let names = self.path.iter().map(|name| encoded(name) + "/");
        std::iter::once("/".into()).chain(names).collect()
    }

    /// The same name directly below the folder, if it has a name.
    pub(crate) fn base(&self) -> Option<&Path> {
        let name = self.path.file_name().map(Path::new)?;
        (name != self.path).then_some(name)
    }
}

/// A name as it stands in a link.
pub(crate) fn encoded(name: &OsStr) -> String {
    match name.to_str() {
        Some(text) => utf8_percent_encode(text, IN_LINKS).to_string(),
        None => percent_encoding::percent_encode(name.as_bytes(), IN_LINKS).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(url: &str) -> Result<String, UrlPathError> {
        UrlPath::parse(url).map(|wanted| wanted.path.to_str().unwrap().to_owned())
    }

    #[test]
    fn paths_are_decoded_and_stay_inside() {
        for (url, found) in [
            ("/", Ok("")),
            ("", Ok("")),
            ("/a/b.html", Ok("a/b.html")),
            ("//a//./b/", Ok("a/b")),
            ("/a/../b", Ok("b")),
            ("/a%20b/%C3%A4", Ok("a b/ä")),
            ("/%2e/a%2fb", Ok("a/b")),
            ("/..", Err(UrlPathError::Outside)),
            ("/a/../../b", Err(UrlPathError::Outside)),
            ("/%2e%2e/etc/passwd", Err(UrlPathError::Outside)),
            ("/..%2f..%2fetc/passwd", Err(UrlPathError::Outside)),
            ("/a/%2E./..%2f", Err(UrlPathError::Outside)),
            ("/a%00b", Err(UrlPathError::Nonsense)),
            ("/100%", Ok("100%")),
            ("/%zz", Ok("%zz")),
        ] {
            assert_eq!(path(url).as_deref().map_err(|astray| *astray), found, "{url}");
        }
    }

    #[test]
    fn dots_hide_but_for_well_known() {
        for (url, hidden) in [
            ("/.env", true),
            ("/a/.git/config", true),
            ("/%2egit/config", true),
            ("/.well-known/acme-challenge/x", false),
            ("/a.b/c", false),
            ("/.a/../b", false),
        ] {
            assert_eq!(UrlPath::parse(url).unwrap().is_hidden, hidden, "{url}");
        }
    }

    proptest! {
        #[test]
        fn nothing_leads_out(url in "(/|\\.|%2e|%2F|a|%00|\\\\|%25){0,12}") {
            if let Ok(wanted) = UrlPath::parse(&url) {
                prop_assert!(wanted.path.is_relative());
                let plain =
                    |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(wanted.path.components().all(plain), "{:?}", wanted);
            }
        }

        #[test]
        fn a_written_link_leads_back(name in "[^/\0]{1,12}") {
            prop_assume!(name != "." && name != "..");
            let link = format!("/{}", encoded(OsStr::new(&name)));
            prop_assert!(link.is_ascii());
            prop_assert_eq!(path(&link).unwrap(), name);
        }
    }
}
