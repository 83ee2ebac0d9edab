//! What apps answered to an action, in PM2's words, which scripts read.

use pm_protocol::{ActionAnswer, Said};
use pm_spec::Span;
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::Exit;
use crate::render::text::safe_text;
use crate::report::Report;

/// An action that was asked for, and what came of it.
#[derive(Debug)]
pub(crate) struct Round {
    /// Its name.
    pub(crate) action: String,
    /// So long answers were waited for.
    pub(crate) patience: Span,
    /// One of each that was asked, in order of id.
    pub(crate) answers: Vec<ActionAnswer>,
}

impl Round {
    /// Answers are data; silence is told and is a failure.
    pub(crate) fn report(&self, console: Console) -> Report {
        let report =
            Report::new(console, || round(self), || self.answers.iter().map(answered).collect());
        let aside = if console.json { String::new() } else { silence(self) };
        Report { aside, ..report.ending(self.failure()) }
    }

    /// Those who did not answer in time weigh less than those who never will.
    fn failure(&self) -> Option<Exit> {
        let any = |said: &Said| self.answers.iter().any(|one| one.said == *said);
        let late = any(&Said::Late).then_some(Exit::Late);
        any(&Said::Gone).then_some(Exit::Failed).or(late)
    }
}

/// How many were asked, then a line for each that answered.
fn round(round: &Round) -> String {
    let (count, action) = (round.answers.len(), safe_text(&round.action));
    let mut text = format!("{count} processes have received command {action}\n");
    for one in &round.answers {
        let returned = match &one.said {
            Said::Returned(json) => safe_text(json),
            // What JavaScript calls nothing.
            Said::Nothing => "undefined".into(),
            Said::Late | Said::Gone => continue,
        };
        text.extend([&label(one), "=", &returned, "\n"]);
    }
    text
}

/// Those who did not answer.
fn silence(round: &Round) -> String {
    let why = |one: &ActionAnswer| match one.said {
        Said::Late => Some(format!("did not answer within {}", round.patience)),
        Said::Gone => Some("ended or closed its channel without an answer".into()),
        Said::Returned(_) | Said::Nothing => None,
    };
    let line = |one| why(one).map(|why| format!("error: {} {why}\n", label(one)));
    round.answers.iter().filter_map(line).collect()
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

fn label(one: &ActionAnswer) -> String {
    format!("[{}:{}:{}]", safe_text(&one.name), one.id, safe_text(&one.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_silence_are_told_apart_and_nothing_reaches_the_terminal() {
        let said = [
            Said::Returned("{\"b\":\"\u{9b}2J\u{202e}\"}".into()),
            Said::Nothing,
            Said::Late,
            Said::Gone,
        ];
        let answers = (0..).zip(said).map(|(id, said)| ActionAnswer {
            id,
            name: "web".into(),
            namespace: "default".into(),
            said,
        });
        let it = Round {
            action: "hello".into(),
            patience: Span::from_secs(5),
            answers: answers.collect(),
        };
        let shown = round(&it);
        assert!(!shown.contains(['\u{9b}', '\u{202e}']), "{shown:?}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], "4 processes have received command hello");
        assert!(lines[1].starts_with("[web:0:default]={\"b\":"), "{shown}");
        assert_eq!(lines[2..], ["[web:1:default]=undefined"]);
        assert_eq!(
            silence(&it),
            "error: [web:2:default] did not answer within 5s\n\
             error: [web:3:default] ended or closed its channel without an answer\n"
        );
    }
}
