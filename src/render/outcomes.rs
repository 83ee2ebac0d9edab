//! What became of each instance, one line each, then the list as it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use pm_client::{Colours, plain};
use pm_protocol::{Listing, Outcome, What};
use pm_spec::{ByteString, Signal};
use serde_json::{Value, json};

use crate::called::as_called;
use crate::console::{Console, Look};
use crate::failure::Exit;
use crate::render::json::{text as text_of, value};
use crate::render::plan::Planned;
use crate::render::text::{Paint, safe, safe_text};
use crate::render::{list, mini, plan};
use crate::report::Report;
use crate::words::{say, talk};

/// More lines than this say less than their sum.
const MOST: usize = 20;

/// What became of each instance, and how things stand now.
#[derive(Debug, Default)]
pub(crate) struct Completed {
    /// In order of id.
    pub(crate) outcomes: Vec<Outcome>,
    /// The list afterwards, if it was asked for.
    pub(crate) listing: Option<Listing>,
    /// The last lines of standard error of what failed.
    pub(crate) tails: Vec<LastLines>,
    /// What to say where there are no outcomes.
    pub(crate) otherwise: &'static str,
    /// Whether new runs came by a reload.
    pub(crate) is_reload: bool,
    /// Instances whose old process had to end before the new one began, with the time in which nobody listened, if it
    /// was seen.
    pub(crate) gaps: BTreeMap<u32, Option<Gap>>,
    /// Of those the signals by which they replace their workers, where they could.
    pub(crate) signals: BTreeMap<u32, Signal>,
    /// What a config changed, and who is gone from it.
    pub(crate) changes: Vec<Planned>,
    /// What would help those that failed.
    pub(crate) hint: Option<&'static str>,
    /// Whether apps of a config were left out because of its mistakes.
    pub(crate) is_partial: bool,
}

/// A time in which nobody listened where an app does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) at: SocketAddr,
    pub(crate) span: Duration,
}

/// The last lines an app wrote to standard error.
#[derive(Debug)]
pub(crate) struct LastLines {
    /// The instance.
    pub(crate) id: u32,
    /// Its name.
    pub(crate) name: String,
    /// The file.
    pub(crate) file: ByteString,
    /// The lines, as they were written.
    pub(crate) lines: Vec<Vec<u8>>,
    /// What else explains them.
    pub(crate) note: Option<Explanation>,
}

/// What explains the end of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// Of which kind it is, for programs.
    pub(crate) class: &'static str,
    /// What it means and what would cure it.
    pub(crate) text: String,
}

impl Completed {
    /// Nothing was to be done, and that is well.
    pub(crate) fn nothing(otherwise: &'static str) -> Self {
        Self { otherwise, ..Self::default() }
    }

    /// Said to whoever asked; what failed is told to those as well who asked for silence.
    pub(crate) fn report(&self, console: Console) -> Report {
        let text = || text(self, console.look, console.mini);
        let report = Report::talk(console, text, || json(self));
        let aside = match (console.json, console.silent) {
            (true, _) => String::new(),
            (false, true) => failures(self) + &reasons(self, console.look),
            (false, false) => reasons(self, console.look),
        };
        let failed =
            self.is_partial || self.outcomes.iter().any(|outcome| outcome.what.is_failure());
        Report { aside, ..report.ending(failed.then_some(Exit::Failed)) }
    }
}

/// What went well, the list, then what did not: its reasons follow on standard error.
pub(crate) fn text(done: &Completed, look: Look, mini: bool) -> String {
    let mut text = plan::changes(&done.changes, look);
    if done.outcomes.is_empty() {
        text.push_str(&say(done.otherwise));
        text.push('\n');
    }
    let failed = |outcome: &&Outcome| outcome.what.is_failure();
    let (bad, good): (Vec<&Outcome>, Vec<_>) = done.outcomes.iter().partition(failed);
    if good.len() > MOST {
        text.push_str(&summary(&good, done.is_reload, look));
    } else {
        text.extend(good.into_iter().map(|outcome| line(outcome, done.is_reload, look)));
    }
    text += &gap(done, look);
    if let Some(listing) = &done.listing {
        let list = if mini { mini::rows(listing, look) } else { list::list(listing, look) };
        text.push_str(&list);
    }
    text.extend(bad.into_iter().map(|outcome| line(outcome, done.is_reload, look)));
    text
}

