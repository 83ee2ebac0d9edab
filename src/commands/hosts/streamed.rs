//! Line for line, the host in front, as it comes: who is slow keeps nobody waiting.

use std::io::{self, Write};

use pm_client::{Colours, Deadline, plain};
use serde_json::Value;

use super::answers::{Answers, HostLine};
use super::choice::AnswerForm;
use super::host_end::HostEnd;
use crate::console::Console;
use crate::render::text::{Paint, width};

/// Shows what these machines say; `all` are those that have to fit in front.
pub(super) fn show(
    console: Console,
    all: &[String],
    now: &[String],
    mut answers: Answers,
    form: &AnswerForm,
) -> Vec<HostEnd> {
    let widest = all.iter().map(|name| width(name)).max().unwrap_or(0);
    while let Some(line) = answers.next(Deadline::NEVER) {
        let name = now.get(line.host).map_or("", String::as_str);
        let told = if matches!(form, AnswerForm::JsonLines) && !line.is_error {
            with_host(name, &line.text)
        } else {
            let blanks = " ".repeat(widest.saturating_sub(width(name)));
            let colour = console.look.colour;
            let front = Paint::Key.on(&format!("{name}{blanks} |"), colour);
            // What comes from elsewhere is as safe as its machine.
            let text = plain(line.text.trim_ascii_end(), Colours::Keep);
            format!("{front} {text}\n").into_bytes()
        };
        if told_to(&line, &told).is_err() {
            // Nobody reads any more; the commands go on where they are.
            break;
        }
    }
    answers.ends()
}

fn told_to(line: &HostLine, bytes: &[u8]) -> io::Result<()> {
    if line.is_error {
        // A closed stderr is no reason to stop.
        io::stderr().write_all(bytes).ok();
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// A line that is an object, and the host in it.
fn with_host(name: &str, line: &[u8]) -> Vec<u8> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(mut object)) => {
            object.insert("host".into(), name.into());
            format!("{}\n", Value::Object(object)).into_bytes()
        }
        _ => line.to_vec(),
    }
}
