//! Pages that are made from the code and checked in; `PM_BLESS=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder of the whole; `fixtures/census` counts another one, an older state.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    ROOT.get_or_init(|| std::env::var_os("PM_CENSUS_ROOT").map_or_else(own, PathBuf::from))
}

/// `made` is what lies there.
pub(crate) fn current(name: &str, made: &str) {
    let path = root().join(name);
    if std::env::var_os("PM_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "{name} is not current; PM_BLESS=1 writes it anew");
}
