//! Counts what makes a house hard to read: circles of files, type names that stand for two things, lines. Two tests hold
//! the figures, `fixtures/census` prints them.
//!
//! A file knows another one of its crate if its production code names something of it: by `use`, or by a path through
//! `crate`, `super`, `self`, a child or an imported module. Who is named is followed to where it is defined: through
//! `pub use`, so that a parent that only declares its children and hands their names on knows none of them, and a child
//! that takes a brother's name from its parent knows the brother, not the parent. Methods are not followed, so that `impl`
//! blocks of one type in several files make no circle by themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::{before_tests, files, is_test};

/// How many of a thousand type names are defined in more than one file at most. It only shrinks.
const SHARED_NAMES: usize = 13;

/// Programs of the tests: not counted.
const APART: [&str; 2] = ["pm-testkit", "pm-fixture"];

/// One file's production code.
struct Source {
    /// Where it is in its crate: `crate::a::b` is `["a", "b"]`.
    module: Vec<String>,
    /// Without comments and the insides of strings.
    code: String,
    lines: usize,
}

/// By crate, then by path.
type Crates = BTreeMap<String, BTreeMap<String, Source>>;

fn crates() -> Crates {
    let mut crates = Crates::new();
    for (path, text) in files(".rs") {
        let (name, inner) = match path.strip_prefix("crates/").and_then(|rest| rest.split_once('/'))
        {
            Some((name, inner)) => (name, inner),
            None => ("pm", path.as_str()),
        };
        let Some(inner) = inner.strip_prefix("src/").filter(|_| !is_test(&path)) else { continue };
        if APART.contains(&name) {
            continue;
        }
        let mut module: Vec<String> =
            inner.trim_end_matches(".rs").split('/').map(String::from).collect();
        if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
            module.pop();
        }
        let lines = before_tests(&text);
        let own: Vec<&str> = text.lines().take(lines).collect();
        let source = Source { module, code: code_of(&own.join("\n")), lines };
        crates.entry(name.to_string()).or_default().insert(path.clone(), source);
    }
    crates
}

/// The text with spaces for comments and for what stands in quotes.
fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let length = blank(rest, code.chars().next_back());
        if length == 0 {
            code.push(rest[0]);
            at += 1;
        } else {
            code.push(' ');
            at += length;
        }
    }
    code
}