/// Which reloaded apps nobody served for a moment, and for how long.
fn gap(done: &Completed, look: Look) -> String {
    let stopped = |one: &&Outcome| one.what == What::Restarted && done.gaps.contains_key(&one.id);
    let apps: Vec<&Outcome> = done.outcomes.iter().filter(stopped).collect();
    let longest = apps.iter().filter_map(|one| Some((done.gaps.get(&one.id)?.as_ref()?, one)));
    let longest = longest.max_by_key(|(gap, _)| gap.span);
    let seconds = |gap: &Gap| format!("{:.2} s", gap.span.as_secs_f64());
    let text = match (apps.as_slice(), longest) {
        ([], _) => return String::new(),
        ([app], None) => format!("{} stopped before the new one began", safe_text(&app.name)),
        ([app], Some((gap, _))) => {
            let (name, at, span) = (safe_text(&app.name), gap.at, seconds(gap));
            format!("{name} stopped before the new one began: nobody listened on {at} for {span}")
        }
        (many, None) => format!("{} apps stopped before the new ones began", many.len()),
        (many, Some((gap, app))) => {
            let (name, span) = (safe_text(&app.name), seconds(gap));
            let many = many.len();
            format!(
                "{many} apps stopped before the new ones began: nobody listened for up to {span} ({name})"
            )
        }
    };
    let signal = apps.first().and_then(|app| done.signals.get(&app.id));
    let cure = match signal.filter(|_| apps.iter().all(|app| done.signals.contains_key(&app.id))) {
        Some(signal) => format!(
            "{signal} brings new code, but no changed environment or arguments: these take a new process, and `listen` keeps \
             the port open meanwhile"
        ),
        None => "`listen`, Node's cluster workers and a `reload_signal` leave no gap".into(),
    };
    let note = format!("note: {text}; {cure}");
    Paint::Dim.on(&talk(&note), look.colour) + "\n"
}

