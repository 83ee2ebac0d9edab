//! Events as lines: when, whose, what, and the rest in words.

use pm_protocol::{Event, EventKind};
use serde::Serialize;

use crate::called;
use crate::console::Look;
use crate::render::text::{self, Paint, safe_text, width};

/// The columns of names are at least so wide, so that those of lines that come later stay in line.
const NAMES: usize = 12;

/// The longest word for what happened that belongs to an app.
const KINDS: usize = 12;

/// One event, or several alike.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct AlikeEvents {
    /// The last of them.
    #[serde(flatten)]
    event: Event,
    /// How many they are.
    times: u32,
    /// When the first of them was, in ms since 1970.
    first: u64,
}

/// How wide the column of names is for these.
pub(crate) fn names(events: &[Event]) -> usize {
    events.iter().map(|event| width(&who(event))).max().unwrap_or(0).max(NAMES)
}

/// One line.
pub(crate) fn line(event: &Event, names: usize, look: Look) -> String {
    row(event, &words(event), names, look)
}

/// What happened to one app: that it was started again after an end says nothing new, and equal ends in a row are one.
pub(crate) fn folded(events: Vec<Event>) -> Vec<AlikeEvents> {
    let last = events.len().saturating_sub(1);
    let mut ended: Vec<Option<u32>> = Vec::new();
    let mut alike: Vec<AlikeEvents> = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        let is_again = event.event == EventKind::Started && ended.contains(&event.id);
        ended.retain(|id| *id != event.id);
        if event.event == EventKind::Exited {
            ended.push(event.id);
        }
        if is_again && index < last {
            continue;
        }
        let key = |event: &Event| (event.event, event.id, event.app.clone(), event.why.clone());
        match alike.last_mut().filter(|one| key(&one.event) == key(&event)) {
            Some(one) => {
                one.times += 1;
                one.event = event;
            }
            None => alike.push(AlikeEvents { times: 1, first: event.at, event }),
        }
    }
    alike
}

/// The page of `history`.
pub(crate) fn history(all: &[AlikeEvents], look: Look) -> String {
    let names = all.iter().map(|one| width(&who(&one.event))).max().unwrap_or(0);
    let line = |one: &AlikeEvents| {
        let words = words(&one.event);
        let words = match one.times {
            1 => words,
            times => {
                let span = text::millis(one.event.at.saturating_sub(one.first));
                format!("{times} times in {span}, last: {words}")
            }
        };
        row(&one.event, &words, names, look)
    };
    all.iter().map(line).collect()
}

fn row(event: &Event, words: &str, names: usize, look: Look) -> String {
    let who = who(event);
    let kind = event.event.as_str();
    let kind = kind.strip_prefix("daemon ").unwrap_or(kind);
    // `stopped by ann` says twice what it is in the column before.
    let words = words.strip_prefix(kind).map_or(words, str::trim_start);
    let blanks = |text: &str, columns: usize| " ".repeat(columns.saturating_sub(width(text)));
    let head = format!("{}  {who}{}  ", text::moment(event.at), blanks(&who, names));
    let gap = if words.is_empty() { String::new() } else { blanks(kind, KINDS) + "  " };
    let line = format!("{head}{kind}{gap}{words}");
    let line = look.width.map_or_else(|| line.clone(), |columns| text::clip(&line, columns));
    // Painted when it is cut: colours take no columns.
    let painted = line
        .strip_prefix(&head)
        .and_then(|rest| rest.strip_prefix(kind))
        .map(|rest| format!("{head}{}{rest}", paint(event.event).on(kind, look.colour)));
    painted.unwrap_or(line) + "\n"
}

fn who(event: &Event) -> String {
    match (&event.app, event.id) {
        (Some(app), Some(id)) => format!("{} ({id})", safe_text(app)),
        (Some(app), None) => safe_text(app),
        (None, _) => called::name().into(),
    }
}

fn words(event: &Event) -> String {
    let is_start = event.event == EventKind::Started;
    let names_pid = is_start || event.event == EventKind::MainProcess || event.app.is_none();
    let pid = event.pid.filter(|_| names_pid);
    let restarts = event.restarts.filter(|restarts| is_start && *restarts > 0);
    let after = event.lived.map(|lived| format!(" after {}", text::millis(lived)));
    let after = after.unwrap_or_default();
    // The words for an end say it.
    let by = event.by.as_ref().filter(|_| event.lived.is_none());
    let words = [
        pid.map(|pid| format!("pid {pid}")),
        restarts.map(|restarts| format!("restart {restarts}")),
        event.why.as_deref().map(|why| safe_text(why) + &after),
        by.map(|by| format!("by {}", safe_text(by))),
        event.pause.map(|pause| format!("again in {}", text::millis(pause))),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn paint(kind: EventKind) -> Paint {
    match kind {
        EventKind::Started
        | EventKind::Ready
        | EventKind::Reloaded
        | EventKind::Healthy
        | EventKind::JobDone => Paint::Good,
        EventKind::NotStarted
        | EventKind::Failed
        | EventKind::ReloadFailed
        | EventKind::Flapping
        | EventKind::GaveUp
        | EventKind::Unhealthy
        | EventKind::JobFailed
        | EventKind::HookFailed
        | EventKind::Lost => Paint::Bad,
        EventKind::Exited | EventKind::Signaled | EventKind::DaemonReplaced => Paint::Wait,
        EventKind::Stopped
        | EventKind::MainProcess
        | EventKind::Deleted
        | EventKind::DaemonStarted
        | EventKind::DaemonLeft
        | EventKind::Other => Paint::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { width: None, boxes: false, colour: false };

    fn event(event: EventKind, at: u64, why: &str) -> Event {
        let why = Some(why.to_owned()).filter(|why| !why.is_empty());
        Event {
            at,
            event,
            app: Some("web".into()),
            id: Some(0),
            pid: Some(7),
            why,
            ..Event::default()
        }
    }

    #[test]
    fn a_crash_loop_is_one_line_and_its_last_start_is_told() {
        let mut all = vec![event(EventKind::Started, 1, "")];
        for at in 1..=3 {
            let exit = event(EventKind::Exited, at * 1000, "exited with code 1");
            all.push(Event { lived: Some(900), ..exit });
            all.push(Event { restarts: Some(1), ..event(EventKind::Started, at * 1000, "") });
        }
        let page = history(&folded(all.clone()), LOOK);
        let lines: Vec<_> = page.lines().map(|line| line.split_at(25).1).collect();
        let told = "web (0)  exited        3 times in 2s, last: exited with code 1 after 900ms";
        assert_eq!(
            lines,
            ["web (0)  started       pid 7", told, "web (0)  started       pid 7, restart 1"]
        );
        all.push(event(EventKind::GaveUp, 9000, "gave up"));
        assert_eq!(folded(all).len(), 3, "a start in between is none of them");
    }

    #[test]
    fn a_line_is_cut_at_the_edge_and_what_an_app_said_stays_one_line() {
        let bad = event(EventKind::Unhealthy, 1, "line\nof \u{1b}[31mred");
        let shown = line(&bad, 0, Look { width: Some(60), boxes: true, colour: true });
        assert!(shown.contains("\u{1b}[31munhealthy\u{1b}[0m"), "{shown:?}");
        assert!(shown.ends_with("line of red\n"), "{shown:?}");
        let narrow = line(&bad, 0, Look { width: Some(30), boxes: true, colour: true });
        assert!(narrow.ends_with("…\n") && !narrow.contains('\u{1b}'), "{narrow:?}");
    }
}
