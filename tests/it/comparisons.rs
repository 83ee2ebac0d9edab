//! Pages in `docs/` that compare us with others row by row: `same`, `better` or `not`, and the tests that show it.

use std::fs;
use std::path::Path;

use crate::tidy;

/// Looks whether each row of a page names tests, and whether these are there.
pub(crate) fn names_tests_that_are_there(page: &str) {
    let sources = tidy::files(".rs");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let page = fs::read_to_string(page).unwrap();
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, verdict, .., tests] = cells.as_slice() else { continue };
        if !matches!(*verdict, "same" | "better" | "not") {
            continue;
        }
        rows += 1;
        for name in tests.split('`').skip(1).step_by(2) {
            let is_there = sources.values().any(|text| text.contains(&format!("fn {name}()")));
            assert!(is_there, "there is no test {name}, which stands in\n{line}");
        }
        assert!(tests.contains('`'), "no test is named in\n{line}");
    }
    assert!(rows > 5, "{rows} rows");
}
