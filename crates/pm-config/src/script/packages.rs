//! Which file `require` and `import` mean, as Node finds it: paths, folders, `node_modules`, `package.json`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::package::of;
use crate::paths;

/// How a module is asked for; packages may answer differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Require,
    Import,
}

/// Endings that may be left out.
const ENDINGS: [&str; 4] = [".js", ".json", ".cjs", ".mjs"];

/// The file that a name means, without links; `None`: there is none.
pub(super) fn find(name: &str, folder: &Path, how: How) -> Option<PathBuf> {
    let is_path = |name: &str| ["/", "./", "../"].iter().any(|start| name.starts_with(start));
    let found = if is_path(name) || name == "." || name == ".." {
        let path = paths::absolute(Path::new(name), folder);
        let is_folder = name.ends_with('/') || name.ends_with('.');
        if is_folder { of_folder(&path) } else { of_path(&path) }
    } else {
        packaged(name, folder, how)
    };
    found.map(|path| path.canonicalize().unwrap_or(path))
}

fn of_path(path: &Path) -> Option<PathBuf> {
    if paths::is_file(path) {
        return Some(path.to_owned());
    }
    with_ending(path).or_else(|| of_folder(path))
}

fn with_ending(path: &Path) -> Option<PathBuf> {
    let complete = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    ENDINGS.iter().map(|ending| complete(ending)).find(|path| paths::is_file(path))
}

fn of_folder(folder: &Path) -> Option<PathBuf> {
    let main = of::<Value>(folder)
        .and_then(|package| package.get("main")?.as_str().map(|main| folder.join(main)));
    let index = || with_ending(&folder.join("index"));
    match main {
        Some(main) if paths::is_file(&main) => Some(main),
        Some(main) => {
            with_ending(&main).or_else(|| with_ending(&main.join("index"))).or_else(index)
        }
        None => index(),
    }
}

/// `dotenv`, `@scope/name/part`: from the nearest `node_modules` upwards.
fn packaged(name: &str, folder: &Path, how: How) -> Option<PathBuf> {
    let slashes = if name.starts_with('@') { 2 } else { 1 };
    let end = name.match_indices('/').nth(slashes - 1).map_or(name.len(), |(at, _)| at);
    let (package, part) = name.split_at(end);
    if package.is_empty() || package.starts_with(['.', '#']) {
        return None;
    }
    let roots = folder.ancestors().filter(|folder| !folder.ends_with("node_modules"));
    roots.map(|root| root.join("node_modules").join(package)).find_map(|home| {
        let exports =
            of::<Value>(&home).and_then(|mut package| package.get_mut("exports").map(Value::take));
        match exports {
            Some(exports) => {
                let target = exported(&exports, &format!(".{part}"), how)?;
                Some(paths::absolute(Path::new(&target), &home)).filter(|path| paths::is_file(path))
            }
            None if part.is_empty() => of_folder(&home).or_else(|| of_path(&home)),
            None => of_path(&paths::absolute(Path::new(part.trim_start_matches('/')), &home)),
        }
    })
}

/// What a package's `exports` has for a part (`.`, `./config`).
fn exported(exports: &Value, part: &str, how: How) -> Option<String> {
    let parts = exports.as_object().filter(|map| map.keys().any(|key| key.starts_with('.')));
    let Some(parts) = parts else {
        return if part == "." { target(exports, "", how) } else { None };
    };
    if let Some(exact) = parts.get(part) {
        return target(exact, "", how);
    }
    let matching = |(pattern, value): (&String, _)| {
        let (start, end) = pattern.split_once('*')?;
        let star = part.strip_prefix(start)?.strip_suffix(end)?;
        Some((start.len(), star.to_owned(), value))
    };
    let (_, star, value) = parts.iter().filter_map(matching).max_by_key(|(length, ..)| *length)?;
    target(value, &star, how)
}

fn target(value: &Value, star: &str, how: How) -> Option<String> {
    match value {
        Value::String(path) => Some(path.replace('*', star)),
        Value::Array(choices) => choices.iter().find_map(|choice| target(choice, star, how)),
        Value::Object(conditions) => {
            let asked = if how == How::Require { "require" } else { "import" };
            let applying = ["node", asked, "default"];
            applying
                .iter()
                .filter_map(|name| conditions.get(*name))
                .find_map(|it| target(it, star, how))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// What a file is: `module`, `commonjs`, `json`, `unsaid` (by its text), or `other`.
pub(super) fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|ending| ending.to_str()).unwrap_or("") {
        "mjs" => "module",
        "cjs" => "commonjs",
        "json" => "json",
        "node" | "wasm" | "ts" | "mts" | "cts" | "tsx" | "jsx" => "other",
        _ => {
            let package = file.ancestors().skip(1).find_map(of::<Value>);
            let said = package.as_ref().and_then(|package| package.get("type")?.as_str());
            match said {
                Some("module") => "module",
                Some("commonjs") => "commonjs",
                Some(_) | None => "unsaid",
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn exports_of_packages_are_read_as_node_does() {
        let dotenv = json!({
            ".": { "types": "./lib/main.d.ts", "require": "./lib/main.js", "default": "./lib/main.js" },
            "./config": "./config.js",
            "./lib/*": "./lib/*.js",
            "./lib/inner/*": { "import": "./i/*.mjs", "require": ["./i/*.cjs"] },
            "./closed": null
        });
        for (part, how, file) in [
            (".", How::Require, Some("./lib/main.js")),
            ("./config", How::Import, Some("./config.js")),
            ("./lib/a", How::Require, Some("./lib/a.js")),
            ("./lib/inner/b", How::Require, Some("./i/b.cjs")),
            ("./lib/inner/b", How::Import, Some("./i/b.mjs")),
            ("./closed", How::Require, None),
            ("./none", How::Require, None),
        ] {
            assert_eq!(exported(&dotenv, part, how).as_deref(), file, "{part}");
        }
        assert_eq!(exported(&json!("./a.js"), ".", How::Import).as_deref(), Some("./a.js"));
        assert_eq!(exported(&json!({ "import": "./m.mjs" }), ".", How::Require), None);
    }
}
