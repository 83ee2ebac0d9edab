//! `ready: { log: ... }`: a line that an app prints when it is up.

use pm_spec::{AppSpec, LinePattern, LogTarget, Readiness};
use pm_triggers::LineMatch;

use crate::diagnose::{Finding, quoted};
use crate::fields::{AppFields, Field};
use crate::tree::TableEntry;

/// Text, or a regular expression between slashes.
pub(crate) fn pattern(app: &mut AppFields<'_>, entries: &[TableEntry]) -> Option<LinePattern> {
    const WHAT: &str = "part of a line, such as \"Listening on\", or a /regular expression/";
    let mut found = None;
    for entry in entries {
        if entry.key != "log" {
            let message =
                format!("{} is nothing `ready` with `log` could have", quoted(&entry.key));
            let hint = "`ready_timeout` says how long it may take";
            app.findings.add(Finding::error(entry.at, message).hint(hint));
            return None;
        }
        let text = entry.node.value.as_text().map(|text| text.display().into_owned());
        let text = text.filter(|text| !text.trim().is_empty() && !text.contains('\n'));
        let Some(text) = text else { return app.refuse(Field::of(entry), WHAT) };
        let regex = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let pattern = match regex.filter(|regex| !regex.is_empty()) {
            Some(regex) => LinePattern::Regex(regex.into()),
            None => LinePattern::Text(text),
        };
        if let Err(error) = LineMatch::new(&pattern) {
            app.error(entry.node.at, format!("`log`: {pattern}: {error}"));
            return None;
        }
        found = Some(pattern);
    }
    found
}

/// What goes nowhere nobody reads.
pub(crate) fn refuse_unkept(app: &mut AppFields<'_>, spec: &AppSpec) {
    let is_heard = [&spec.logs.out, &spec.logs.error].iter().any(|it| **it != LogTarget::Discard);
    let waits = matches!(spec.checks.ready.as_deref(), Some(Readiness::Prints(_)));
    if waits && !is_heard && spec.logs.combined.is_none() {
        let message = "`ready`: what it prints is not kept, so no line of it can be waited for";
        let finding = Finding::error(app.place("ready"), message);
        app.findings.add(finding.hint("give it an `out_file` or `error_file`"));
    }
}
