//! What apps in the foreground leave behind of their ends: one exit code.

use pm_protocol::{Description, Status};
use pm_spec::Signal;

/// The exit code of the app that ended last, as a shell counts it; one that was given up has failed in any case. Ends
/// before `since`, in ms since 1970, do not count.
pub(super) fn of(all: &[Description], since: u64) -> u8 {
    let last = all.iter().filter_map(|one| Some((one.ends.last()?, one.row.status)));
    let last = last.filter(|(end, _)| end.at >= since).max_by_key(|(end, _)| end.at);
    let Some((end, status)) = last else {
        // Nothing was ever executed, or everything is forgotten; nobody minds who asks for the end of nothing.
        return u8::from(!all.is_empty() && since == 0);
    };
    let signal = end.signal.as_ref().and_then(|name| Signal::parse(name).ok());
    let code = match (end.code, signal) {
        (Some(code), _) => code,
        (None, Some(signal)) => u8::try_from(128 + signal.number()).unwrap_or(u8::MAX),
        (None, None) => 1,
    };
    if code == 0 && status == Status::Errored { 1 } else { code }
}
