//! What apps answered to an action, in PM2's words, which scripts read.

use pm_protocol::{ActionAnswer, Said};

use crate::render::text::safe_text;
use crate::report::Round;

/// How many were asked, then a line for each that answered.
pub(crate) fn round(round: &Round) -> String {
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
pub(crate) fn silence(round: &Round) -> String {
    let why = |one: &ActionAnswer| match one.said {
        Said::Late => Some(format!("did not answer within {}", round.patience)),
        Said::Gone => Some("ended or closed its channel without an answer".into()),
        Said::Returned(_) | Said::Nothing => None,
    };
    let line = |one| why(one).map(|why| format!("error: {} {why}\n", label(one)));
    round.answers.iter().filter_map(line).collect()
}

fn label(one: &ActionAnswer) -> String {
    format!("[{}:{}:{}]", safe_text(&one.name), one.id, safe_text(&one.namespace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_spec::Span;

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
