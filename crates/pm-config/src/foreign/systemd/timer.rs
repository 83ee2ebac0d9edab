//! `[Timer]`: when a service runs.

use super::unit::UnitFile;
use super::{calendar, values};
use crate::diagnose::{Finding, Findings, quoted};
use crate::tree::{TableEntry, Value};

/// The service that a timer starts.
pub(super) fn service(timer: &UnitFile) -> String {
    let said = timer.last("Timer", "Unit").map(|setting| setting.text.clone());
    said.unwrap_or_else(|| format!("{}.service", timer.stem()))
}

/// Its times in our keys; what no pattern says is told with the settings.
pub(super) fn entries(timer: &UnitFile, findings: &mut Findings) -> Vec<TableEntry> {
    let dates = timer.all("Timer", "OnCalendar");
    let read =
        dates.iter().filter_map(|setting| Some((setting.at, calendar::cron(&setting.text)?)));
    let read: Vec<_> = read.collect();
    let Some((at, first)) = read.first() else { return Vec::new() };
    for (at, _) in read.iter().skip(1) {
        let message = "only the first `OnCalendar` counts: `schedule` has one pattern";
        let hint = "a list such as `Mon,Fri *-*-* 8,20:00` is one; for more, write a second app";
        findings.add(Finding::warning(*at, message).hint(hint));
    }
    let mut entries = vec![TableEntry::new("schedule", *at, Value::text(first.pattern.as_str()))];
    if let Some(zone) = &first.zone {
        entries.push(TableEntry::new("cron_timezone", *at, Value::text(zone.as_str())));
    }
    let persistent = timer.last("Timer", "Persistent");
    if let Some(setting) = persistent.filter(|it| values::boolean(&it.text) == Some(true)) {
        entries.push(TableEntry::new("catch_up", setting.at, Value::Bool(true)));
    }
    if let Some(setting) = timer.last("Timer", "RandomizedDelaySec") {
        match values::millis(&setting.text) {
            Some(0) => {}
            Some(millis) => {
                let value = Value::Integer(millis.into());
                entries.push(TableEntry::new("random_delay", setting.at, value));
            }
            None => {
                let message = format!("`{}` can't be {}", setting.key, quoted(&setting.text));
                findings.add(Finding::error(setting.at, message));
            }
        }
    }
    entries
}
