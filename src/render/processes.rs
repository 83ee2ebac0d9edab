//! The processes of apps as a table, one a line.

use std::fmt::Write as _;

use pm_spec::Bytes;
use serde::Serialize;

use super::table::{Side, TableColumn, draw, fit};
use super::text::{Paint, one_line};
use crate::console::Look;

/// One process, and whose it is.
#[derive(Debug, Serialize)]
pub(crate) struct ShownProcess {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) ppid: i32,
    pub(crate) user: String,
    /// Per cent of one core since it began.
    pub(crate) cpu: f64,
    pub(crate) memory: u64,
    pub(crate) command: String,
}

/// The narrowest a command is cut.
const LEAST: usize = 12;

const COLUMNS: [(&str, Side); 8] = [
    ("id", Side::Right),
    ("name", Side::Left),
    ("pid", Side::Right),
    ("ppid", Side::Right),
    ("user", Side::Left),
    ("cpu", Side::Right),
    ("mem", Side::Right),
    ("command", Side::Left),
];

/// All of them; without a frame where the room is too short even for cut commands.
pub(crate) fn table(all: &[ShownProcess], look: Look) -> String {
    let column = |(head, side)| {
        let least = (head == "command").then_some(LEAST);
        let mut column = TableColumn::new(head, side, least);
        for one in all {
            column.add(|text| cell(text, head, one));
        }
        column
    };
    let columns = COLUMNS.map(column);
    let free = Look { width: None, boxes: false, ..look };
    let fitting = fit(&columns, look).map(|widths| (widths, look));
    let (widths, look) = fitting.unwrap_or_else(|| (fit(&columns, free).unwrap_or_default(), free));
    draw(&columns, &widths, look)
}

fn cell(text: &mut String, head: &str, one: &ShownProcess) -> Paint {
    match head {
        "id" => write!(text, "{}", one.id),
        "name" => text.write_str(&one_line(&one.name)),
        "pid" => write!(text, "{}", one.pid),
        "ppid" => write!(text, "{}", one.ppid),
        "user" => text.write_str(&one_line(&one.user)),
        "cpu" => write!(text, "{:.1}%", one.cpu),
        "mem" => write!(text, "{}", Bytes::new(one.memory)),
        _ => text.write_str(&one_line(&one.command)),
    }
    // A string takes everything.
    .ok();
    if head == "id" { Paint::Key } else { Paint::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: u32, pid: u32, command: &str) -> ShownProcess {
        let (name, user) = ("web".into(), "www".into());
        let command = command.into();
        ShownProcess { id, name, pid, ppid: 1, user, cpu: 12.34, memory: 3 << 20, command }
    }

    #[test]
    fn each_process_has_a_line_and_no_letter_of_it_steers_a_terminal() {
        let text = table(
            &[one(0, 7, "web --port 80"), one(1, 1234, "a\u{1b}[31m\nb")],
            Look { width: None, boxes: false, colour: false },
        );
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>().join(" "),
            "id name pid ppid user cpu mem command"
        );
        assert!(lines[1].ends_with("12.3%  3.0mb  web --port 80"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