/// How many characters from here on are a comment or a literal in quotes.
fn blank(rest: &[char], before: Option<char>) -> usize {
    let end = |from: usize, mark: &[char]| {
        let found = rest[from..].windows(mark.len()).position(|window| window == mark);
        found.map_or(rest.len(), |found| from + found + mark.len())
    };
    let is_word = before.is_some_and(|it| it.is_alphanumeric() || it == '_');
    match rest {
        ['/', '/', ..] => end(2, &['\n']).saturating_sub(1),
        ['/', '*', ..] => end(2, &['*', '/']),
        ['r', '#' | '"', ..] if !is_word => {
            let hashes = rest[1..].iter().take_while(|it| **it == '#').count();
            let mut mark = vec!['"'];
            mark.extend(std::iter::repeat_n('#', hashes));
            if rest.get(1 + hashes) == Some(&'"') { end(2 + hashes, &mark) } else { 0 }
        }
        ['"', ..] => {
            let mut at = 1;
            while rest.get(at).is_some_and(|it| *it != '"') {
                at += if rest[at] == '\\' { 2 } else { 1 };
            }
            (at + 1).min(rest.len())
        }
        ['\'', '\\', ..] => end(3, &['\'']),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

/// Names and signs, in order; `::` is one.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(rest.len());
        let length = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            word => word,
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

/// What one file says about others.
#[derive(Default)]
struct Names {
    /// What is imported: the name here, and the path as it is written. Globs have the name `*`.
    imports: Vec<(String, Vec<String>)>,
    /// Of those, the names that are handed on and, as far as can be seen, used nowhere else in the file.
    handed_on: BTreeSet<String>,
    /// Other paths of at least two names.
    paths: Vec<Vec<String>>,
}

fn is_name(token: &str) -> bool {
    token.starts_with(|it: char| it.is_alphabetic() || it == '_')
}

fn names(code: &str) -> Names {
    let tokens = tokens(code);
    let mut names = Names::default();
    let mut public = Vec::new();
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    // Where modules written in this file end: `super` is this file there.
    let mut inner: Vec<usize> = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while at < tokens.len() {
        match tokens[at] {
            "mod" if tokens.get(at + 2) == Some(&"{") => inner.push(depth),
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inner.retain(|outer| *outer < depth);
            }
            "use" => {
                let from = names.imports.len();
                let is_public = matches!(tokens.get(at.wrapping_sub(1)), Some(&("pub" | ")")));
                at = import(&tokens, at + 1, &[], &mut names.imports);
                if !inner.is_empty() {
                    names.imports.iter_mut().skip(from).for_each(|(_, path)| outwards(path));
                }
                public.extend(
                    names.imports[from..].iter().filter(|_| is_public).map(|(n, _)| n.clone()),
                );
                continue;
            }
            token if is_name(token) => {
                *uses.entry(token).or_default() += 1;
                let mut path = vec![token.to_string()];
                while tokens.get(at + 1) == Some(&"::")
                    && tokens.get(at + 2).is_some_and(|it| is_name(it))
                {
                    path.push(tokens[at + 2].to_string());
                    at += 2;
                }
                let is_deeper = at >= 2 && tokens[at - 1] == "::" && path.len() == 1;
                if path.len() > 1 && !is_deeper {
                    if !inner.is_empty() {
                        outwards(&mut path);
                    }
                    names.paths.push(path);
                }
            }
            _ => {}
        }
        at += 1;
    }
    names.handed_on = public.into_iter().filter(|name| !uses.contains_key(name.as_str())).collect();
    names
}

/// A path as it is outside a module that is written in the same file.
fn outwards(path: &mut [String]) {
    if path[0] == "super" {
        path[0] = "self".into();
    }
}

/// One tree of a `use`; where it ends.
fn import(
    tokens: &[&str],
    mut at: usize,
    prefix: &[String],
    into: &mut Vec<(String, Vec<String>)>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).copied() {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|it| *it != "}") {
                    at = import(tokens, at, &path, into);
                    at += usize::from(tokens.get(at) == Some(&","));
                }
                return at + 1;
            }
            Some("::") => at += 1,
            Some("*") => {
                into.push(("*".into(), path));
                return at + 1;
            }
            Some("as") => {
                into.push((tokens[at + 1].into(), path));
                return at + 2;
            }
            Some("self") if !path.is_empty() => at += 1,
            Some(token) if is_name(token) => {
                path.push(token.into());
                at += 1;
            }
            _ => {
                into.extend(path.last().cloned().map(|last| (last, path)));
                return at;
            }
        }
    }
}

/// The files of one crate and what they say.
struct Graph<'a> {
    modules: BTreeMap<&'a [String], &'a str>,
    sources: BTreeMap<&'a str, (&'a Source, Names)>,
}

impl<'a> Graph<'a> {
    fn new(files: &'a BTreeMap<String, Source>) -> Self {
        let modules = files.iter().map(|(path, source)| (&source.module[..], &**path)).collect();
        let sources = files.iter().map(|(path, it)| (&**path, (it, names(&it.code)))).collect();
        Self { modules, sources }
    }

