//! Which versions of Node run apps, for those who look. Node says its version in a header that is installed beside it; a
//! Node without one is asked.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pm_config::path_of;
use pm_pm2::Nodes;
use pm_protocol::Descriptions;
use pm_spec::ByteString;

use crate::commands::support::{bounded, regular};

/// Node needs 40 ms to say its version; what needs longer is something else.
const PATIENCE: Duration = Duration::from_secs(2);

/// No header is longer.
const LONGEST: u64 = 64 << 10;

/// The version of each Node among the interpreters.
pub(crate) fn versions(all: &Descriptions) -> Nodes {
    let mut nodes = Nodes::new();
    for spec in all.descriptions.iter().map(|one| &one.spec) {
        let program = spec.interpreter.as_ref().filter(|program| is_node(program));
        let Some(program) = program.filter(|program| !nodes.contains_key(*program)) else {
            continue;
        };
        // A program that runs as another user may be that user's: we don't run it as ourselves.
        let may_ask = spec.user.is_none();
        if let Some(version) = version(program, may_ask) {
            nodes.insert(program.clone(), version);
        }
    }
    nodes
}

/// Whether a program is Node, by its name.
pub(crate) fn is_node(program: &ByteString) -> bool {
    let name = program.as_bytes().rsplit(|byte| *byte == b'/').next();
    matches!(name, Some(b"node" | b"nodejs"))
}

fn version(program: &ByteString, may_ask: bool) -> Option<String> {
    let path = path_of(program);
    // What a link leads to has its header where that lies.
    let real = fs::canonicalize(path).ok()?;
    let header = real.parent()?.parent()?.join("include/node/node_version.h");
    match read(&header) {
        Ok(text) => of_header(&text),
        Err(_) if may_ask => said(path),
        Err(_) => None,
    }
}

/// Whoever's it is, it can neither hold us up nor fill our memory.
fn read(header: &Path) -> std::io::Result<String> {
    std::io::read_to_string(regular::open(header)?.take(LONGEST))
}

/// The three numbers that the header defines.
fn of_header(text: &str) -> Option<String> {
    let number = |name: &str| {
        let mut words = text.lines().map(str::split_whitespace);
        let line = words.find_map(|mut words| {
            (words.next() == Some("#define") && words.next() == Some(name)).then_some(words)
        });
        line?.next()?.parse::<u32>().ok()
    };
    let [major, minor, patch] =
        ["NODE_MAJOR_VERSION", "NODE_MINOR_VERSION", "NODE_PATCH_VERSION"].map(number);
    Some(format!("{}.{}.{}", major?, minor?, patch?))
}

/// What it says itself.
fn said(program: &Path) -> Option<String> {
    let output = bounded::output(Command::new(program).arg("--version"), PATIENCE).ok()??;
    of_words(&output.stdout)
}

fn of_words(words: &[u8]) -> Option<String> {
    let version = std::str::from_utf8(words).ok()?.trim().strip_prefix('v')?;
    let is_version = version.split('.').count() == 3
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_version.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_tells_its_version_by_its_header_or_itself() {
        let text = "#ifndef X\n#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 1\n\
                    #define NODE_PATCH_VERSION 7\n";
        assert_eq!(of_header(text).as_deref(), Some("20.1.7"));
        assert_eq!(of_header("#define NODE_MAJOR_VERSION x"), None);
        assert_eq!(of_words(b"v22.0.1\n").as_deref(), Some("22.0.1"));
        assert_eq!(of_words(b"Python 3"), None);
    }

    #[test]
    fn a_node_without_a_header_is_asked_and_one_beside_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("bin/node");
        fs::create_dir(dir.path().join("bin")).unwrap();
        fs::write(&node, "#!/bin/sh\necho v1.2.3\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&node, mode).unwrap();
        let program = pm_config::path_bytes(&node);
        assert!(is_node(&program));
        assert_eq!(version(&program, true).as_deref(), Some("1.2.3"));
        let header = dir.path().join("include/node");
        fs::create_dir_all(&header).unwrap();
        let text = "#define NODE_MAJOR_VERSION 4\n#define NODE_MINOR_VERSION 5\n\
                    #define NODE_PATCH_VERSION 6\n";
        fs::write(header.join("node_version.h"), text).unwrap();
        assert_eq!(version(&program, false).as_deref(), Some("4.5.6"));
    }
}
