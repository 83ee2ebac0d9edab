//! `depends_on` what is no app: an address, a file, or whatever a command finds out.

use pm_spec::{ByteString, OutsideNeed, Probe, Span};

use crate::checks::{self, Ground};
use crate::diagnose::{Finding, quoted};
use crate::fields::{AppFields, Field};
use crate::keys;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What such an entry may say besides what it is.
const KEYS: [&str; 2] = ["timeout", "required"];

const ADDRESS: &str = "tcp://HOST:PORT, http://HOST:PORT/PAGE, unix://PATH, file://PATH or a path";

/// Whether an entry of a list is no name of an app.
pub(crate) fn is_meant(value: &Value) -> bool {
    matches!(value, Value::Table(_))
        || value.as_text().is_some_and(|text| is_address(&text.display()))
}

/// Whether this is an address or a path.
pub(crate) fn is_address(text: &str) -> bool {
    text.contains("://") || ["/", "./", "../", "~/"].iter().any(|start| text.starts_with(start))
}

/// An entry of a list: an address, or an object with a command.
pub(crate) fn named(
    app: &mut AppFields<'_>,
    node: &ConfigNode,
    ground: Ground<'_>,
) -> Option<OutsideNeed> {
    let field = Field { key: "depends_on", node };
    let Value::Table(entries) = &node.value else {
        return address(app, field, node.value.as_text()?, ground).map(OutsideNeed::on);
    };
    let Some(command) = entries.iter().find(|entry| entry.key == "command") else {
        let message = "`depends_on`: an object in the list needs a `command`";
        let hint = "names and addresses stand there as text, or before a colon: { db: \"ready\" }";
        app.findings.add(Finding::error(node.at, message).hint(hint));
        return None;
    };
    let inner = Field::of(command);
    let probe = match command.node.value.as_text() {
        Some(line) if !line.is_empty() => Probe::Shell(line.clone()),
        Some(_) | None => checks::argv(app, inner)?,
    };
    said(app, field, (entries, "command"), OutsideNeed::on(probe))
}

/// An address and what is said of it.
pub(crate) fn told(
    app: &mut AppFields<'_>,
    entry: &TableEntry,
    ground: Ground<'_>,
) -> Option<OutsideNeed> {
    // A mistake in an address stands where that is written.
    let written = ConfigNode { at: entry.at, value: Value::Text(entry.key.as_str().into()) };
    let field = Field { key: "depends_on", node: &written };
    let need = address(app, field, &entry.key.as_str().into(), ground).map(OutsideNeed::on)?;
    let field = Field::of(entry);
    match &entry.node.value {
        Value::Null => Some(need),
        Value::Table(entries) => said(app, field, (entries, ""), need),
        Value::Text(_) | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            app.refuse(field, "an object such as { timeout: \"1m\", required: false }")
        }
    }
}

fn address(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    text: &ByteString,
    ground: Ground<'_>,
) -> Option<Probe> {
    let shown = text.display();
    let (scheme, rest) = shown.split_once("://").unwrap_or(("", &shown));
    match scheme {
        "tcp" | "http" | "https" | "unix" => checks::url(app, field, text, ground),
        "" | "file" if !rest.is_empty() => Some(Probe::File(ground.absolute(&rest.into()))),
        "" | "file" => app.refuse(field, ADDRESS),
        _ => {
            let finding = Finding::error(
                field.node.at,
                format!("`depends_on`: {} is nothing that can be asked for", quoted(&*shown)),
            );
            let place = rest.rsplit('@').next().and_then(|rest| rest.split('/').next());
            let hint = match place.filter(|place| place.contains(':')) {
                Some(place) => format!("`tcp://{place}` waits until somebody takes connections"),
                None => format!("it may be {ADDRESS}"),
            };
            app.findings.add(finding.hint(hint));
            None
        }
    }
}

/// How long it is waited for, and whether nothing begins without it.
fn said(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    (entries, own): (&[TableEntry], &str),
    mut need: OutsideNeed,
) -> Option<OutsideNeed> {
    checks::span(app, field, "timeout", &mut need.within)?;
    if need.within == Span::ZERO {
        let node = field.node.value.get("timeout").unwrap_or(field.node);
        return app.refuse(Field { key: "timeout", node }, "more than 0");
    }
    for entry in entries.iter().filter(|entry| entry.key != own) {
        match (entry.key.as_str(), &entry.node.value) {
            ("timeout", _) => {}
            ("required", Value::Bool(on)) => need.required = *on,
            ("required", _) => return app.refuse(Field::of(entry), "true or false"),
            (key @ ("condition" | "restart"), _) => {
                let message = format!("`{key}` is for apps; what is outside is there or not");
                app.error(entry.at, message);
                return None;
            }
            (key, _) => {
                let message = format!("unknown key {} in `depends_on`; it is ignored", quoted(key));
                let finding = Finding::warning(entry.at, message);
                app.findings.add(match keys::nearest(key, KEYS.into_iter()) {
                    Some(near) => finding.hint(format!("did you mean `{near}`?")),
                    None => finding.hint("it may have `timeout` and `required`"),
                });
            }
        }
    }
    Some(need)
}
