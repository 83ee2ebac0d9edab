//! How many there are, and how long the pause before a restart is.

use pm_spec::{ByteString, Delay};

use crate::caller::Beside;
use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::fields::{AppFields, whole};
use crate::ground::ConfigGround;

/// The pause before a restart; as in PM2 the growing one wins, and 0 means that there is none.
pub(crate) fn delay(app: &mut AppFields<'_>) -> Delay {
    let growing = app.span("exp_backoff_restart_delay").filter(|span| span.as_millis() > 0);
    let fixed = app.span("restart_delay");
    match (growing, fixed) {
        (Some(span), _) => Delay::Exponential(span),
        (None, Some(span)) => Delay::Fixed(span),
        (None, None) => Delay::Automatic,
    }
}

/// How many instances: PM2's `max` and 0 are all CPUs, a negative number all but so many.
pub(crate) fn instances(app: &mut AppFields<'_>, ground: &ConfigGround<'_>) -> Option<u16> {
    const WHAT: &str = "a number of instances or \"max\"";
    let field = app.get("instances")?;
    let value = &field.node.value;
    let number = match (whole(value), value.as_text().map(ByteString::as_bytes)) {
        (Some(number), _) => number,
        (None, Some(b"max")) => 0,
        (None, Some(text)) => {
            let begun = leading(text);
            let is_typed = matches!(field.node.at, ConfigPlace::Flag(_));
            if begun.is_none() && is_typed && ground.overrides.beside == Beside::All {
                return app.refuse(field, WHAT);
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
    let left = i128::from(ground.caller.cpus).saturating_add(number).max(1);
    Some(u16::try_from(left).unwrap_or(1))
}

/// The number a text begins with, as JavaScript's `parseInt` reads it.
fn leading(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.get(sign..)?.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..sign + digits)?.parse().ok()
}
