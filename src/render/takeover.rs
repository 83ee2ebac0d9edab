//! What `pm takeover` would do, and what it did.

use serde_json::{Value, json};

use crate::console::Look;
use crate::render::safe_text;
use crate::render::table::{Side, TableColumn, draw, fit};
use crate::render::text::{Paint, count};

/// What is to be done with a manager's programs.
#[derive(Debug)]
pub(crate) struct TakeoverPlan {
    /// As people call the manager.
    pub(crate) from: &'static str,
    /// Its file, or its home.
    pub(crate) place: String,
    /// Whether all stop before the first starts.
    pub(crate) at_once: bool,
    pub(crate) moves: Vec<PlannedMove>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct PlannedMove {
    pub(crate) name: String,
    /// Where it stands there.
    pub(crate) there: String,
    /// What it becomes here.
    pub(crate) here: &'static str,
    /// What differs, or why it stays.
    pub(crate) notes: Vec<String>,
}

/// What stays the other manager's.
pub(crate) const STAYS: &str = "stays there";

/// What was done.
#[derive(Debug)]
pub(crate) struct TakeoverResult {
    pub(crate) from: &'static str,
    /// As it is typed.
    pub(crate) word: &'static str,
    pub(crate) moved: Vec<(String, Vec<u32>)>,
    pub(crate) planned: usize,
    pub(crate) stuck: Vec<Stuck>,
    /// What is still there.
    pub(crate) stays: Vec<String>,
    /// What people have to do there, if all went well.
    pub(crate) farewell: Vec<String>,
}

/// One that did not move.
#[derive(Debug)]
pub(crate) struct Stuck {
    pub(crate) name: String,
    pub(crate) why: String,
    /// What it wrote last, in lines.
    pub(crate) words: String,
    /// Why it is not where it was, if it is not.
    pub(crate) nowhere: Option<String>,
}

/// A table, and in a sentence how it will go.
pub(crate) fn plan(plan: &TakeoverPlan, look: Look) -> String {
    let from = plan.from;
    let how = if plan.at_once {
        format!("All are stopped in {from}, then all are started here.")
    } else {
        format!("One by one: stopped in {from}, started here, and when it is ready the next.")
    };
    table(plan, ["in there", "here"], look)
        + &how
        + "\nA process that runs can't change its parent, so each begins anew.\n"
}

/// The same of the way back.
pub(crate) fn undo_plan(plan: &TakeoverPlan, look: Look) -> String {
    table(plan, ["there", "here"], look)
}

fn table(plan: &TakeoverPlan, heads: [&'static str; 2], look: Look) -> String {
    let mut columns = [("program", None), (heads[0], None), (heads[1], None), ("note", Some(12))]
        .map(|(head, least)| TableColumn::new(head, Side::Left, least));
    for one in &plan.moves {
        let paint = match one.here {
            "online" => Paint::Good,
            STAYS | "deleted" => Paint::Wait,
            _ => Paint::Plain,
        };
        let notes = one.notes.join("; ");
        let cells = [
            (one.name.as_str(), Paint::Key),
            (one.there.as_str(), Paint::Plain),
            (one.here, paint),
            (notes.as_str(), Paint::Plain),
        ];
        for (column, (text, paint)) in columns.iter_mut().zip(cells) {
            column.add(|cell| {
                cell.push_str(&safe_text(text));
                paint
            });
        }
    }
    let head = format!("{}, {}:\n", plan.from, safe_text(&plan.place));
    // Where it does not fit lines may be longer than the room.
    let free = Look { width: None, boxes: false, ..look };
    let fitting = fit(&columns, look).map(|widths| (widths, look));
    let (widths, look) = fitting.unwrap_or_else(|| (fit(&columns, free).unwrap_or_default(), free));
    head + &draw(&columns, &widths, look)
}

/// For programs.
pub(crate) fn json(plan: &TakeoverPlan) -> Value {
    let one = |it: &PlannedMove| json!({ "name": it.name, "there": it.there, "here": it.here, "notes": it.notes });
    let moves: Vec<_> = plan.moves.iter().map(one).collect();
    json!({ "from": plan.from, "place": plan.place, "at_once": plan.at_once, "programs": moves })
}

/// What moved, what did not and why, and what comes next.
pub(crate) fn result(result: &TakeoverResult, look: Look) -> String {
    let from = result.from;
    let mut text = failures(&result.stuck, (from, "here"), look);
    let moved: Vec<_> = result.moved.iter().map(|(name, _)| safe_text(name)).collect();
    let all = count(result.planned, "program");
    text.extend([match moved.as_slice() {
        [] => format!("none of {all} moved\n"),
        moved => format!("{} of {all} moved here: {}\n", moved.len(), moved.join(", ")),
    }]);
    if !result.stuck.is_empty() {
        let again = format!("`pm takeover {}` goes on", result.word);
        let undo =
            if moved.is_empty() { "" } else { ", `pm takeover --undo` gives back what moved" };
        return format!("{text}{again}{undo}\n");
    }
    if !result.stays.is_empty() {
        let stays: Vec<_> = result.stays.iter().map(|name| safe_text(name)).collect();
        return text + &format!("{from} keeps {}\n", stays.join(", ")) + &undo_line();
    }
    text.extend([format!(
        "{from} would start them again when it begins anew. When all is well, on your word:\n"
    )]);
    for line in &result.farewell {
        text.extend(["  ", line, "\n"]);
    }
    text + "  pm save && pm startup      # so that they come back here after a boot\n"
        + &undo_line()
}

fn undo_line() -> String {
    "`pm takeover --undo` gives them back\n".into()
}

fn failures(stuck: &[Stuck], (from, place): (&str, &str), look: Look) -> String {
    let mut text = String::new();
    for Stuck { name, why, words, nowhere } in stuck {
        let sign = Paint::Bad.on("✗", look.colour);
        let name = safe_text(name);
        text.extend([format!(
            "{sign} {name} did not come up {place}: {}\n{words}",
            safe_text(why)
        )]);
        text.extend([match nowhere {
            None => format!("  it is in {from} again as it was\n"),
            Some(why) => format!(
                "  and it is not up in {from}: {}\n  `pm takeover --undo` tries that again\n",
                safe_text(why)
            ),
        }]);
    }
    text
}

/// For programs.
pub(crate) fn result_json(result: &TakeoverResult) -> Value {
    let moved: Vec<_> =
        result.moved.iter().map(|(name, pids)| json!({ "name": name, "pids": pids })).collect();
    json!({
        "from": result.from, "moved": moved, "failed": stuck_json(&result.stuck),
        "stays": result.stays, "next": result.farewell,
    })
}

fn stuck_json(stuck: &[Stuck]) -> Vec<Value> {
    let one = |it: &Stuck| json!({ "name": it.name, "why": it.why, "back": it.nowhere.is_none() });
    stuck.iter().map(one).collect()
}

/// What an undo gave back.
pub(crate) fn undone(back: &[String], stuck: &[Stuck], look: Look) -> String {
    let mut text = String::new();
    for Stuck { name, why, .. } in stuck {
        let sign = Paint::Bad.on("✗", look.colour);
        text.extend([format!("{sign} {}: {}\n", safe_text(name), safe_text(why))]);
    }
    let names: Vec<_> = back.iter().map(|name| safe_text(name)).collect();
    if !names.is_empty() {
        text.extend([format!(
            "gave back {}: {}\n",
            count(names.len(), "program"),
            names.join(", ")
        )]);
    }
    if !stuck.is_empty() {
        text += "`pm takeover --undo` tries again what did not work\n";
    }
    text
}

/// For programs.
pub(crate) fn undone_json(back: &[String], stuck: &[Stuck]) -> Value {
    json!({ "back": back, "failed": stuck_json(stuck) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { width: None, boxes: false, colour: false };

    #[test]
    fn a_plan_is_a_table() {
        let one = |name: &str, there: &str, here, notes: &[&str]| PlannedMove {
            name: name.into(),
            there: there.into(),
            here,
            notes: notes.iter().map(ToString::to_string).collect(),
        };
        let it = TakeoverPlan {
            from: "Supervisor",
            place: "/etc/supervisord.conf".into(),
            at_once: false,
            moves: vec![
                one("web:web_00", "RUNNING", "online", &["user: how"]),
                one("fast", "FATAL", STAYS, &["why"]),
            ],
        };
        let expected = "\
Supervisor, /etc/supervisord.conf:
program     in there  here         note
web:web_00  RUNNING   online       user: how
fast        FATAL     stays there  why
One by one: stopped in Supervisor, started here, and when it is ready the next.
A process that runs can't change its parent, so each begins anew.
";
        assert_eq!(plan(&it, LOOK), expected);
        assert_eq!(json(&it)["programs"][1]["here"], "stays there");
    }

    #[test]
    fn what_did_not_move_is_told_with_where_it_is() {
        let stuck = |nowhere| Stuck {
            name: "db".into(),
            why: "exit code 3".into(),
            words: String::new(),
            nowhere,
        };
        let mut it = TakeoverResult {
            from: "PM2",
            word: "pm2",
            moved: vec![("web".into(), vec![7])],
            planned: 3,
            stuck: vec![stuck(None)],
            stays: Vec::new(),
            farewell: vec!["pm2 kill".into()],
        };
        let expected = "\
✗ db did not come up here: exit code 3
  it is in PM2 again as it was
1 of 3 programs moved here: web
`pm takeover pm2` goes on, `pm takeover --undo` gives back what moved
";
        assert_eq!(result(&it, LOOK), expected);
        it.stuck = vec![stuck(Some("gone".into()))];
        assert!(result(&it, LOOK).contains("and it is not up in PM2: gone"));
        it.stuck.clear();
        let text = result(&it, LOOK);
        assert!(text.contains("  pm2 kill\n") && text.contains("pm startup"), "{text}");
    }
}
