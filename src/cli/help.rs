//! The pages of `--help`: the facts are the grammar's, the layout is ours. Options stand in groups, texts are as wide as the
//! terminal, and below them stands what one would type.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cli;
use super::hosts::MANY;
use crate::called;
use crate::console;
use crate::render::text::width as cells;
use crate::words::{say, usage};

/// What can be typed, by subject; each command's page shows its own lines.
pub(crate) const EXAMPLES: &str = include_str!("help/examples.txt");

/// The commands by what they are for, in the order of `pm --help`.
pub(crate) const COMMANDS: [(&str, &[&str]); 7] = [
    (
        "Start and stop",
        &[
            "start",
            "stop",
            "restart",
            "reload",
            "startOrRestart",
            "startOrReload",
            "delete",
            "scale",
            "reset",
            "add",
            "up",
            "watch",
            "down",
            "apply",
            "run",
            "wait",
            "runtime",
            "dev",
            "serve",
            "web",
            "domain",
        ],
    ),
    (
        "Look",
        &[
            "list", "ps", "describe", "why", "history", "events", "logs", "monit", "env", "pid",
            "id", "top", "port", "report",
        ],
    ),
    ("Talk with apps", &["exec", "sendSignal", "send", "attach", "trigger", "inspect"]),
    ("Keep", &["save", "resurrect", "cleardump", "startup", "unstartup"]),
    ("Logs on disk", &["flush", "reloadLogs", "logrotate"]),
    (
        "Configs, settings and repositories",
        &[
            "init",
            "check",
            "import",
            "takeover",
            "export",
            "config",
            "set",
            "get",
            "unset",
            "multiset",
            "conf",
            "deploy",
            "pull",
            "backward",
            "forward",
            "bootstrap",
        ],
    ),
    (
        "More",
        &[
            "examples",
            "completion",
            "jlist",
            "prettylist",
            "slist",
            "ping",
            "update",
            "kill",
            "help",
        ],
    ),
];

/// Wider lines are hard to read.
const WIDEST: usize = 100;

/// Descriptions begin here at the latest.
const COLUMN: usize = 30;

/// The whole grammar with its pages, for this terminal.
pub(super) fn grammar() -> Command {
    with_pages(Cli::command(), console::columns().clamp(40, WIDEST))
}

/// The whole grammar with pages so wide.
pub(super) fn with_pages(mut all: Command, width: usize) -> Command {
    all = all.bin_name(called::name());
    all.build();
    let page = top(&mut all, width);
    all.override_help(page).mut_subcommands(|command| {
        let page = of_command(&mut command.clone(), width);
        command.override_help(page)
    })
}

/// `pm --help`.
fn top(all: &mut Command, width: usize) -> String {
    let mut page = head(all, width);
    for (heading, names) in COMMANDS {
        let commands = names.iter().filter_map(|name| all.find_subcommand(name));
        let told = |command: &Command| match aliases(command) {
            none if none.is_empty() => about(command),
            some => format!("{}{}", about(command), say(&format!("; also {some}"))),
        };
        let rows = commands.map(|command| (command.get_name().to_owned(), told(command)));
        section(&mut page, heading, rows.collect(), width);
    }
    options(&mut page, all, width);
    let many = all.get_arguments().filter(|arg| arg.get_help_heading() == Some(MANY));
    section(&mut page, MANY, many.map(|arg| (named(arg), told(arg))).collect(), width);
    let name = called::name();
    writeln!(
        page,
        "\n{}",
        say(&format!(
            "`{name} COMMAND --help` tells more, `{name} examples` shows what can be typed."
        ))
    )
    .ok();
    page
}

fn of_command(command: &mut Command, width: usize) -> String {
    let mut page = head(command, width);
    let aliases = aliases(command);
    if !aliases.is_empty() {
        writeln!(page, "{}", wrapped(&say(&format!("Also called: {aliases}")), width).join("\n"))
            .ok();
    }
    let words = command.get_positionals().filter(|arg| !arg.is_hide_set());
    let rows = words.map(|arg| (arg.to_string(), told(arg))).collect();
    section(&mut page, "Arguments", rows, width);
    section(&mut page, "Commands", inner(command, ""), width);
    options(&mut page, command, width);
    let examples = examples(command.get_name());
    if !examples.is_empty() {
        write!(page, "\n{}\n{examples}", say("Examples:")).ok();
    }
    page
}

/// The commands of a command, each with those of its own.
fn inner(command: &Command, before: &str) -> Vec<(String, String)> {
    let own = command.get_subcommands().filter(|one| one.get_name() != "help");
    let rows = own.flat_map(|one| {
        let name = format!("{before}{}", one.get_name());
        let further = inner(one, &format!("{name} "));
        if further.is_empty() { vec![(name, about(one))] } else { further }
    });
    rows.collect()
}

fn head(command: &mut Command, width: usize) -> String {
    let usage = usage(&command.render_usage().to_string());
    format!("{}\n\n{usage}\n", wrapped(&about(command), width).join("\n"))
}

