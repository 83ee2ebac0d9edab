//! `docs/pm2.md` as the tests read it: rows of the census tables, and the table of differences.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A row of a census table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The heading it stands under.
    pub(super) section: String,
    /// What it is about: a name and its aliases.
    pub(super) names: Vec<String>,
    /// `same`, `better`, `not` or `not yet`.
    pub(super) verdict: String,
    /// What is said about it.
    pub(super) note: String,
    /// The tests that prove it.
    pub(super) tests: Vec<String>,
}

/// What is seen with PM2 and with `pm`, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) pm2: String,
    pub(super) pm: String,
    /// It may vanish any day: what is missing is being built.
    pub(super) is_passing: bool,
}

/// The heading of the table of differences.
const DIFFERENCES: &str = "Measured differences";

/// The heading of the table of PM2's own scripts, which `fixtures/pm2-e2e` runs.
const SCRIPTS: &str = "PM2's own scripts";

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pm2.md");
    fs::read_to_string(path).unwrap()
}

/// The cells of a table's line.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    let hidden = inner.replace("\\|", "\u{1}");
    hidden.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every line of every table below its head, with its heading.
fn lines() -> Vec<(String, Vec<String>)> {
    let text = text();
    let mut section = String::new();
    let mut is_body = false;
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix('#') {
            heading.trim_start_matches('#').trim().clone_into(&mut section);
        }
        if !line.starts_with('|') {
            is_body = false;
        } else if line.starts_with("|---") {
            is_body = true;
        } else if is_body {
            rows.push((section.clone(), cells(line)));
        }
    }
    rows
}

/// The census tables: name, verdict, note, tests.
pub(super) fn rows() -> Vec<Row> {
    let census =
        lines().into_iter().filter(|(section, _)| section != DIFFERENCES && section != SCRIPTS);
    census
        .map(|(section, cells)| {
            let [name, verdict, note, tests] = cells.as_slice() else {
                panic!("docs/pm2.md, {section}: a row of {} cells: {cells:?}", cells.len())
            };
            Row {
                section,
                names: quoted(name),
                verdict: verdict.clone(),
                note: note.clone(),
                tests: quoted(tests),
            }
        })
        .collect()
}

/// The table of differences, by what was noted.
pub(super) fn differences() -> BTreeMap<String, Difference> {
    let mut found = BTreeMap::new();
    for (section, cells) in lines().into_iter().filter(|(section, _)| section == DIFFERENCES) {
        let [keys, pm2, pm, why] = cells.as_slice() else {
            panic!("docs/pm2.md, {section}: a row of {} cells: {cells:?}", cells.len())
        };
        assert!(!why.is_empty(), "docs/pm2.md: {keys} differ without a reason");
        let one = |cell: &String| quoted(cell).concat();
        let told =
            Difference { pm2: one(pm2), pm: one(pm), is_passing: why.starts_with("not yet") };
        for key in quoted(keys) {
            let old = found.insert(key.clone(), told.clone());
            assert!(old.is_none(), "docs/pm2.md: {key} stands twice among the differences");
        }
    }
    found
}