    /// Whom each file knows.
    fn edges(&self) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let known = |path: &'a str| {
            let (_, names) = &self.sources[path];
            let imports = names.imports.iter().filter(|(name, _)| !names.handed_on.contains(name));
            // A module that is imported is known only as far as something of it is named.
            let imports =
                imports.filter(|(name, to)| name == "*" || self.module(path, to).is_none());
            let all = imports.map(|(_, to)| to).chain(&names.paths);
            let mut known: BTreeSet<&str> = all.filter_map(|to| self.file(path, to, 0)).collect();
            known.remove(path);
            known
        };
        self.sources.keys().map(|path| (*path, known(path))).collect()
    }

    /// The module this path leads to from this file, if it is one.
    fn module(&self, from: &str, to: &[String]) -> Option<Vec<String>> {
        let absolute = self.absolute(from, to, 0)?;
        self.modules.contains_key(&absolute[..]).then_some(absolute)
    }

    /// The path from the crate's root, if it leads into this crate.
    fn absolute(&self, from: &str, to: &[String], turns: usize) -> Option<Vec<String>> {
        let (source, names) = self.sources.get(from)?;
        let own = &source.module;
        let mut path = match to[0].as_str() {
            "crate" => Vec::new(),
            "self" => own.clone(),
            "super" => own[..own.len().checked_sub(1)?].to_vec(),
            first => {
                let child = [&own[..], &[first.to_string()]].concat();
                if self.modules.contains_key(&child[..]) {
                    child
                } else {
                    let mut imports = names.imports.iter().filter(|_| turns < 8);
                    let (_, path) =
                        imports.find(|(name, path)| name == first && path[0] != first)?;
                    self.absolute(from, path, turns + 1)?
                }
            }
        };
        for name in &to[1..] {
            if name == "super" {
                path.pop()?;
            } else if name != "self" {
                path.push(name.clone());
            }
        }
        Some(path)
    }

    /// The file in which what this path names is defined.
    fn file(&self, from: &str, to: &[String], turns: usize) -> Option<&'a str> {
        let absolute = self.absolute(from, to, 0)?;
        let length =
            (0..=absolute.len()).rev().find(|n| self.modules.contains_key(&absolute[..*n]))?;
        let home = *self.modules.get(&absolute[..length])?;
        let Some(name) = absolute.get(length).filter(|_| turns < 8) else { return Some(home) };
        let (source, names) = &self.sources[home];
        if defines(&source.code, name) {
            return Some(home);
        }
        if let Some((_, path)) = names.imports.iter().find(|(own, _)| own == name) {
            return self.file(home, path, turns + 1);
        }
        let globs = names.imports.iter().filter(|(own, _)| own == "*");
        let mut behind = globs.filter_map(|(_, path)| {
            let longer = [&path[..], std::slice::from_ref(name)].concat();
            self.file(home, &longer, turns + 1)
        });
        Some(behind.next().unwrap_or(home))
    }
}

const KINDS: [&str; 10] =
    ["struct", "enum", "trait", "type", "union", "fn", "const", "static", "macro_rules !", "mod"];

fn defines(code: &str, name: &str) -> bool {
    KINDS.iter().any(|kind| {
        code.match_indices(&format!("{kind} {name}")).any(|(at, found)| {
            let after = code[at + found.len()..].chars().next();
            !after.is_some_and(|it| it.is_alphanumeric() || it == '_')
        })
    })
}

/// Files that know each other in a circle, each circle once.
fn circles(files: &BTreeMap<String, Source>) -> Vec<BTreeSet<String>> {
    let graph = Graph::new(files);
    let edges = graph.edges();
    let reached = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut ahead: Vec<&str> = edges[from].iter().copied().collect();
        while let Some(next) = ahead.pop() {
            if reached.insert(next) {
                ahead.extend(&edges[next]);
            }
        }
        reached
    };
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|path| (*path, reached(path))).collect();
    let circle = |path: &str| -> BTreeSet<String> {
        let others = reach[path].iter().filter(|other| reach[**other].contains(path));
        others.map(|other| (*other).to_string()).collect()
    };
    let all: BTreeSet<_> =
        reach.keys().map(|path| circle(path)).filter(|it| it.len() > 1).collect();
    all.into_iter().collect()
}

/// The types a file defines. Associated types have the names their traits give them.
fn types(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in code.lines() {
        let words = tokens(line);
        let skipped = if words.first() == Some(&"pub") {
            let visibility = usize::from(words.get(1) == Some(&"(")) * 3;
            1 + visibility
        } else {
            0
        };
        let unsafe_ = usize::from(words.get(skipped) == Some(&"unsafe"));
        let kind = words.get(skipped + unsafe_).copied().unwrap_or_default();
        let is_own = kind != "type" || !line.starts_with(' ');
        if is_own && ["struct", "enum", "trait", "type", "union"].contains(&kind) {
            found.extend(words.get(skipped + unsafe_ + 1).map(|name| (*name).to_string()));
        }
    }
    found
}

/// For each type name the files that define one.
fn homes(crates: &Crates) -> BTreeMap<String, BTreeSet<(&str, &str)>> {
    let mut homes: BTreeMap<String, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (name, files) in crates {
        for (path, source) in files {
            for own in types(&source.code) {
                homes.entry(own).or_default().insert((name, path));
            }
        }
    }
    homes
}

