//! Report -> text. Pure: how wide, whether coloured and what time it is are inputs.

mod describe;
mod inspect;
mod jlist;
mod json;
mod list;
mod machine;
mod mini;
mod outcomes;
mod plan;
mod pulse;
mod rehearsal;
mod round;
mod table;
mod text;

pub(crate) use json::json;
pub(crate) use list::Order;
pub(crate) use text::{Paint, safe, safe_text, width as columns};

use pm_protocol::Descriptions;

use crate::console::Look;
use crate::report::{Checked, Report};

/// The report as people read it, with its final newline; empty if there is nothing to say.
pub(crate) fn text(report: &Report, look: Look, mini: bool) -> String {
    match report {
        Report::List(listing) if mini => mini::rows(listing, look),
        Report::Blocks(descriptions) => mini::blocks(descriptions, look),
        Report::List(listing) => list::list(listing, look),
        Report::Jlist(descriptions, nodes) => jlist::jlist(descriptions, nodes),
        Report::Prettylist(descriptions, nodes) => {
            inspect::inspect(&jlist::entries(descriptions, nodes)) + "\n"
        }
        Report::Machine(host) => inspect::inspect(&machine::machine(host)) + "\n",
        Report::MachineTree(host) => machine::tree(host),
        Report::Described(descriptions, nodes) => describe::describe(descriptions, nodes, look),
        Report::Done(done) => outcomes::done(done, look, mini),
        Report::Triggered(it) => round::round(it),
        // PM2's words, for scripts that compare them.
        Report::Pong(_) => "{ msg: 'pong' }\n".into(),
        Report::Flushed(files, _) if files.is_empty() => "nothing to flush\n".into(),
        Report::Flushed(files, parts) => {
            let parts =
                (*parts > 0).then(|| format!("removed {}", text::count(*parts, "rotated part")));
            lines(files.iter().map(|file| format!("flushed {}", safe(file))).chain(parts))
        }
        Report::Saved(saved) => {
            format!("saved {} in {}\n", text::count(saved.instances, "instance"), safe(&saved.file))
        }
        Report::Pids(pids) if pids.is_empty() => "\n".into(),
        Report::Pids(pids) => lines(pids.iter().map(u32::to_string)),
        Report::Ids(ids) if ids.is_empty() => "[]\n".into(),
        Report::Ids(ids) => {
            let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
            format!("[ {} ]\n", ids.join(", "))
        }
        Report::Env(env) => {
            lines(env.iter().map(|(name, value)| format!("{name}: {}", safe(value))))
        }
        Report::Said { text, .. } => format!("{text}\n"),
        Report::Rehearsed(it) => rehearsal::rehearsal(it, look),
        Report::Text(text) | Report::Page { text, .. } | Report::Paste(text) => text.clone(),
        Report::Checked(files) => files.iter().map(checked).collect(),
        Report::Plan(plan) => plan::plan(plan, look),
        Report::Ended(_) | Report::Nothing => String::new(),
    }
}

/// The list as PM2 saves it.
pub(crate) fn dump(descriptions: &Descriptions) -> String {
    format!("{:#}\n", jlist::dump(descriptions))
}

/// The last words of what failed; they go to stderr, after the failures themselves where nothing else is shown.
pub(crate) fn tails(report: &Report, look: Look, silent: bool) -> String {
    match report {
        Report::Done(done) if silent => outcomes::failures(done) + &outcomes::tails(done, look),
        Report::Done(done) => outcomes::tails(done, look),
        Report::Triggered(it) => round::silence(it),
        Report::List(_)
        | Report::Jlist(..)
        | Report::Prettylist(..)
        | Report::Blocks(_)
        | Report::Machine(_)
        | Report::MachineTree(_)
        | Report::Described(..)
        | Report::Pong(_)
        | Report::Flushed(..)
        | Report::Saved(_)
        | Report::Pids(_)
        | Report::Ids(_)
        | Report::Env(_)
        | Report::Said { .. }
        | Report::Text(_)
        | Report::Page { .. }
        | Report::Paste(_)
        | Report::Rehearsed(_)
        | Report::Checked(_)
        | Report::Ended(_)
        | Report::Plan(_)
        | Report::Nothing => String::new(),
    }
}

fn checked(file: &Checked) -> String {
    let mut text = lines(file.problems.iter().cloned());
    match &file.apps {
        Some(apps) => {
            let many = text::count(u32::try_from(apps.len()).unwrap_or(u32::MAX), "app");
            text.extend([&file.file, ": ", &many, ": ", &apps.join(", "), "\n"]);
        }
        None => text.extend([&file.file, ": can't be used\n"]),
    }
    text
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod page_tests;
