//! Answers that are put together before they are shown. Who is silent for too long is left out, and told.

use std::io::{self, Write};
use std::time::Duration;

use pm_client::Deadline;
use pm_protocol::{Listing, Row};
use serde_json::{Map, Value};

use super::answers::Answers;
use super::host_end::HostEnd;
use crate::commands::support::resend;
use crate::console::Console;
use crate::render::json;
use crate::render::list::{SortOrder, list_of};

/// So long a machine may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// More than that nobody has to say.
const LARGEST: usize = 64 << 20;

/// The documents they answered with.
fn gather(mut answers: Answers, now: &[String], deadline: Deadline) -> Vec<(Vec<u8>, HostEnd)> {
    let mut texts = vec![Vec::new(); now.len()];
    while let Some(line) = answers.next(deadline) {
        if line.is_error {
            let name = now.get(line.host).map_or("", String::as_str);
            let text = String::from_utf8_lossy(&line.text);
            writeln!(io::stderr(), "{name} | {}", text.trim_end()).ok();
        } else if let Some(text) = texts.get_mut(line.host).filter(|it| it.len() < LARGEST) {
            text.extend(line.text);
        }
    }
    texts.into_iter().zip(answers.ends()).collect()
}

/// JSON of all: lists are joined, their objects given the host; anything else stands under the host's name.
pub(super) fn documents(now: &[String], answers: Answers, shown: &mut String) -> Vec<HostEnd> {
    let (mut joined, mut by_host, mut ends) = (Vec::new(), Map::new(), Vec::new());
    for (name, (text, end)) in now.iter().zip(gather(answers, now, Deadline::NEVER)) {
        ends.push(match serde_json::from_slice(&text) {
            Ok(Value::Array(all)) => {
                joined.extend(all.into_iter().map(|one| with_host(name, one)));
                end
            }
            Ok(other) => {
                by_host.insert(name.clone(), other);
                end
            }
            Err(_) if end.is_well() && !text.is_empty() => HostEnd::Strange,
            Err(_) => end,
        });
    }
    let all = if by_host.is_empty() { Value::Array(joined) } else { by_host.into() };
    shown.extend([all.to_string().as_str(), "\n"]);
    ends
}

fn with_host(name: &str, mut one: Value) -> Value {
    if let Some(object) = one.as_object_mut() {
        object.insert("host".into(), name.into());
    }
    one
}

/// One list of all.
pub(super) fn list(
    console: Console,
    now: &[String],
    answers: Answers,
    (order, is_json): (SortOrder, bool),
    shown: &mut String,
) -> Vec<HostEnd> {
    let here = resend::now();
    let (mut rows, mut ends) = (Vec::<(&str, Row)>::new(), Vec::new());
    for (name, (text, end)) in now.iter().zip(gather(answers, now, Deadline::after(PATIENCE))) {
        let Ok(listing) = serde_json::from_slice::<Listing>(&text) else {
            ends.push(if end.is_well() { HostEnd::Strange } else { end });
            continue;
        };
        // Its clock may be another.
        rows.extend(listing.rows.into_iter().map(|mut row| {
            row.started_at = here.saturating_sub(listing.now.saturating_sub(row.started_at));
            (name.as_str(), row)
        }));
        ends.push(end);
    }
    order.arrange(&mut rows, |(_, row)| row);
    let (hosts, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let listing = Listing { rows, now: here, host: None, warning: None };
    if is_json {
        let rows = json::listing(&listing);
        let rows = rows.as_array().into_iter().flatten().cloned();
        let all: Vec<_> = hosts.iter().zip(rows).map(|(host, row)| with_host(host, row)).collect();
        shown.extend([Value::Array(all).to_string().as_str(), "\n"]);
    } else {
        *shown += &list_of(&hosts, &listing, console.look);
    }
    ends
}
