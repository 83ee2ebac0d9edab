//! The book keeps its word: every command in it is run, page by page in a fresh home and folder, with the exit codes and the
//! output that the page promises; both languages have the same pages, commands and files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use pm_testkit::{Home, Invocation, Run, free_port};

use super::made::root;

mod page;

use page::{Commands, Step, broken, steps};

/// Pages that run at the same time.
const TOGETHER: usize = 4;

/// Why commands are not run by a test, and what each of them then has to be.
const NOT_RUN: [(&str, &[&str]); 4] = [
    ("root", &["sudo "]),
    ("network", &["python3 -m venv ", ".venv/bin/pip install "]),
    ("reboot", &["sudo reboot"]),
    ("stays", &["pm logs ", "pm monit"]),
];

/// Questions: who asks again while the answer is not yet as promised does no more than a reader would.
const QUESTIONS: [&str; 8] =
    ["pm list", "pm logs", "pm why", "pm describe", "pm status", "pm history", "curl ", "cat "];

fn source(language: &str) -> PathBuf {
    root().join("book").join(language).join("src")
}

/// The pages as the summary has them; their files are there, and no others.
fn pages(language: &str) -> Vec<String> {
    let folder = source(language);
    let summary = fs::read_to_string(folder.join("SUMMARY.md")).unwrap();
    let links = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let pages: Vec<String> = links.map(str::to_owned).collect();
    let (mut found, mut folders) = (Vec::new(), vec![folder.clone()]);
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut named: Vec<_> = [&pages[..], &["SUMMARY.md".to_owned()]].concat();
    found.sort();
    named.sort();
    assert_eq!(named, found, "book/{language}: SUMMARY.md and the pages that are there");
    pages
}

fn read(language: &str, page: &str) -> String {
    fs::read_to_string(source(language).join(page)).unwrap()
}

/// The page with free ports in place of its own, which all begin with 50: whoever listens there is not in the way.
fn on_free_ports(page: &str) -> String {
    let (mut out, mut free) = (String::new(), BTreeMap::new());
    let mut rest = page;
    while let Some(at) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let length = number.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(number.len());
        let (number, behind) = number.split_at(length);
        out += before;
        if number.len() == 4 && number.starts_with("50") {
            out += &free.entry(number).or_insert_with(free_port).to_string();
        } else {
            out += number;
        }
        rest = behind;
    }
    out + rest
}

fn steps_of(language: &str, page: &str) -> Vec<Step> {
    let steps = steps(&read(language, page));
    steps.unwrap_or_else(|wrong| panic!("book/{language}/src/{page}: {wrong}"))
}

/// Who follows a page.
struct Reader<'a> {
    page: &'a str,
    home: Home,
    folder: PathBuf,
    venv: &'a Path,
}

impl<'a> Reader<'a> {
    fn new(page: &'a str, venv: &'a Path) -> Self {
        let home = Home::new();
        fs::create_dir(home.work().with_file_name("bin")).unwrap();
        symlink(pm_testkit::pm(), home.work().with_file_name("bin/pm")).unwrap();
        let folder = home.work();
        Self { page, home, folder, venv }
    }

