//! Makes one file of a module and all that it names, so that a browser asks once: each module becomes a function that is
//! called, in the order in which they name each other. It knows only what our modules write; the rest fails the build.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Component, Path, PathBuf};

/// One file in the making.
#[derive(Default)]
pub(crate) struct Bundle {
    text: String,
    /// Modules that are in it, by path, and the number by which the others name them.
    known: BTreeMap<PathBuf, usize>,
    count: usize,
    /// What the last of them gives.
    given: Vec<String>,
}

/// A module without the words that only modules have.
#[derive(Default)]
struct Module {
    body: String,
    /// What is taken (`a`, or `a as b`) and from where.
    imports: Vec<(String, String)>,
    /// What is given: the name outside, and inside.
    exports: Vec<(String, String)>,
}

/// The file for this module.
pub(crate) fn bundle(folder: &Path, root: &str) -> io::Result<String> {
    let mut bundle = Bundle::default();
    let number = bundle.add(folder, Path::new(root))?;
    // The last one is the root: what it gives, the file gives.
    if !bundle.given.is_empty() {
        writeln!(bundle.text, "export const {{{}}}=m{number};", bundle.given.join(",")).ok();
    }
    Ok(bundle.text)
}

impl Bundle {
    fn add(&mut self, folder: &Path, path: &Path) -> io::Result<usize> {
        if let Some(number) = self.known.get(path) {
            return Ok(*number);
        }
        let wrong = |what: &str| io::Error::other(format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(folder.join(path))?;
        // What others wrote says whose it is.
        let text = if path.starts_with("vendor") { text } else { without_comments(&text) };
        let module = Module::parse(&text).map_err(|what| wrong(&what))?;
        // While it is looked at, who names it again goes in a circle.
        self.known.insert(path.into(), usize::MAX);
        let mut taken = String::new();
        for (names, from) in &module.imports {
            let other = self.add(folder, &beside(path, from))?;
            if other == usize::MAX {
                return Err(wrong(&format!("names {from}, which names it")));
            }
            if !names.is_empty() {
                write!(taken, "const {{{}}}=m{other};", names.replace(" as ", ":")).ok();
            }
        }
        self.count += 1;
        let number = self.count;
        if module.exports.is_empty() && module.imports.is_empty() {
            // A script as others publish it: what it declares is there for all.
            self.text += &module.body;
        } else {
            let given: Vec<_> =
                module.exports.iter().map(|(out, own)| format!("{out}:{own}")).collect();
            let (body, given) = (module.body, given.join(","));
            write!(self.text, "const m{number}=(()=>{{{taken}\n{body}return{{{given}}}}})();\n")
                .ok();
        }
        self.given = module.exports.into_iter().map(|(out, _)| out).collect();
        self.known.insert(path.into(), number);
        Ok(number)
    }
}

impl Module {
    fn parse(text: &str) -> Result<Self, String> {
        let mut module = Self::default();
        for line in text.lines().filter(|line| !line.starts_with("//#")) {
            let mut line = line;
            while let Some((import, rest)) = import(line) {
                module.imports.push(import);
                line = rest;
            }
            let kept = module.export(line)?;
            if !kept.is_empty() {
                module.body += &kept;
                module.body.push('\n');
            }
        }
        Ok(module)
    }

    /// The line without its word `export`.
    fn export(&mut self, line: &str) -> Result<String, String> {
        // As a minifier writes it: at the end, all together.
        if let Some((before, list)) = line.rsplit_once("export{").or(line.rsplit_once("export {")) {
            let list = list.trim_end().trim_end_matches(['}', ';']);
            for one in list.split(',').map(str::trim).filter(|one| !one.is_empty()) {
                let (own, out) = one.split_once(" as ").unwrap_or((one, one));
                self.exports.push((out.into(), own.into()));
            }
            return Ok(before.into());
        }
        let Some(rest) = line.strip_prefix("export ") else { return Ok(line.into()) };
        let mut words = rest.split(|it: char| !it.is_alphanumeric() && it != '_' && it != '$');
        let kinds = ["const", "function", "async", "class"];
        // `let` would have to be seen as it changes.
        let kind = words.next().filter(|word| kinds.contains(word));
        let kind = kind.ok_or_else(|| format!("does not say what it exports: {line}"))?;
        let name = if kind == "async" { words.nth(1) } else { words.next() };
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| format!("has {line}"))?;
        self.exports.push((name.into(), name.into()));
        Ok(rest.into())
    }
}

/// Lines that are no comment: those are for who reads the source.
fn without_comments(text: &str) -> String {
    let mut is_inside = false;
    let is_kept = |line: &&str| {
        let line = line.trim();
        let is_comment = is_inside || line.starts_with("//") || line.starts_with("/**");
        // `/** @type {..} */ (it)` is code.
        let ends = line.find("*/").map(|at| at + 2 == line.len());
        is_inside = (is_inside || line.starts_with("/**")) && ends.is_none();
        !is_comment || ends == Some(false)
    };
    text.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect()
}

/// What is taken and from where, and the rest of the line.
fn import(line: &str) -> Option<((String, String), &str)> {
    let rest = line.strip_prefix("import")?.trim_start();
    let (names, rest) = match rest.strip_prefix('{') {
        Some(rest) => {
            let (names, rest) = rest.split_once('}')?;
            (names.trim(), rest.trim_start().strip_prefix("from")?.trim_start())
        }
        None => ("", rest),
    };
    let (from, rest) = rest.strip_prefix('"')?.split_once('"')?;
    Some(((names.into(), from.into()), rest.strip_prefix(';')?))
}

/// What `./b.js` or `../b.js` in this module means.
fn beside(path: &Path, from: &str) -> PathBuf {
    let mut found = path.parent().map(Path::to_path_buf).unwrap_or_default();
    for part in Path::new(from).components() {
        match part {
            Component::ParentDir => _ = found.pop(),
            Component::Normal(name) => found.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    found
}
