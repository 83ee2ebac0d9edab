//! Report -> JSON for `--json`, one document and a newline. Variables that look like secrets are masked but in `env`.

use pm_protocol::{ActionAnswer, Description, Descriptions, Listing, Outcome, Said, What};
use pm_spec::{ByteString, Environment, looks_secret};
use serde::Serialize;
use serde_json::{Value, json};

use crate::render::describe::MASK;
use crate::render::jlist::jlist;
use crate::report::{Checked, Done, Planned, Report, Tail};

/// The report as a document.
pub(crate) fn json(report: &Report) -> String {
    let value = match report {
        Report::List(listing) => self::listing(listing),
        Report::Jlist(descriptions, nodes) | Report::Prettylist(descriptions, nodes) => {
            return jlist(descriptions, nodes);
        }
        Report::Machine(host) | Report::MachineTree(host) => value(host),
        Report::Described(descriptions, _) | Report::Blocks(descriptions) => {
            described(descriptions)
        }
        Report::Done(done) => outcomes(done),
        Report::Triggered(round) => round.answers.iter().map(answered).collect(),
        Report::Pong(pong) => value(pong),
        Report::Flushed(files, parts) => {
            json!({ "flushed": files.iter().map(text).collect::<Vec<_>>(), "parts": parts })
        }
        Report::Saved(saved) => {
            json!({ "saved": saved.instances, "file": text(&saved.file) })
        }
        Report::Pids(numbers) | Report::Ids(numbers) => value(numbers),
        Report::Env(env) => env.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Report::Said { done, text } => json!({ "done": done, "message": text }),
        Report::Rehearsed(rehearsal) => json!(rehearsal),
        Report::Paste(text) => json!({ "paste": text.trim_end() }),
        Report::Text(text) => json!({ "text": text }),
        Report::Page { json, .. } => json.clone(),
        Report::Checked(files) => files.iter().map(checked).collect(),
        Report::Plan(plan) => plan.iter().map(planned).collect(),
        Report::Ended(_) | Report::Nothing => return String::new(),
    };
    format!("{value}\n")
}

fn value(of: impl Serialize) -> Value {
    // Our own plain types: no map with keys that are not strings, nothing that can fail.
    serde_json::to_value(of).unwrap_or(Value::Null)
}

fn listing(listing: &Listing) -> Value {
    let mut all = value(listing);
    for row in all["rows"].as_array_mut().into_iter().flatten() {
        tidy(row);
    }
    all["rows"].take()
}

/// Shortest decimals instead of a float's binary tail.
fn tidy(row: &mut Value) {
    let cpu = row["usage"]["cpu"].as_f64().unwrap_or(0.0);
    row["usage"]["cpu"] = ((cpu * 10.0).round() / 10.0).into();
}

fn described(descriptions: &Descriptions) -> Value {
    descriptions.descriptions.iter().map(masked).collect()
}

fn masked(described: &Description) -> Value {
    let mut described = described.clone();
    let mut env = Environment::new();
    for (name, value) in described.spec.env.iter() {
        let shown = if looks_secret(name) { ByteString::from(MASK) } else { value.clone() };
        env.set(name, shown);
    }
    described.spec.env = env;
    let mut value = value(&described);
    tidy(&mut value["row"]);
    value
}

fn outcomes(done: &Done) -> Value {
    let one = |outcome: &Outcome| {
        let reason = outcome.what.why();
        let what = match reason {
            Some(_) if matches!(outcome.what, What::Unready(_)) => "unready".into(),
            Some(_) => "failed".into(),
            None => value(&outcome.what),
        };
        json!({
            "id": outcome.id, "name": outcome.name, "what": what, "reason": reason,
            "pid": outcome.pid, "error_log": outcome.error_log.as_ref().map(text),
            "last_lines": done.tails.iter().find(|tail| tail.id == outcome.id).map(last_lines),
        })
    };
    done.outcomes.iter().map(one).collect()
}

/// What can't be read as JSON by us stays the text it was.
fn answered(one: &ActionAnswer) -> Value {
    let (said, returned) = match &one.said {
        Said::Returned(json) => {
            ("returned", serde_json::from_str(json).unwrap_or_else(|_| json.as_str().into()))
        }
        Said::Nothing => ("nothing", Value::Null),
        Said::Late => ("late", Value::Null),
        Said::Gone => ("gone", Value::Null),
    };
    json!({
        "id": one.id, "name": one.name, "namespace": one.namespace,
        "said": said, "returned": returned,
    })
}

fn last_lines(tail: &Tail) -> Vec<String> {
    tail.lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

fn planned(one: &Planned) -> Value {
    json!({ "name": one.name, "step": one.step, "changes": one.edits })
}

fn checked(file: &Checked) -> Value {
    json!({ "file": file.file, "apps": file.apps, "problems": file.problems })
}

fn text(bytes: &ByteString) -> Value {
    bytes.display().into_owned().into()
}