/// How many of a thousand names are defined in more than one file.
fn shared(homes: &BTreeMap<String, BTreeSet<(&str, &str)>>) -> (usize, usize) {
    let shared = homes.values().filter(|files| files.len() > 1).count();
    (shared, (shared * 1000).div_ceil(homes.len().max(1)))
}

fn in_three_crates<'a>(homes: &'a BTreeMap<String, BTreeSet<(&str, &str)>>) -> BTreeSet<&'a str> {
    let crates = |files: &BTreeSet<(&str, &str)>| {
        files.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>().len()
    };
    homes.iter().filter(|(_, files)| crates(files) > 2).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn no_file_knows_one_that_knows_it_within_a_crate() {
    for (name, files) in crates() {
        let circles = circles(&files);
        assert!(circles.is_empty(), "{name}: {circles:#?}");
    }
}

#[test]
fn a_type_name_stands_for_one_thing() {
    let crates = crates();
    let homes = homes(&crates);
    let new: Vec<_> =
        in_three_crates(&homes).into_iter().map(|name| (name, &homes[name])).collect();
    assert!(
        new.is_empty(),
        "names that stand for something else in each of three crates: {new:#?}"
    );
    let (count, share) = shared(&homes);
    assert!(
        share <= SHARED_NAMES,
        "{count} of {} type names are defined in more than one file: {share} of a thousand, more \
         than {SHARED_NAMES}; `fixtures/census` prints them",
        homes.len()
    );
}

#[test]
fn paths_lead_to_where_things_are_defined() {
    let source = |path: &str, text: &str| {
        let module = path.split('/').filter(|part| *part != "lib").map(String::from).collect();
        (format!("{path}.rs"), Source { module, code: code_of(text), lines: 0 })
    };
    let files: BTreeMap<_, _> = [
        source("lib", "mod a; mod b; pub use a::One;"),
        source("a", "mod child; pub(crate) use child::Two; pub struct One; // crate::b::X"),
        source("a/child", "use super::One; pub(crate) struct Two(crate::b::Three);"),
        source("b", "use crate::a::Two; pub(crate) struct Three; fn f() -> &'static str { \"crate::a::One\" }"),
    ]
    .into();
    let edges = Graph::new(&files).edges();
    let known = |path: &str| edges[path].iter().copied().collect::<Vec<_>>();
    assert_eq!(known("lib.rs"), [""; 0], "what is handed on is not known");
    assert_eq!(known("a.rs"), [""; 0]);
    assert_eq!(known("a/child.rs"), ["a.rs", "b.rs"]);
    assert_eq!(known("b.rs"), ["a/child.rs"], "through what the parent hands on");
    let circle: BTreeSet<_> = ["a/child.rs", "b.rs"].map(String::from).into();
    assert_eq!(circles(&files), [circle]);
}

/// For people: `fixtures/census`.
#[test]
fn census() {
    if std::env::var_os("PM_CENSUS").is_none() {
        return;
    }
    let crates = crates();
    println!("production lines, files, circles of files");
    for (name, files) in &crates {
        let lines: usize = files.values().map(|source| source.lines).sum();
        let circles = circles(files);
        let inside: usize = circles.iter().map(BTreeSet::len).sum();
        println!("{name:14} {lines:6} {:5} {:3} of {inside}", files.len(), circles.len());
        for circle in circles {
            let files: Vec<_> = circle.into_iter().collect();
            println!("    {}", files.join(" "));
        }
    }
    let all: usize = crates.values().flat_map(BTreeMap::values).map(|source| source.lines).sum();
    println!("{:14} {all:6}", "sum");
    let homes = homes(&crates);
    let (count, share) = shared(&homes);
    println!(
        "type names defined in more than one file: {count} of {}, {share} of a thousand",
        homes.len()
    );
    for (name, files) in homes.iter().filter(|(_, files)| files.len() > 1) {
        let files: Vec<_> = files.iter().map(|(_, path)| *path).collect();
        println!("    {name:16} {}", files.join(" "));
    }
    println!("in three crates or more: {:?}", in_three_crates(&homes));
}
