//! Folders with code in which no app was found, and why.

use std::collections::BTreeSet;

use crate::parcel::Parcel;
use crate::terrain::{Terrain, ends, name_of};

/// What makes a folder one with code.
const CODE: [&str; 14] =
    ["py", "js", "mjs", "cjs", "ts", "go", "rb", "php", "pl", "rs", "java", "jar", "sh", "ex"];

/// So many are named.
const MOST: usize = 10;

/// A line for each; `found` are the folders of projects that were found. What lies beside the code of an app is a part of it.
pub(crate) fn remarks(terrain: &Terrain, parcels: &[Parcel], found: &[&str]) -> Vec<String> {
    let mut all: BTreeSet<&str> = parcels.iter().map(|parcel| parcel.folder.as_str()).collect();
    if !found.contains(&"") {
        all.extend(terrain.folders.iter().map(String::as_str).filter(|path| !path.contains('/')));
    }
    all.remove("");
    let is_below = |path: &str, folder: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let is_found = |folder: &str| {
        let mut found = found.iter().filter(|found| !found.is_empty());
        found.any(|found| is_below(found, folder) || is_below(folder, found))
    };
    let all = all.into_iter().filter(|folder| !is_found(folder));
    let mut all = all.filter_map(|folder| {
        let files = terrain.files.iter().filter(|path| is_below(path, folder));
        let code: Vec<_> = files.filter(|path| is_code(path)).collect();
        (!code.is_empty()).then(|| format!("{folder}/ was left out: {}", reason(&code)))
    });
    let mut told: Vec<_> = all.by_ref().take(MOST).collect();
    let more = all.count();
    if more > 0 {
        told.push(format!("and {more} more folders in which no app is recognised"));
    }
    told
}

fn is_code(path: &str) -> bool {
    name_of(path) == "Dockerfile" || CODE.iter().any(|ending| ends(path, ending))
}

fn reason(code: &[&String]) -> &'static str {
    if code.iter().any(|path| ends(path, "py")) {
        "its Python has no app object (`app = Flask(...)`, `def app(environ, start_response)` ...) and no script that runs by itself"
    } else {
        "no Python, no package.json with a start, no go.mod, no Procfile, no index.html"
    }
}
