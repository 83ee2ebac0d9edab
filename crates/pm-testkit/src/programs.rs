//! Where the programs under test lie.

use std::path::PathBuf;

/// The `pm` of this build.
pub fn pm() -> PathBuf {
    beside("pm")
}

/// The `pm-fixture` of this build: a child whose behaviour is its command line.
pub fn fixture() -> PathBuf {
    beside("pm-fixture")
}

/// cargo tells a test only the binaries of its own package; all lie in one folder, one above the tests' own.
fn beside(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("a test lies in deps/");
    let program = folder.join(name);
    assert!(program.is_file(), "{} is not built: run `cargo build --workspace`", program.display());
    program
}

/// A copy of `pm` at this path. Made by cp(1): a file that this process had open for writing might still be open in a
/// child another test is just making, and then it can't be executed (`ETXTBSY`).
pub fn copy_pm(to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg(pm()).arg(to).status().expect("cp runs");
    assert!(done.success(), "could not copy pm to {}", to.display());
}
