//! The page itself: files that hold nothing of anybody, compressed when this was built.

use std::io::Read;

use flate2::read::GzDecoder;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset {
    pub(crate) media_type: &'static str,
    gz: &'static [u8],
    /// Whether its name changes with its bytes.
    pub(crate) is_immutable: bool,
}

impl Asset {
    /// What lies at this path of the URL.
    pub(crate) fn at(path: &str) -> Option<Self> {
        if path == "/" {
            return Self::named("index.html", false);
        }
        let (set, name) = path.strip_prefix("/assets/")?.split_once('/')?;
        Self::named(name, true).filter(|_| set == SET)
    }

    fn named(name: &str, is_immutable: bool) -> Option<Self> {
        let (_, gz) = FILES.iter().find(|(known, _)| *known == name)?;
        Some(Self { media_type: media_type(name), gz, is_immutable })
    }

    /// Its bytes, compressed or not.
    pub(crate) fn bytes(self, is_gz_welcome: bool) -> Vec<u8> {
        if is_gz_welcome {
            return self.gz.to_vec();
        }
        let mut bytes = Vec::new();
        // We packed it ourselves.
        GzDecoder::new(self.gz).read_to_end(&mut bytes).ok();
        bytes
    }
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_names_its_files_by_their_set() {
        let shell = Asset::at("/").unwrap();
        let html = String::from_utf8(shell.bytes(false)).unwrap();
        let names = html.split("\"./assets/").skip(1).filter_map(|rest| rest.split('"').next());
        let names: Vec<_> = names.collect();
        assert!(!names.is_empty(), "{html}");
        for name in names {
            let asset = Asset::at(&format!("/assets/{name}"));
            assert!(asset.is_some_and(|asset| asset.is_immutable), "{name} is not there");
        }
        assert!(Asset::at("/assets/0/app.js").is_none(), "another set is not this one");
    }
}
