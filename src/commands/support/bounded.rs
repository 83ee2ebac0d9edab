//! Other programs that are asked something, and have to answer in time.

use std::io;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use pm_client::{Deadline, pause};

/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(2);

/// What it says; none if it has not ended in time, and then it is ended. What it says has to fit into a pipe.
pub(crate) fn output(command: &mut Command, patience: Duration) -> io::Result<Option<Output>> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let deadline = Deadline::after(patience);
    while matches!(child.try_wait(), Ok(None)) {
        if deadline.is_over() {
            // It is ours, and nobody waits for it.
            child.kill().ok();
            child.wait().ok();
            return Ok(None);
        }
        pause(LOOK, deadline);
    }
    child.wait_with_output().map(Some)
}
