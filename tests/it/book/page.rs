//! A page of the book as the tests read it: its files, its commands, and what it promises of them.

/// What a page asks its reader to do, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A block whose first line is a comment with a path: a file with this text.
    File { path: String, text: String },
    /// A block of commands, and the block of output behind it.
    Commands(Commands),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Commands {
    /// Without comments; a line that goes on is one.
    pub(super) lines: Vec<String>,
    /// `<!-- exits: 1 -->`: what the last of them ends with.
    pub(super) exits: i32,
    /// `<!-- not run: root -->`: why no test can run them.
    pub(super) why_not_run: Option<String>,
    /// Lines of output; `...` stands for anything.
    pub(super) promise: Vec<String>,
}

/// The steps of a page, or what is wrong with its blocks.
pub(super) fn steps(page: &str) -> Result<Vec<Step>, String> {
    let (mut steps, mut exits, mut why_not_run) = (Vec::new(), 0, None);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(note) = note(line, "exits") {
            exits = note.parse().map_err(|_| format!("no exit code: {line}"))?;
        } else if let Some(note) = note(line, "not run") {
            why_not_run = Some(note.to_owned());
        } else if let Some(language) = line.trim_start().strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            match language {
                "sh" => steps.push(Step::Commands(Commands {
                    lines: commands(&block),
                    exits: std::mem::take(&mut exits),
                    why_not_run: why_not_run.take(),
                    promise: Vec::new(),
                })),
                "text" => match steps.last_mut() {
                    Some(Step::Commands(before)) if before.promise.is_empty() => {
                        before.promise = block.iter().map(|line| one_blank(line)).collect();
                    }
                    _ => return Err(format!("output of no command: {block:?}")),
                },
                _ => steps.push(file(&block)?),
            }
        }
    }
    Ok(steps)
}

/// `<!-- NAME: VALUE -->`
fn note<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.strip_prefix(name)?.strip_prefix(": ")
}

fn file(block: &[&str]) -> Result<Step, String> {
    let first = block.first().copied().unwrap_or_default();
    let path = ["// ", "# ", "; "].iter().find_map(|sign| first.strip_prefix(sign));
    let path = path.filter(|path| !path.is_empty() && !path.contains(' '));
    let path = path.ok_or_else(|| format!("a block without the name of its file: {block:?}"))?;
    Ok(Step::File { path: path.to_owned(), text: block.join("\n") + "\n" })
}

fn commands(block: &[&str]) -> Vec<String> {
    let joined = block.join("\n").replace("\\\n", " ");
    let bare = joined.lines().map(|line| line.split(" # ").next().unwrap_or_default());
    bare.map(one_blank).filter(|line| !line.is_empty() && !line.starts_with("# ")).collect()
}

/// Tables are as wide as the machine's longest name: how many blanks there are means nothing.
fn one_blank(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first promised line that does not occur in the output, behind the ones before it.
pub(super) fn broken<'a>(promise: &'a [String], output: &str) -> Option<&'a str> {
    let mut told = output.lines().map(one_blank);
    promise.iter().find(|line| !told.any(|told| fits(line, &told))).map(String::as_str)
}

/// Whether a whole line is as promised.
fn fits(promised: &str, told: &str) -> bool {
    let parts: Vec<&str> = promised.split("...").map(str::trim).collect();
    let [first, middle @ .., last] = &parts[..] else { return promised == told };
    let Some(mut rest) = told.strip_prefix(first) else { return false };
    for part in middle {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(last)
}

#[test]
fn a_page_is_read_as_it_is_meant() {
    let page = "# Title\n\n```python\n# a/app.py\nprint()\n```\n<!-- exits: 1 -->\n```sh\n# all\nrun a \\\n  b    # why\n```\n\n```text\nx ... z\n```\n";
    let file = Step::File { path: "a/app.py".into(), text: "# a/app.py\nprint()\n".into() };
    let promise = vec!["x ... z".to_owned()];
    let run = Commands { lines: vec!["run a b".into()], exits: 1, why_not_run: None, promise };
    assert_eq!(steps(page), Ok(vec![file, Step::Commands(run)]));
    for wrong in ["```text\nx\n```", "```json5\n{}\n```"] {
        assert!(steps(wrong).is_err(), "{wrong}");
    }
    let promise = ["a ... c", "... end", "whole"].map(String::from);
    assert_eq!(broken(&promise, "a   b c\nthe end\nwhole\n"), None);
    assert_eq!(broken(&promise, "the end\na b c\nwhole"), Some("... end"));
    assert_eq!(broken(&promise, "a b c\nthe end\nnot whole"), Some("whole"));
}
