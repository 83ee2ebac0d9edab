//! How many there are, and how long the pause before a restart is.

use pm_spec::{AppSpec, ByteString, Delay, RestartRule};

use crate::caller::Beside;
use crate::diagnose::{Finding, quoted};
use crate::fields::{AppFields, whole};
use crate::ground::ConfigGround;
use crate::keys;

/// The pause before a restart, `usual` where nothing is said of it; as in PM2 the growing one wins, and 0 means that there is none.
pub(crate) fn delay(app: &mut AppFields<'_>, usual: Delay) -> Delay {
    let growing = app.span("exp_backoff_restart_delay").filter(|span| span.as_millis() > 0);
    let fixed = app.span("restart_delay");
    match (growing, fixed) {
        (Some(span), _) => Delay::Exponential(span),
        (None, Some(span)) => Delay::Fixed(span),
        (None, None) => usual,
    }
}

/// `restart` says all that `autorestart` says, and a job runs to its end whatever it says.
pub(crate) fn said_once(app: &mut AppFields<'_>, spec: &AppSpec) {
    let Some(field) = app.get("restart").filter(|_| !spec.restart.rule.is_unsaid()) else { return };
    let at = field.node.at;
    if app.get("autorestart").is_some_and(|other| other.node.at != at) {
        app.error(at, "`restart` beside `autorestart`: one of them says it all");
    }
    if app.get("schedule").is_some() && spec.restart.rule != RestartRule::No {
        let finding = Finding::error(at, "`restart` beside `schedule`: a job runs to its end");
        app.findings.add(finding.hint("`retries` tries one again that failed"));
    }
}

/// `start_retries` is about what is to stay up.
pub(crate) fn stays_up(app: &mut AppFields<'_>) {
    if let Some(field) = app.get("start_retries")
        && app.get("schedule").is_some()
    {
        let message = "`start_retries` beside `schedule`: a job runs to its end";
        let finding = Finding::error(field.node.at, message);
        app.findings.add(finding.hint("`retries` tries one again that failed"));
    }
}

const WHAT: &str = "a number of instances or \"max\"";

/// How many instances: PM2's `max` and 0 are all CPUs, a negative number all but so many.
pub(crate) fn instances(app: &mut AppFields<'_>, ground: &ConfigGround<'_>) -> Option<u16> {
    let field = app.get("instances")?;
    let value = &field.node.value;
    let number = match (whole(value), value.as_text().map(ByteString::as_bytes)) {
        (Some(number), _) => number,
        (None, Some(b"max")) => 0,
        (None, Some(text)) => {
            let begun = leading(text);
            // To PM2 all that is no number is `max`.
            if begun.is_none() && ground.overrides.beside == Beside::All {
                let finding =
                    field.must_be(WHAT).hint(number_meant(&String::from_utf8_lossy(text)));
                app.findings.add(finding);
                return None;
            }
            let taken = begun.map_or_else(|| "\"max\"".to_owned(), |number| number.to_string());
            let message = format!("`instances` {} is taken as {taken}, as in PM2", quoted(text));
            app.findings.add(Finding::warning(field.node.at, message).hint("write a number"));
            begun.unwrap_or(0)
        }
        (None, None) => return app.refuse(field, WHAT),
    };
    if number > 0 {
        let count = u16::try_from(number).ok();
        return count.or_else(|| app.refuse(field, "at most 65535"));
    }
    let left = i128::from(ground.caller.cpus()).saturating_add(number).max(1);
    Some(u16::try_from(left).unwrap_or(1))
}

/// What to write in the place of a word that is no number.
fn number_meant(word: &str) -> String {
    const WORDS: [&str; 10] =
        ["max", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    match keys::nearest(word, WORDS.into_iter()) {
        Some("max") => "did you mean `max`?".into(),
        Some(number) => {
            let number = WORDS.iter().position(|word| *word == number).unwrap_or(1);
            format!("did you mean `{number}`?")
        }
        None => "a number such as 2; `max` is one for each CPU".into(),
    }
}

/// The number a text begins with, as JavaScript's `parseInt` reads it.
fn leading(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.get(sign..)?.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..sign + digits)?.parse().ok()
}
