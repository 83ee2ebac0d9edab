//! What event listeners write, under hostile input.

use pm_fuzz::FuzzTarget;

use super::lines::{ListenerLines, ListenerSaid};

#[test]
fn fuzz_listener_lines() {
    let target =
        FuzzTarget::new("listener_lines").sample("READY\nRESULT 2\nOKREADY\nRESULT 4\nFAIL");
    target.words("READY RESULT OK FAIL").longest(1000).run(|bytes| {
        let (mut lines, mut is_busy) = (ListenerLines::default(), false);
        for part in bytes.chunks(5) {
            lines.add(part);
            while let Some(said) = lines.next(is_busy) {
                match said {
                    ListenerSaid::Ready => is_busy = true,
                    ListenerSaid::Result(_) => is_busy = false,
                    // Nobody reads on.
                    ListenerSaid::Rubbish(why) => return assert!(!why.contains(char::is_control)),
                }
            }
        }
    });
}
