//! What was seen and what was told, kept to be shown: a line each, the older half forgotten once there is too much.

use std::fs::{OpenOptions, metadata, read_to_string, rename};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::watchman::AlertNews;

/// Each is kept up to twice this, in bytes.
const SIZE: u64 = 128 << 10;

/// Messages, and whether they arrived.
const TOLD: &str = "alerts.jsonl";
/// What began and what recovered.
const SEEN: &str = "alerts-seen.jsonl";

/// Something began or recovered.
#[derive(Debug, Serialize, Deserialize)]
struct SeenLine {
    at_ms: u64,
    app: String,
    slot: u16,
    rule: String,
    is_raised: bool,
    #[serde(default)]
    detail: String,
}

/// An alert of one instance, from its beginning to its recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AlertSpan {
    rule: String,
    /// In ms since 1970.
    from_ms: u64,
    /// `None`: it is not known to have recovered.
    until_ms: Option<u64>,
    detail: String,
}

/// Writes down a message and what became of it.
pub(super) fn told(folder: &Path, message: &Value) {
    append(folder, TOLD, message);
}

/// Writes down what has become bad, or good again, of an instance with this number.
pub(super) fn seen(folder: &Path, news: &AlertNews, slot: u16) {
    let AlertNews { rule, app, is_raised, detail, at_ms, .. } = news.clone();
    append(folder, SEEN, &SeenLine { at_ms, app, slot, rule, is_raised, detail });
}

fn append(folder: &Path, name: &str, line: &impl Serialize) {
    let path = folder.join(name);
    if metadata(&path).is_ok_and(|it| it.len() > SIZE) {
        rename(&path, folder.join(format!("{name}.1"))).ok();
    }
    let Ok(line) = serde_json::to_string(line) else { return };
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    // It was told; that it can't be looked up is no reason to tell nothing.
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).ok();
}

fn text(root: &Path, name: &str) -> String {
    let read = |name: &str| read_to_string(root.join("web").join(name)).unwrap_or_default();
    read(&format!("{name}.1")) + &read(name)
}

/// The last messages, newest first.
pub(crate) fn last_told(root: &Path, most: usize) -> Vec<Value> {
    let lines = text(root, TOLD);
    lines.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).take(most).collect()
}

/// Alerts of an instance within a time, in ms since 1970; oldest first.
pub(crate) fn alert_spans(
    root: &Path,
    (name, slot): (&str, u16),
    (since_ms, until_ms): (u64, u64),
) -> Vec<AlertSpan> {
    let text = text(root, SEEN);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<SeenLine>(line).ok());
    let mut all = spans(lines.filter(|it| it.app == name && it.slot == slot));
    // One that has no end may have gone on for ever, and may not.
    let last = |it: &AlertSpan| it.until_ms.unwrap_or(it.from_ms);
    all.retain(|it| it.from_ms < until_ms && last(it) >= since_ms);
    all
}

/// Two of whom one has typed and one has a file may hear of the same.
fn spans(lines: impl Iterator<Item = SeenLine>) -> Vec<AlertSpan> {
    let mut all: Vec<AlertSpan> = Vec::new();
    for SeenLine { at_ms, rule, is_raised, detail, .. } in lines {
        let open = all.iter_mut().find(|it| it.rule == rule && it.until_ms.is_none());
        match open {
            Some(open) if !is_raised => open.until_ms = Some(at_ms),
            None if is_raised => {
                all.push(AlertSpan { rule, from_ms: at_ms, until_ms: None, detail });
            }
            Some(_) | None => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(rule: &str, app: &str, is_raised: bool, at_ms: u64) -> AlertNews {
        AlertNews {
            rule: rule.into(),
            app: app.into(),
            namespace: "default".into(),
            id: 7,
            is_raised,
            detail: "600M > 500M".into(),
            at_ms,
            since_ms: 1,
        }
    }

    #[test]
    fn an_alert_goes_from_its_beginning_to_its_recovery() {
        let home = tempfile::tempdir().unwrap();
        let folder = crate::store::folder(home.path()).unwrap();
        for (news, slot) in [
            (news("memory", "web", true, 100), 0),
            // Somebody else hears of the same.
            (news("memory", "web", true, 101), 0),
            (news("cpu", "web", true, 150), 0),
            (news("memory", "web", true, 160), 1),
            (news("memory", "db", true, 170), 0),
            (news("memory", "web", false, 200), 0),
            (news("memory", "web", false, 201), 0),
            (news("memory", "web", true, 300), 0),
        ] {
            seen(&folder, &news, slot);
        }
        let within = |since, until| {
            let all = alert_spans(home.path(), ("web", 0), (since, until));
            all.into_iter().map(|it| (it.rule, it.from_ms, it.until_ms)).collect::<Vec<_>>()
        };
        let one = |rule: &str, from, until| (rule.to_owned(), from, until);
        let all = [one("memory", 100, Some(200)), one("cpu", 150, None), one("memory", 300, None)];
        assert_eq!(within(0, 1000), all);
        assert_eq!(within(200, 300), all[..1]);
        assert_eq!(within(201, 301), all[2..]);
        assert!(alert_spans(home.path(), ("db", 1), (0, 1000)).is_empty());
    }

    #[test]
    fn there_is_never_too_much_of_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = crate::store::folder(home.path()).unwrap();
        for at in 0..6000 {
            seen(&folder, &news("errored", "web", at % 2 == 0, at), 0);
        }
        let size = |name: &str| metadata(folder.join(name)).unwrap().len();
        assert!(size(SEEN) <= SIZE + 200 && size("alerts-seen.jsonl.1") <= SIZE + 200);
        let all = alert_spans(home.path(), ("web", 0), (0, u64::MAX));
        assert_eq!(all.last().unwrap().until_ms, Some(5999));
    }
}
