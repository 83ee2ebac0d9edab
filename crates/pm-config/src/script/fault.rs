//! What JavaScript threw, as a finding with its place in the config.

use std::path::Path;

use percent_encoding::percent_decode_str;

use crate::diagnose::{ConfigPlace, Finding};
use crate::script::engine::ThrownError;

/// What the built-in engine puts before a `CommonJS` module, on its first line.
pub(super) const WRAPPER: &str = "(function(exports,require,module,__filename,__dirname){";

/// One line of a stack.
#[derive(Debug, PartialEq, Eq)]
struct StackFrame {
    file: String,
    line: usize,
    column: usize,
}

/// The finding: placed where the config itself was last.
pub(super) fn finding(thrown: &ThrownError, file: &Path, wrapped: &[String]) -> Finding {
    let own = file.to_string_lossy();
    let mut frames: Vec<StackFrame> = thrown.stack.lines().filter_map(frame).collect();
    for frame in frames.iter_mut().filter(|one| one.line == 1 && wrapped.contains(&one.file)) {
        frame.column = frame.column.saturating_sub(WRAPPER.len()).max(1);
    }
    let at = frames.iter().find(|frame| frame.file == own).map_or(ConfigPlace::Whole, |frame| {
        ConfigPlace::Line { line: frame.line, column: frame.column }
    });
    if thrown.exit {
        return Finding::error(at, format!("the config called {}", thrown.message));
    }
    let what = thrown.headline().unwrap_or_default();
    let mut message = match thrown.name.as_str() {
        "" => format!("it threw {what}"),
        name => format!("{name}: {what}"),
    };
    if let Some(StackFrame { file, line, column }) =
        frames.first().filter(|first| first.file != own)
    {
        message = format!("{message} ({file}:{line}:{column})");
    }
    Finding::error(at, message)
}

/// `at name (/file.js:3:5)`, `at file:///file.js:3:5`, or Node's `/file.js:3` above a syntax error.
fn frame(line: &str) -> Option<StackFrame> {
    let line = line.trim();
    let place = line.strip_prefix("at ").unwrap_or(line);
    let place = match place.rsplit_once('(') {
        Some((_, inner)) => inner.strip_suffix(')').unwrap_or(inner),
        None => place.strip_prefix("async ").unwrap_or(place),
    };
    let (rest, last) = place.rsplit_once(':')?;
    let last: usize = last.parse().ok()?;
    let (file, line, column) = match rest.rsplit_once(':').map(|(file, line)| (file, line.parse()))
    {
        Some((file, Ok(line))) => (file, line, last),
        Some((_, Err(_))) | None => (rest, last, 1),
    };
    let file = match file.strip_prefix("file://") {
        Some(url) => percent_decode_str(url).decode_utf8_lossy().into_owned(),
        None => file.to_owned(),
    };
    file.starts_with('/').then_some(StackFrame { file, line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_of_both_engines_are_understood() {
        let at = |line: &str| frame(line).map(|f| (f.file, f.line, f.column));
        for (line, place) in [
            ("    at <anonymous> (/a b/eco.config.js:3:15)", Some(("/a b/eco.config.js", 3, 15))),
            ("    at /srv/eco.config.js:2:7", Some(("/srv/eco.config.js", 2, 7))),
            ("at file:///srv/a%20b/eco.config.mjs:2:7", Some(("/srv/a b/eco.config.mjs", 2, 7))),
            ("/srv/eco.config.cjs:12", Some(("/srv/eco.config.cjs", 12, 1))),
            ("at async file:///e.mjs:1:1", Some(("/e.mjs", 1, 1))),
            ("at node:internal/modules/cjs/loader:1215:15", None),
            ("at pm:path:3:4", None),
            ("SyntaxError: Unexpected token '}'", None),
            ("at native", None),
        ] {
            let want = place.map(|(file, line, column)| (file.to_owned(), line, column));
            assert_eq!(at(line), want, "{line}");
        }
    }
}
