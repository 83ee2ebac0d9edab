//! Columns: boxed for people at a terminal, aligned by blanks for everything else.

use crate::render::text::{Paint, clip, width};
use crate::stage::Look;

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) paint: Paint,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, paint: Paint) -> Self {
        Self { text: text.into(), paint }
    }
}

/// Where a column's texts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A head, and a cell in each row.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) head: &'static str,
    pub(crate) side: Side,
    /// May be cut down to so many columns when the room is short; `None`: never.
    pub(crate) least: Option<usize>,
    pub(crate) cells: Vec<Cell>,
}

impl Column {
    fn natural(&self) -> usize {
        let widest = self.cells.iter().map(|cell| width(&cell.text)).max().unwrap_or(0);
        widest.max(width(self.head))
    }
}

/// What frames and gaps cost beside the texts: `│ a │ b │`.
fn frame(columns: usize) -> usize {
    3 * columns + 1
}

/// The widths of the columns within `room`, or `None` if they don't fit even when cut.
pub(crate) fn fit(columns: &[Column], room: Option<usize>) -> Option<Vec<usize>> {
    let mut widths: Vec<_> = columns.iter().map(Column::natural).collect();
    let Some(room) = room else { return Some(widths) };
    let mut excess = (widths.iter().sum::<usize>() + frame(columns.len())).saturating_sub(room);
    for (width, column) in widths.iter_mut().zip(columns) {
        if let Some(least) = column.least {
            let give = excess.min(width.saturating_sub(least));
            *width -= give;
            excess -= give;
        }
    }
    (excess == 0).then_some(widths)
}

/// Draws the columns in these widths.
pub(crate) fn draw(columns: &[Column], widths: &[usize], look: Look) -> String {
    let heads: Vec<_> = columns.iter().map(|column| Cell::new(column.head, Paint::Head)).collect();
    let mut table = String::new();
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let line = |cells: &[&Cell]| row(columns, cells, widths, look);
    if look.boxes {
        table.push_str(&rule(widths, ['┌', '┬', '┐'], look));
    }
    table.push_str(&line(&heads.iter().collect::<Vec<_>>()));
    if look.boxes {
        table.push_str(&rule(widths, ['├', '┼', '┤'], look));
    }
    for index in 0..rows {
        let cells: Vec<_> = columns.iter().filter_map(|column| column.cells.get(index)).collect();
        table.push_str(&line(&cells));
    }
    if look.boxes {
        table.push_str(&rule(widths, ['└', '┴', '┘'], look));
    }
    table
}

fn rule(widths: &[usize], [left, middle, right]: [char; 3], look: Look) -> String {
    let bars: Vec<_> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
    let rule = format!("{left}{}{right}", bars.join(&middle.to_string()));
    Paint::Dim.on(&rule, look.colour) + "\n"
}

fn row(columns: &[Column], cells: &[&Cell], widths: &[usize], look: Look) -> String {
    let mut parts = Vec::with_capacity(cells.len());
    for ((column, cell), room) in columns.iter().zip(cells).zip(widths) {
        let text = clip(&cell.text, *room);
        let blanks = " ".repeat(room.saturating_sub(width(&text)));
        let painted = cell.paint.on(&text, look.colour);
        parts.push(match column.side {
            Side::Left => painted + &blanks,
            Side::Right => blanks + &painted,
        });
    }
    if look.boxes {
        let bar = Paint::Dim.on("│", look.colour);
        format!("{bar} {} {bar}\n", parts.join(&format!(" {bar} ")))
    } else {
        format!("{}\n", parts.join("  ").trim_end())
    }
}
