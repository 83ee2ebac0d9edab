//! `[eventlistener:x]`: what is run in front of a listener, with what it wants to hear.

use pm_spec::ByteString;

use super::options::SectionOptions;
use super::values;
use crate::caller::Caller;
use crate::diagnose::{Finding, quoted};
use crate::program::EVENT_VERB;

/// The kinds of events there are; who wants one that others begin with wants all of those.
const KINDS: [&str; 27] = [
    "EVENT",
    "PROCESS_COMMUNICATION",
    "PROCESS_COMMUNICATION_STDERR",
    "PROCESS_COMMUNICATION_STDOUT",
    "PROCESS_GROUP",
    "PROCESS_GROUP_ADDED",
    "PROCESS_GROUP_REMOVED",
    "PROCESS_LOG",
    "PROCESS_LOG_STDERR",
    "PROCESS_LOG_STDOUT",
    "PROCESS_STATE",
    "PROCESS_STATE_BACKOFF",
    "PROCESS_STATE_EXITED",
    "PROCESS_STATE_FATAL",
    "PROCESS_STATE_RUNNING",
    "PROCESS_STATE_STARTING",
    "PROCESS_STATE_STOPPED",
    "PROCESS_STATE_STOPPING",
    "PROCESS_STATE_UNKNOWN",
    "REMOTE_COMMUNICATION",
    "SUPERVISOR_STATE_CHANGE",
    "SUPERVISOR_STATE_CHANGE_RUNNING",
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    "TICK",
    "TICK_5",
    "TICK_60",
    "TICK_3600",
];

/// What no program here tells of.
const SILENT: [&str; 3] =
    ["PROCESS_COMMUNICATION", "PROCESS_LOG", "SUPERVISOR_STATE_CHANGE_STOPPING"];

/// What is executed instead of its command: this program, and the words before the command; `None`: it can't be.
pub(crate) fn front(
    options: &mut SectionOptions<'_>,
    caller: &Caller,
) -> Option<(ByteString, Vec<ByteString>)> {
    let Some(list) = options.text("events") else {
        let finding = Finding::error(options.section.at, "the listener has no `events`");
        options.findings.add(finding);
        return None;
    };
    let wanted = values::names(&list);
    for kind in &wanted {
        if !KINDS.contains(kind) {
            let near = crate::keys::nearest(kind, KINDS.into_iter());
            let message = format!("there are no events {}", quoted(kind));
            options.findings.add(Finding::error(options.place("events"), message).near(near));
        } else if SILENT.iter().any(|silent| kind.starts_with(silent)) {
            let message = format!(
                "{kind} never comes: what programs write is told to nobody, and at the end nobody is left to hear"
            );
            options.findings.add(Finding::warning(options.place("events"), message));
        }
    }
    if options.switch("redirect_stderr", false) {
        options.error("redirect_stderr", "a listener's standard output is for its protocol alone");
    }
    let buffer = options.number("buffer_size", 10, 1);
    let server = options
        .sections
        .get("supervisord")
        .and_then(|it| options.sections.option(it, "identifier"));
    let server = server.and_then(|option| options.fill(option));
    let server = server.unwrap_or_else(|| "supervisor".into());
    let pool = options.section.parts().1.trim().to_owned();
    let words = [
        EVENT_VERB.to_owned(),
        "--pool".into(),
        pool,
        "--server".into(),
        server,
        "--events".into(),
        wanted.join(","),
        "--buffer".into(),
        buffer.to_string(),
        "--".into(),
    ];
    let own = caller.argv.first().cloned().unwrap_or_else(|| ByteString::from("pm"));
    Some((own, words.iter().map(|word| ByteString::from(word.as_str())).collect()))
}
