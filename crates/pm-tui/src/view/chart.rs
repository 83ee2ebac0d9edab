//! Figures over time as blocks. No axes: the label beside says what the peak is.

use crate::instances::TimeSeries;

const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// So many rows of so many columns, the newest on the right; `ceiling` fills a column.
pub(super) fn chart(
    history: &TimeSeries,
    width: usize,
    height: usize,
    ceiling: f32,
) -> Vec<String> {
    let figures: Vec<f32> = history.last(width).collect();
    let missing = width.saturating_sub(figures.len());
    (0..height)
        .rev()
        .map(|row| {
            let blanks = std::iter::repeat_n(' ', missing);
            blanks.chain(figures.iter().map(|figure| cell(*figure, ceiling, row, height))).collect()
        })
        .collect()
}

/// One row of it.
pub(super) fn spark(history: &TimeSeries, width: usize, ceiling: f32) -> String {
    chart(history, width, 1, ceiling).pop().unwrap_or_default()
}

/// The character of a column in this row, counted from below.
fn cell(figure: f32, ceiling: f32, row: usize, height: usize) -> char {
    let rows = u16::try_from(height).unwrap_or(u16::MAX);
    let steps = f32::from(rows) * 8.0;
    let share = if ceiling > 0.0 { (figure / ceiling).clamp(0.0, 1.0) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to steps")]
    let filled = (share * steps).round() as usize;
    // What is there at all shows on the ground.
    let filled = if figure > 0.0 && ceiling > 0.0 { filled.max(1) } else { filled };
    LEVELS.get(filled.saturating_sub(row * 8).min(8)).copied().unwrap_or(' ')
}

/// A bar of so many columns filled to a share of 0 to 100 per cent, with eighths.
pub(super) fn bar(percent: f32, width: u16) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let steps = f32::from(width) * 8.0 * (percent / 100.0).clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8 widths")]
    let steps = steps.round() as usize;
    let mut text = "█".repeat(steps / 8);
    if !steps.is_multiple_of(8) {
        text.extend(EIGHTHS.get(steps % 8));
    }
    let used = steps.div_ceil(8);
    text.extend(std::iter::repeat_n(' ', usize::from(width).saturating_sub(used)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_become_blocks() {
        let mut history = TimeSeries::default();
        for figure in [0.0, 1.0, 50.0, 100.0, 900.0] {
            history.push(figure);
        }
        assert_eq!(spark(&history, 6, 100.0), "  ▁▄██");
        assert_eq!(chart(&history, 3, 2, 100.0), [" ██", "███"]);
        assert_eq!(spark(&history, 2, 0.0), "  ");
        assert!(chart(&history, 0, 0, 1.0).is_empty());
        assert_eq!(bar(50.0, 4), "██  ");
        assert_eq!(bar(55.0, 4), "██▎ ");
        assert_eq!(bar(300.0, 2), "██");
        assert_eq!(bar(f32::NAN, 2).chars().count(), 2);
    }
}
