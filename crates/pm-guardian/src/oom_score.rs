//! The out-of-memory score: ours is lowered so that the system spares us, and apps get back what we had.
//! What it was goes to our daemon, and on to every guardian after us, in the environment.

use std::process::Command;

/// The environment variable with the score we had before we lowered it (-1000 to 1000, `proc(5)`). Not set: apps
/// simply inherit ours.
pub const OOM_SCORE_VARIABLE: &str = "PM_OOM_SCORE_ADJ";

const OURS: &str = "/proc/self/oom_score_adj";

/// What apps get back; `None`: the score was never changed.
pub fn original() -> Option<i32> {
    std::env::var(OOM_SCORE_VARIABLE).ok().and_then(|text| parse(&text))
}

/// Asks the system to spare us, which only root may do, and gives what apps get back.
pub(crate) fn spare_us() -> Option<i32> {
    let before = std::fs::read_to_string(OURS).ok().and_then(|text| parse(&text));
    let lowered = std::fs::write(OURS, "-1000").is_ok();
    // The guardian before us had lowered it already.
    original().or(before.filter(|_| lowered))
}

/// Lets a command's process know.
pub(crate) fn pass_on(command: &mut Command, oom_score: Option<i32>) {
    match oom_score {
        Some(oom_score) => command.env(OOM_SCORE_VARIABLE, oom_score.to_string()),
        None => command.env_remove(OOM_SCORE_VARIABLE),
    };
}

fn parse(text: &str) -> Option<i32> {
    text.trim().parse().ok().filter(|oom_score| (-1000..=1000).contains(oom_score))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scores_are_scores() {
        assert_eq!(parse("-1000\n"), Some(-1000));
        assert_eq!(parse("321"), Some(321));
        for text in ["", "1001", "-1001", "x"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