fn about(command: &Command) -> String {
    command.get_about().map(|about| say(&about.to_string()).into_owned()).unwrap_or_default()
}

fn aliases(command: &Command) -> String {
    command.get_visible_aliases().collect::<Vec<_>>().join(", ")
}

/// The options under their headings, those without one first; those of every command are the last.
fn options(page: &mut String, command: &Command, width: usize) {
    let is_shown = |arg: &&Arg| {
        !arg.is_hide_set() && !arg.is_positional() && arg.get_help_heading() != Some(MANY)
    };
    let mut groups: Vec<(&str, Vec<(String, String)>)> = vec![("Options", Vec::new())];
    for arg in command.get_arguments().filter(is_shown) {
        let is_everywhere =
            arg.is_global_set() || matches!(arg.get_action(), ArgAction::Help | ArgAction::Version);
        let usual = if is_everywhere { "For every command" } else { "Options" };
        let heading = arg.get_help_heading().unwrap_or(usual);
        let name = named(arg);
        match groups.iter_mut().find(|(known, _)| *known == heading) {
            Some((_, rows)) => rows.push((name, told(arg))),
            None => groups.push((heading, vec![(name, told(arg))])),
        }
    }
    groups.sort_by_key(|(heading, _)| *heading == "For every command");
    for (heading, rows) in groups {
        section(page, heading, rows, width);
    }
}

/// How an option is typed.
fn named(arg: &Arg) -> String {
    let short = arg.get_short().map_or("    ".to_owned(), |short| format!("-{short}, "));
    if arg.get_long().is_some() { short + &arg.to_string() } else { arg.to_string() }
}

/// What an argument means, and how else it may be written.
fn told(arg: &Arg) -> String {
    let mut told =
        arg.get_help().map(|help| say(&help.to_string()).into_owned()).unwrap_or_default();
    let is_plain = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let values = arg.get_possible_values();
    if is_plain && !values.is_empty() {
        let values: Vec<_> = values.iter().map(|value| value.get_name().to_owned()).collect();
        write!(told, ": {}", values.join(", ")).ok();
    }
    for alias in arg.get_visible_aliases().unwrap_or_default() {
        told += &say(&format!("; also --{alias}"));
    }
    told
}

/// Rows in two columns; a long name has a line of its own.
fn section(page: &mut String, heading: &str, rows: Vec<(String, String)>, width: usize) {
    let names = rows.iter().map(|(name, _)| name.chars().count() + 4);
    let Some(column) = names.filter(|end| *end <= COLUMN).max().or(rows.first().map(|_| COLUMN))
    else {
        return;
    };
    writeln!(page, "\n{}", say(&format!("{heading}:"))).ok();
    for (name, told) in rows {
        let mut start = format!("  {name}");
        if start.chars().count() + 2 > column {
            writeln!(page, "{start}").ok();
            start.clear();
        }
        for line in wrapped(&told, width.saturating_sub(column)) {
            writeln!(page, "{start:column$}{line}").ok();
            start.clear();
        }
    }
}

/// A word as it may be divided: Chinese has no blanks, and a line may end behind any letter of it that no mark follows.
fn breakable(word: &str) -> impl Iterator<Item = &str> {
    const MARKS: &str = "，。；：、）”";
    let mut rest = word;
    std::iter::from_fn(move || {
        let mut letters = rest.char_indices().peekable();
        let mut end = rest.len();
        while let (Some((_, letter)), Some((at, next))) = (letters.next(), letters.peek().copied())
        {
            if !letter.is_ascii() && letter != '（' && letter != '“' && !MARKS.contains(next) {
                end = at;
                break;
            }
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Lines of at most so many columns, broken at blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (index, word) in text.split(' ').enumerate() {
        let mut blank = if index == 0 { "" } else { " " };
        for part in breakable(word) {
            let line = lines.last_mut().filter(|line| !line.is_empty());
            match line {
                Some(line) if cells(line) + blank.len() + cells(part) <= width => {
                    line.extend([blank, part]);
                }
                Some(_) => lines.push(part.to_owned()),
                None => lines.iter_mut().for_each(|line| line.push_str(part)),
            }
            blank = "";
        }
    }
    lines
}

/// The examples of one command.
pub(super) fn examples(command: &str) -> String {
    let own = |line: &&str| {
        let words = line.trim_start().strip_prefix("pm ");
        words.is_some_and(|words| words.split(' ').next() == Some(command))
    };
    let lines = EXAMPLES.lines().filter(own);
    let lines = lines.map(|line| line.replacen("pm ", &format!("{} ", called::name()), 1));
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_divided_between_letters_and_no_line_begins_with_a_mark() {
        let text = "启动应用：配置文件、脚本，或 `app.py --name` 这样的";
        let lines = wrapped(text, 16);
        assert!(lines.iter().all(|line| cells(line) <= 16), "{lines:?}");
        assert!(lines.iter().all(|line| !line.starts_with(['：', '、', '，'])), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    }
}