/// `✓ 998 started, 2 unchanged`.
fn summary(outcomes: &[&Outcome], is_reload: bool, look: Look) -> String {
    let mut counts: Vec<(&str, u32)> = Vec::new();
    for outcome in outcomes {
        let (.., word) = told(&outcome.what, is_reload);
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let parts: Vec<_> =
        counts.iter().map(|(word, count)| format!("{count} {}", say(word))).collect();
    format!("{} {}\n", Paint::Good.on("✓", look.colour), parts.join(", "))
}

fn line(outcome: &Outcome, is_reload: bool, look: Look) -> String {
    let (sign, paint, word) = told(&outcome.what, is_reload);
    let name = Paint::Key.on(&safe_text(&outcome.name), look.colour);
    let mut line = format!("{} {name} ({}) {}", paint.on(sign, look.colour), outcome.id, say(word));
    if outcome.pid != 0 && !matches!(outcome.what, What::Failed(_)) {
        line.push_str(&say(&format!(", pid {}", outcome.pid)));
    }
    if let Some(why) = outcome.what.why() {
        line.push_str(&say(&format!(": {}", safe_text(why))));
    }
    if let Some(note) = &outcome.note {
        line.push_str(&say(&format!(", {}", safe_text(note))));
    }
    line + "\n"
}

/// What happened: a sign, and a word or a few.
fn told(what: &What, is_reload: bool) -> (&'static str, Paint, &'static str) {
    let well = |word| ("✓", Paint::Good, word);
    match what {
        What::Started => well("started"),
        What::Reloaded => well("reloaded"),
        What::Restarted if is_reload => well("reloaded"),
        What::Restarted => well("restarted"),
        What::Unchanged => ("=", Paint::Dim, "unchanged"),
        What::Finished => well("ran to its end"),
        What::Stopped => well("stopped"),
        What::Deleted => well("deleted"),
        What::Reset => well("counters reset"),
        What::Signaled => well("signalled"),
        What::Told => well("was told"),
        What::Amended => well("changed, runs on"),
        What::Added => well("added, not started"),
        What::Failed(_) => ("✗", Paint::Bad, "failed"),
        What::Unready(_) => ("!", Paint::Wait, "goes on as launching"),
        What::Superseded => ("!", Paint::Wait, "overtaken by a later command"),
    }
}

/// What failed, as errors: for those who asked for nothing else.
pub(crate) fn failures(done: &Completed) -> String {
    let mut text = String::new();
    for outcome in &done.outcomes {
        if let Some(why) = outcome.what.why() {
            let (name, id) = (safe_text(&outcome.name), outcome.id.to_string());
            let (.., word) = told(&outcome.what, done.is_reload);
            text.extend(["error: ", &name, " (", &id, ") ", word, ": ", &safe_text(why), "\n"]);
        }
    }
    text
}

/// The last words of what failed, and what would help.
fn reasons(done: &Completed, look: Look) -> String {
    let hint = done.hint.map(|hint| format!("hint: {}\n", as_called(hint)));
    tails(done, look) + &hint.unwrap_or_default()
}

/// The last words of what failed.
pub(crate) fn tails(done: &Completed, look: Look) -> String {
    let mut text: String = done.tails.iter().map(|tail| self::tail(tail, look)).collect();
    let failed = done.outcomes.iter().filter(|outcome| outcome.what.is_failure());
    let untold = |outcome: &&Outcome| done.tails.iter().all(|tail| tail.name != outcome.name);
    let untold: BTreeSet<&str> = failed.filter(untold).map(|one| one.name.as_str()).collect();
    if let Some(name) = untold.first().filter(|_| !done.tails.is_empty()) {
        /// Of more, the list has the names.
        const NAMED: usize = 5;
        let (many, name) = (untold.len(), safe_text(name));
        let names: Vec<_> = untold.iter().take(NAMED).map(|name| safe_text(name)).collect();
        let more = if many > NAMED { ", ..." } else { "" };
        let names = names.join(", ");
        let line = if many == 1 {
            format!("1 more failed: `pm why {name}` tells how\n")
        } else {
            format!("{many} more failed ({names}{more}): `pm why {name}` tells how\n")
        };
        let line = as_called(&line);
        text += &Paint::Dim.on(&line, look.colour);
    }
    text
}

/// The last words of one.
pub(crate) fn tail(tail: &LastLines, look: Look) -> String {
    let head =
        format!("last lines of {} ({}), {}:", safe_text(&tail.name), tail.id, safe(&tail.file));
    let mut text = String::new();
    if !tail.lines.is_empty() {
        text += &(Paint::Dim.on(&head, look.colour) + "\n");
    }
    for line in &tail.lines {
        let colours = if look.colour { Colours::Keep } else { Colours::Drop };
        text.extend(["  ", &plain(line, colours), "\n"]);
    }
    if let Some(note) = &tail.note {
        text.extend([&safe_text(&note.text), "\n"]);
    }
    text
}

/// One document each.
fn json(done: &Completed) -> Value {
    let gap_of = |one: &Outcome| {
        let gap = done.gaps.get(&one.id).copied().flatten();
        gap.filter(|_| one.what == What::Restarted).map(|gap| gap.span.as_millis())
    };
    let one = |outcome: &Outcome| {
        let reason = outcome.what.why();
        let what = match reason {
            Some(_) if matches!(outcome.what, What::Unready(_)) => "unready".into(),
            Some(_) => "failed".into(),
            None => value(&outcome.what),
        };
        json!({
            "id": outcome.id, "name": outcome.name, "what": what, "reason": reason,
            "pid": outcome.pid, "error_log": outcome.error_log.as_ref().map(text_of),
            "gap_ms": gap_of(outcome), "last_lines": done.tails.iter().find(|tail| tail.id == outcome.id).map(last_lines),
        })
    };
    done.outcomes.iter().map(one).collect()
}

/// Its lines as text.
pub(crate) fn last_lines(tail: &LastLines) -> Vec<String> {
    tail.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}
