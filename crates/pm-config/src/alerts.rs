//! `alerts` beside `apps`: what somebody wants to be told of the apps of this file, and where.

use std::str::from_utf8;

use pm_spec::{ALERT_RULES, AlertChannel, AlertWishes, AppName, ChannelKind};

use crate::diagnose::{Finding, Findings, quoted};
use crate::keys::nearest;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EcosystemAlerts {
    /// What is wanted.
    pub wishes: AlertWishes,
    /// All apps of the file, those that are left out by `--only` included.
    pub apps: Vec<AppName>,
}

/// Keys and their values; all that is wrong is found.
pub(crate) fn wishes(node: &ConfigNode, findings: &mut Findings) -> AlertWishes {
    let mut wishes = AlertWishes::default();
    let Some(entries) = node.value.as_table() else {
        let message = format!("`alerts` must be an object, not {}", node.value.kind());
        let hint = "alerts: { channels: { ops: { kind: 'slack', url: '${SLACK_URL}' } } }";
        findings.add(Finding::error(node.at, message).hint(hint));
        return wishes;
    };
    // The disk is the machine's: who wants to hear of it from this file says so.
    wishes.rules.insert("disk".into(), "off".into());
    let rules = ALERT_RULES.iter().map(|(name, _)| *name);
    let known: Vec<_> = rules.chain(AlertWishes::KEYS).chain(["channels"]).collect();
    for entry in entries {
        if entry.key == "channels" {
            wishes.channels = channels(&entry.node, findings);
        } else if !known.contains(&entry.key.as_str()) {
            findings.add(unknown(entry, "`alerts`", &known));
        } else if let Some(text) = findings.take(typed(&entry.node))
            && let Err(wanted) = wishes.set(&entry.key, &text)
        {
            let message = format!("`{}`: {} is not understood", entry.key, quoted(&text));
            findings
                .add(Finding::error(entry.node.at, message).hint(format!("wanted is {wanted}")));
        }
    }
    wishes
}

fn unknown(entry: &TableEntry, of: &str, known: &[&str]) -> Finding {
    // Told at once, not on the day on which an alert does not come.
    let finding = Finding::error(entry.at, format!("unknown key {} of {of}", quoted(&entry.key)));
    match nearest(&entry.key, known.iter().copied()) {
        Some(near) => finding.near(Some(near)),
        None => finding.hint(format!("known are {}", known.join(", "))),
    }
}

/// A value as it is typed: switches may be `true` and `false`.
fn typed(node: &ConfigNode) -> Result<String, Finding> {
    if let Value::Bool(is_on) = node.value {
        return Ok(if is_on { "on" } else { "off" }.into());
    }
    let text = node.value.as_word();
    let text = text.and_then(|text| from_utf8(text.as_bytes()).ok().map(str::to_owned));
    let wanted = || format!("text, a number or a switch is wanted here, not {}", node.value.kind());
    text.ok_or_else(|| Finding::error(node.at, wanted()))
}

fn channels(node: &ConfigNode, findings: &mut Findings) -> Vec<AlertChannel> {
    let Some(entries) = node.value.as_table() else {
        let message = format!("`channels` must be an object, not {}", node.value.kind());
        let hint = "channels: { ops: { kind: 'slack', url: '${SLACK_URL}' } }";
        findings.add(Finding::error(node.at, message).hint(hint));
        return Vec::new();
    };
    entries.iter().filter_map(|entry| channel(entry, findings)).collect()
}

fn channel(entry: &TableEntry, findings: &mut Findings) -> Option<AlertChannel> {
    let name = quoted(&entry.key);
    let kind = entry.node.value.get("kind").and_then(|node| node.value.as_text());
    let kind = kind.and_then(|text| {
        ChannelKind::ALL.into_iter().find(|kind| kind.name().as_bytes() == text.as_bytes())
    });
    let Some(kind) = kind else {
        let all = ChannelKind::ALL.map(ChannelKind::name).join(", ");
        let at = entry.node.value.get("kind").map_or(entry.at, |node| node.at);
        let finding = Finding::error(at, format!("channel {name} needs a `kind`"));
        findings.add(finding.hint(format!("one of {all}")));
        return None;
    };
    let mut channel = AlertChannel::new(&entry.key, kind);
    for part in entry.node.value.as_table().unwrap_or_default() {
        if part.key == "kind" {
            continue;
        }
        let Some(value) = channel.value_mut(&part.key) else {
            let known = [&["kind"], &AlertChannel::KEYS[..]].concat();
            findings.add(unknown(part, &format!("channel {name}"), &known));
            continue;
        };
        if let Some(text) = findings.take(typed(&part.node)) {
            *value = text;
        }
    }
    if let Some(fault) = channel.fault() {
        let is_asked = channel.url.contains("${") || channel.secret.contains("${");
        let hint = "`interpolate: true` beside `apps` fills variables in";
        let finding = Finding::error(entry.at, format!("channel {name}: {fault}"));
        findings.add(finding.maybe(is_asked.then_some(hint)));
        return None;
    }
    Some(channel)
}
