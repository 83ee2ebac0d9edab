//! Columns: boxed for people at a terminal, aligned by blanks for everything else.

use std::borrow::Cow;

use crate::console::Look;
use crate::render::text::{Paint, clip, width};
use crate::words;

/// Where a column's texts stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A head, and a cell in each row. The texts lie in one string: a list of a thousand apps is drawn in well under a
/// millisecond, most of which separate strings would cost.
#[derive(Debug)]
pub(crate) struct TableColumn {
    head: &'static str,
    side: Side,
    /// May be cut down to so many columns when the room is short; `None`: never.
    least: Option<usize>,
    texts: String,
    cells: Vec<Cell>,
    widest: usize,
}

#[derive(Debug)]
struct Cell {
    end: usize,
    width: usize,
    paint: Paint,
}

impl TableColumn {
    pub(crate) fn new(head: &'static str, side: Side, least: Option<usize>) -> Self {
        Self { head, side, least, texts: String::new(), cells: Vec::new(), widest: 0 }
    }

    /// Its head: programs that cut columns by blanks know the English one.
    fn head(&self, look: Look) -> Cow<'static, str> {
        if look.boxes { words::say(self.head) } else { self.head.into() }
    }

    /// One more cell, whose text `fill` appends.
    pub(crate) fn add(&mut self, fill: impl FnOnce(&mut String) -> Paint) {
        let from = self.texts.len();
        let paint = fill(&mut self.texts);
        let width = width(self.texts.get(from..).unwrap_or_default());
        self.cells.push(Cell { end: self.texts.len(), width, paint });
        self.widest = self.widest.max(width);
    }

    fn text(&self, index: usize) -> &str {
        let end = self.cells.get(index).map_or(0, |cell| cell.end);
        let before = index.checked_sub(1).and_then(|before| self.cells.get(before));
        self.texts.get(before.map_or(0, |cell| cell.end)..end).unwrap_or_default()
    }
}

/// What frames and gaps cost beside the texts: `│ a │ b │`.
fn frame(columns: usize) -> usize {
    3 * columns + 1
}

/// The widths of the columns within the room there is, or `None` if they don't fit even when cut.
pub(crate) fn fit(columns: &[TableColumn], look: Look) -> Option<Vec<usize>> {
    let widest = |column: &TableColumn| column.widest.max(width(&column.head(look)));
    let mut widths: Vec<_> = columns.iter().map(widest).collect();
    let Some(room) = look.width else { return Some(widths) };
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
pub(crate) fn draw(columns: &[TableColumn], widths: &[usize], look: Look) -> String {
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let mut out = String::with_capacity((rows + 4) * (widths.iter().sum::<usize>() + 64));
    if look.boxes {
        rule(&mut out, widths, ['┌', '┬', '┐'], look);
    }
    line(&mut out, columns, widths, look, |column| {
        let head = column.head(look);
        let width = width(&head);
        (head, width, Paint::Head)
    });
    if look.boxes {
        rule(&mut out, widths, ['├', '┼', '┤'], look);
    }
    for index in 0..rows {
        line(&mut out, columns, widths, look, |column| {
            let cell = column.cells.get(index);
            let (width, paint) = cell.map_or((0, Paint::Plain), |cell| (cell.width, cell.paint));
            (column.text(index).into(), width, paint)
        });
    }
    if look.boxes {
        rule(&mut out, widths, ['└', '┴', '┘'], look);
    }
    out
}

fn rule(out: &mut String, widths: &[usize], [left, middle, right]: [char; 3], look: Look) {
    let bars: Vec<_> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
    let rule = format!("{left}{}{right}", bars.join(&middle.to_string()));
    Paint::Dim.push(out, &rule, look.colour);
    out.push('\n');
}

fn line<'a>(
    out: &mut String,
    columns: &'a [TableColumn],
    widths: &[usize],
    look: Look,
    cell: impl Fn(&'a TableColumn) -> (Cow<'a, str>, usize, Paint),
) {
    let start = out.len();
    for (index, (column, room)) in columns.iter().zip(widths).enumerate() {
        if look.boxes {
            Paint::Dim.push(out, "│", look.colour);
            out.push(' ');
        } else if index > 0 {
            out.push_str("  ");
        }
        let (text, wide, paint) = cell(column);
        if wide > *room {
            let clipped = clip(&text, *room);
            paint.push(out, &clipped, look.colour);
            blanks(out, room - width(&clipped).min(*room));
        } else if column.side == Side::Right {
            blanks(out, room - wide);
            paint.push(out, &text, look.colour);
        } else {
            paint.push(out, &text, look.colour);
            blanks(out, room - wide);
        }
        if look.boxes {
            out.push(' ');
        }
    }
    if look.boxes {
        Paint::Dim.push(out, "│", look.colour);
    } else {
        let end = out.trim_end_matches(' ').len();
        out.truncate(end.max(start));
    }
    out.push('\n');
}

fn blanks(out: &mut String, mut count: usize) {
    // As many at once as are usual in a cell.
    const BLANKS: &str = "                                ";
    while count > BLANKS.len() {
        out.push_str(BLANKS);
        count -= BLANKS.len();
    }
    out.push_str(BLANKS.get(..count).unwrap_or(BLANKS));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(head: &'static str, side: Side, texts: [&str; 2]) -> TableColumn {
        let mut column = TableColumn::new(head, side, None);
        for text in texts {
            column.add(|cell| {
                cell.push_str(text);
                Paint::Plain
            });
        }
        column
    }

    #[test]
    fn wide_letters_in_heads_and_cells_leave_the_table_straight() {
        let name = column("名称", Side::Left, ["web", "订单服务"]);
        let columns = [name, column("运行时长", Side::Right, ["1s", "9m"])];
        let look = Look { width: Some(80), boxes: true, colour: false };
        let drawn = draw(&columns, &fit(&columns, look).unwrap(), look);
        let lines: Vec<_> = drawn.lines().map(width).collect();
        assert_eq!(lines, [lines[0]; 6], "{drawn}");
        assert!(drawn.contains("│ 名称     │ 运行时长 │\n"), "{drawn}");
    }
}