    fn follow(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::File { path, text } => {
                    self.home.file(self.folder.join(path), text);
                }
                Step::Commands(commands) => match &commands.why_not_run {
                    Some(why) => self.does_not_run(commands, why),
                    None => self.runs(commands),
                },
            }
        }
    }

    /// The reason has to hold for each command. Venvs that the reader makes of what is in the network are there.
    fn does_not_run(&self, commands: &Commands, why: &str) {
        let reason = NOT_RUN.iter().find(|(reason, _)| *reason == why);
        let (_, forms) = reason.unwrap_or_else(|| panic!("{}: no reason: {why}", self.page));
        for line in &commands.lines {
            let is_so = forms.iter().any(|form| line.contains(form));
            assert!(is_so, "{}: `{line}` is not run, but {why} is no reason", self.page);
            if let Some((_, path)) = line.split_once("python3 -m venv ") {
                symlink(self.venv, self.folder.join(path)).unwrap();
            }
        }
    }

    fn runs(&mut self, commands: &Commands) {
        let is_asked = |line: &String| QUESTIONS.iter().any(|question| line.starts_with(question));
        if commands.lines.iter().all(is_asked) {
            let what = format!("{}: {commands:?}", self.page);
            self.home.wait_until(&what, || self.is_as_promised(commands).is_ok());
        } else if let Err(why) = self.types(commands) {
            self.home.fail(&why);
        }
    }

    /// Types each line, the folder and nothing else being kept from one to the next.
    fn types(&mut self, commands: &Commands) -> Result<(), String> {
        let folder = self.is_as_promised(commands)?;
        self.folder = folder;
        Ok(())
    }

    /// The folder one is in afterwards.
    fn is_as_promised(&self, commands: &Commands) -> Result<PathBuf, String> {
        let (mut folder, mut told) = (self.folder.clone(), String::new());
        for (at, line) in commands.lines.iter().enumerate() {
            let (run, then) = self.sh(line, &folder);
            let is_last = at + 1 == commands.lines.len();
            let wanted = if is_last { commands.exits } else { 0 };
            let output = run.out();
            if run.code != wanted {
                return Err(format!("{}: `{line}` ends with {}:\n{output}", self.page, run.code));
            }
            told += &output;
            folder = then;
        }
        match broken(&commands.promise, &told) {
            Some(line) => {
                Err(format!("{}: {:?}: `{line}` is missing in\n{told}", self.page, commands.lines))
            }
            None => Ok(folder),
        }
    }

    fn sh(&self, line: &str, folder: &Path) -> (Run, PathBuf) {
        let there = self.home.work().with_file_name("folder");
        let script = format!("exec 2>&1\n{line}\ncode=$?\npwd >\"$0\"\nexit $code");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script]).arg(&there).current_dir(folder).env_clear();
        let home = self.home.work().parent().unwrap().to_path_buf();
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}/bin:{path}", home.display())).env("HOME", &home);
        command.env("PM_HOME", self.home.home().root()).env("XDG_RUNTIME_DIR", home.join("run"));
        let run = Invocation::new(command, self.home.home().root()).run();
        (run, fs::read_to_string(&there).unwrap().trim_end().into())
    }
}

#[test]
fn every_command_of_the_book_does_what_it_says() {
    let (venv, _) = super::article::venv();
    let pages = pages("en");
    let next = AtomicUsize::new(0);
    // One page's failure leaves the others to be seen.
    let follow_some = || {
        let mut broken = Vec::new();
        while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
            let follow = || {
                let steps = steps(&on_free_ports(&read("en", page)));
                let steps = steps.unwrap_or_else(|wrong| panic!("{page}: {wrong}"));
                Reader::new(page, &venv).follow(&steps);
            };
            broken.extend(
                std::panic::catch_unwind(AssertUnwindSafe(follow)).is_err().then_some(page),
            );
        }
        broken
    };
    let broken = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..TOGETHER).map(|_| scope.spawn(follow_some)).collect();
        readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(broken.is_empty(), "pages whose commands do something else: {broken:?}");
}

#[test]
fn the_book_is_the_same_in_both_languages() {
    let pages = pages("en");
    assert_eq!(pages, self::pages("zh"));
    for page in &pages {
        assert_eq!(steps_of("en", page), steps_of("zh", page), "{page}: commands and files");
        let (en, zh) = (read("en", page), read("zh", page));
        assert_eq!(shape(&en), shape(&zh), "{page}: headings and links");
    }
}

#[test]
fn what_is_promised_has_its_test() {
    let sources = super::tidy::files(".rs");
    for language in ["en", "zh"] {
        let page = read(language, "guarantees.md");
        let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert!(rows.len() > 5, "{language}: {rows:?}");
        for row in rows {
            let name = row.trim_end_matches("` |").rsplit('`').next().unwrap();
            let written = format!("\nfn {name}(");
            let is_there = sources.values().any(|text| text.contains(&written));
            assert!(is_there, "{language}: no test is called {name:?}: {row}");
        }
    }
}

#[test]
fn the_readme_is_the_same_in_both_languages() {
    let [en, zh] =
        ["README.md", "README.zh.md"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    // Each leads to the other one, and to the book in its own language.
    let zh = zh.replacen("](README.md)", "](README.zh.md)", 1).replace("book/zh", "book/en");
    assert_eq!(shape(&en), shape(&zh), "headings and links");
    let code = |text: &str| {
        let blocks = text.split("```").skip(1).step_by(2);
        let bare = |line: &str| line.split(" # ").next().unwrap_or_default().trim_end().to_owned();
        blocks.map(|block| block.lines().map(bare).collect()).collect::<Vec<Vec<String>>>()
    };
    assert_eq!(code(&en), code(&zh), "blocks of code without their comments");
}

/// What a translation leaves as it is: levels of headings, where links lead.
fn shape(text: &str) -> (Vec<usize>, Vec<&str>) {
    let (mut headings, mut is_code) = (Vec::new(), false);
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        let level = line.len() - line.trim_start_matches('#').len();
        if level > 0 && !is_code {
            headings.push(level);
        }
    }
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let mut links: Vec<&str> =
        links.map(|link| link.split('#').next().unwrap_or_default()).collect();
    links.sort_unstable();
    (headings, links)
}
