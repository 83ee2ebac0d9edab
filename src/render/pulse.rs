//! What an app says about itself: actions it offers and what it measures, under PM2's headings. All of it is the
//! app's own text.

use pm_protocol::Pulse;

use crate::called;
use crate::console::Look;
use crate::render::text::{Paint, fitted, safe_text, width};

/// A column of names is no wider than this.
const WIDEST: usize = 32;

/// Both blocks; nothing of an app that says nothing.
pub(crate) fn pulse(pulse: &Pulse, app: &str, look: Look) -> String {
    let mut text = String::new();
    let actions = pulse.actions().map(|(name, comment)| (name, comment.unwrap_or("").to_owned()));
    let actions: Vec<_> = actions.collect();
    if !actions.is_empty() {
        text.push_str(&block("Actions available", &actions, look));
        let how = format!("  {} trigger {} <action_name>\n", called::name(), safe_text(app));
        text.push_str(&Paint::Dim.on(&how, look.colour));
    }
    let figures: Vec<_> = pulse.figures().collect();
    if !figures.is_empty() {
        text.push_str(&block("Code metrics value", &figures, look));
    }
    text
}

fn block(title: &str, entries: &[(&str, String)], look: Look) -> String {
    let mut text = Paint::Head.on(title, look.colour) + "\n";
    let shown: Vec<_> =
        entries.iter().map(|(name, value)| (safe_text(name), safe_text(value))).collect();
    let column = shown.iter().map(|(name, _)| width(name)).max().unwrap_or(0).min(WIDEST);
    for (name, value) in &shown {
        let blanks = " ".repeat(column.saturating_sub(width(name)));
        let line = format!("  {name}{blanks}  {value}");
        text.extend([fitted(&line, look).trim_end(), "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn actions_and_figures_are_shown_and_harm_no_terminal() {
        let of = |value| serde_json::from_value::<Pulse>(value).unwrap();
        let look = Look { width: Some(60), boxes: false, colour: false };
        assert_eq!(pulse(&Pulse::default(), "web", look), "");
        let shown = pulse(
            &of(json!({
                "actions": [
                    {"action_name": "db:clean", "opts": {"comment": "empties\u{1b}[2J it"}},
                    {"action_name": "gc\nrm"}, {"nameless": 1}, 7,
                ],
                "monitor": {
                    "Loop": {"value": "1.2", "unit": "ms"}, "plain": {"value": 7}, "bare": 3,
                    "odd": {"value": {"a": [1]}}, "\u{9b}31mlong": {"value": "x".repeat(200)},
                },
            })),
            "web",
            look,
        );
        let lines: Vec<_> = shown.lines().collect();
        let words: Vec<Vec<&str>> =
            lines.iter().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[..2], ["Actions available", "  db:clean  empties it"]);
        assert_eq!(
            lines[2..5],
            ["  gc rm", "  pm trigger web <action_name>", "Code metrics value"]
        );
        assert_eq!(words[5..7], [vec!["Loop", "1.2", "ms"], vec!["bare", "3"]]);
        assert_eq!(words[7..9], [vec!["odd", "{\"a\":[1]}"], vec!["plain", "7"]]);
        assert!(!shown.contains(['\u{1b}', '\u{9b}']) && width(lines[9]) <= 60, "{shown}");
    }
}
