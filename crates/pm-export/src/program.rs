//! What runs: one line of words.

use pm_spec::{AppSpec, ByteString};

use crate::draft::AppDraft;
use crate::key::ExportKey;

/// The words of an app's command, as they are run.
pub fn command(app: &AppSpec) -> Vec<ByteString> {
    let mut words = Vec::new();
    if let Some(interpreter) = &app.interpreter {
        words.push(interpreter.clone());
        words.extend(app.interpreter_args.iter().cloned());
    }
    words.push(app.script.clone());
    words.extend(app.args.iter().cloned());
    words
}

/// The same as text; bytes that are none are told of.
pub(crate) fn texts(draft: &mut AppDraft<'_>) -> Vec<String> {
    let words = command(draft.app);
    if words.iter().any(|word| str::from_utf8(word.as_bytes()).is_err()) {
        let how = "bytes that are no UTF-8 became U+FFFD: such files are text";
        draft.changed(ExportKey::Args, how);
    }
    words.iter().map(|word| word.display().into_owned()).collect()
}
