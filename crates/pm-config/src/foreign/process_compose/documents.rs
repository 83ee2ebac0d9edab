//! The files of a project of process-compose as one document: variables filled in, files laid over those that they extend, and processes
//! over those that they extend.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pm_spec::Environment;

use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::foreign::foreign_file::ForeignFile;
use crate::interpolate::Dollars;
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{filling, paths, yaml};

/// Whoever extends that often goes round in a circle, or means it badly.
const DEEPEST: usize = 64;

/// A project, and which of its values have something of a `.env` in them.
pub(super) struct ProcessFiles {
    pub(super) root: ConfigNode,
    pub(super) secrets: BTreeSet<ConfigPlace>,
}

/// All files as one; `None`: there is none, and why is told.
pub(super) fn read(file: &ForeignFile<'_>, findings: &mut Findings) -> Option<ProcessFiles> {
    let folder = file.source.folder;
    let shell = &file.caller.env;
    let dotenv = filling::dotenv(&folder.join(".env"), shell, findings).unwrap_or_default();
    // What a `.env` says counts more than the shell here.
    let mut shell = shell.clone();
    for (name, _) in dotenv.iter() {
        shell.unset(name);
    }
    let secrets = BTreeSet::new();
    let mut loading = FileLoading { file, shell, dotenv, findings, secrets, open: Vec::new() };
    let first = file.source.file.unwrap_or(Path::new(file.source.origin));
    let mut root = loading.document((first, file.text), None)?;
    for path in file.over {
        let over = loading.named(path, ConfigPlace::Whole)?;
        merge(&mut root, over);
    }
    let secrets = loading.secrets;
    inherit(&mut root, findings);
    Some(ProcessFiles { root, secrets })
}

struct FileLoading<'a> {
    file: &'a ForeignFile<'a>,
    shell: Environment,
    dotenv: Environment,
    findings: &'a mut Findings,
    secrets: BTreeSet<ConfigPlace>,
    /// The files that extend each other now.
    open: Vec<PathBuf>,
}

impl FileLoading<'_> {
    /// A file that is named at `at`.
    fn named(&mut self, path: &Path, at: ConfigPlace) -> Option<ConfigNode> {
        let (text, number) = self.file.beside((path, at), self.findings)?;
        self.document((path, &text), Some(number))
    }

    /// A text with its variables filled in, over what it extends.
    fn document(&mut self, (path, text): (&Path, &str), number: Option<u16>) -> Option<ConfigNode> {
        let parsed = yaml::parse(text);
        let parsed = parsed.map_err(|wrong| {
            // They are filled in once YAML has been read, which takes a brace of theirs for its own.
            let hint = text
                .contains("${")
                .then_some("inside braces of YAML it needs quotes around `${A}`");
            number.into_iter().fold(wrong.maybe(hint), Finding::of)
        });
        let mut root = self.findings.take(parsed)?;
        if let Some(number) = number {
            root.move_to(number);
        }
        if root.value.as_table().is_none() {
            let message = "a file of process-compose is an object with `processes`";
            self.findings.add(Finding::error(root.at, message));
            return None;
        }
        let is_left = root.value.get("disable_env_expansion");
        if is_left.is_none_or(|node| node.value.is_falsy()) {
            let variables = (&self.shell, &self.dotenv);
            self.secrets.extend(filling::fill(&mut root, variables, Dollars::All, self.findings));
        }
        let Some(base) = root.value.get("extends") else { return Some(root) };
        let (at, Some(name)) = (base.at, base.value.as_text()) else {
            self.findings.add(Finding::error(base.at, "`extends` must be the path of a file"));
            return None;
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        let base = paths::absolute(paths::from_bytes(name), folder);
        self.open.push(paths::absolute(path, &self.file.caller.cwd));
        if self.open.contains(&base) || self.open.len() > DEEPEST {
            let message = format!("{} extends itself", quoted(base.to_string_lossy().as_bytes()));
            self.findings.add(Finding::error(at, message));
            return None;
        }
        let under = self.named(&base, at);
        self.open.pop();
        let mut under = under?;
        // Its processes run where it lies.
        settle(&mut under, base.parent().unwrap_or(Path::new("/")));
        merge(&mut under, root);
        Some(under)
    }
}

/// Says of each process of a file that is extended in which folder it runs.
fn settle(root: &mut ConfigNode, folder: &Path) {
    for process in processes(root).into_iter().flatten() {
        let at = process.at;
        let Value::Table(keys) = &mut process.node.value else { continue };
        let given = keys.iter_mut().find(|entry| entry.key == "working_dir");
        let whole = |text: &str| paths::to_bytes(&folder.join(text));
        match given {
            Some(given) => {
                let text = given.node.value.to_bytes();
                given.node.value = Value::text(whole(&text.display()));
            }
            None => keys.push(TableEntry::new("working_dir", at, Value::text(whole("")))),
        }
    }
}

fn processes(root: &mut ConfigNode) -> Option<&mut Vec<TableEntry>> {
    let Value::Table(entries) = &mut root.value else { return None };
    let node = &mut entries.iter_mut().find(|entry| entry.key == "processes")?.node;
    if let Value::Table(processes) = &mut node.value { Some(processes) } else { None }
}

/// Lays `over` over `under`: tables deep, lists behind each other, all else and namespaces in its place.
fn merge(under: &mut ConfigNode, over: ConfigNode) {
    match (&mut under.value, over.value) {
        (_, Value::Null) => {}
        (Value::Table(old), Value::Table(new)) => {
            for entry in new {
                match old.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) if entry.key == "namespace" => *known = entry,
                    Some(known) => {
                        merge(&mut known.node, entry.node);
                        known.at = entry.at;
                    }
                    None => old.push(entry),
                }
            }
        }
        (Value::List(old), Value::List(new)) => old.extend(new),
        (old, new) => {
            *old = new;
            under.at = over.at;
        }
    }
}

/// Lays each process over the one that it extends.
fn inherit(root: &mut ConfigNode, findings: &mut Findings) {
    let Some(processes) = processes(root) else { return };
    let written = processes.clone();
    for process in processes.iter_mut() {
        match line_of(process, &written) {
            Ok(line) => {
                let mut line = line.into_iter().rev();
                let Some(mut node) = line.next().map(|entry| entry.node.clone()) else { continue };
                for entry in line {
                    merge(&mut node, entry.node.clone());
                }
                process.node = node;
            }
            Err(finding) => findings.add(finding),
        }
    }
}

/// A process and those that it extends.
fn line_of<'a>(
    process: &TableEntry,
    written: &'a [TableEntry],
) -> Result<Vec<&'a TableEntry>, Finding> {
    let mut line: Vec<&TableEntry> = Vec::new();
    let mut next = (process.key.clone(), process.at);
    loop {
        let Some(entry) = written.iter().find(|entry| entry.key == next.0) else {
            let message = format!("there is no process {} to extend", quoted(&next.0));
            return Err(Finding::error(next.1, message));
        };
        if line.iter().any(|known| known.key == entry.key) {
            let message = format!("the process {} extends itself", quoted(&entry.key));
            return Err(Finding::error(next.1, message));
        }
        if line.len() > DEEPEST {
            let message = format!("more than {DEEPEST} processes extend each other");
            return Err(Finding::error(next.1, message));
        }
        line.push(entry);
        let Some(base) = entry.node.value.get("extends") else { return Ok(line) };
        let Some(name) = base.value.as_name() else {
            return Err(Finding::error(base.at, "`extends` must be the name of a process"));
        };
        next = (name.display().into_owned(), base.at);
    }
}
