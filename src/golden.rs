//! Tests against files: what is shown must be what lies in `src/golden/`. `PM_BLESS=1 cargo test -p pm` writes them anew.

use std::fs;
use std::path::Path;

/// `shown` is what the golden file of this name says.
pub(crate) fn check(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden").join(name);
    if std::env::var_os("PM_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, shown).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == shown,
        "{} differs; PM_BLESS=1 takes what is shown now:\n--- golden\n{golden}--- shown\n{shown}",
        path.display()
    );
}
