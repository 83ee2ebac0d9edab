//! Asks by a command, which runs as the app does: as its user, in its folder, with its variables.
//!
//! It is of the app's tree, so that nothing of it outlives the app, if that runs; what is over time, floods or is not wanted
//! any more is killed with everything it started.

use pm_core::SpawnFailure;
use pm_spec::ByteString;
use tokio::sync::oneshot;

use super::subject::Subject;
use crate::command_end::Finish;
use crate::command_job::{CommandJob, Kin, in_place_of};
use crate::spawner::SpawnerJob;

/// A command that says more than this is not asked for its health any more.
const FLOOD: usize = 64 << 10;

/// A program by its name: the shell looks it up in the app's PATH.
pub(super) fn program(argv: &[ByteString]) -> Vec<ByteString> {
    ["-c", "exec \"$0\" \"$@\""]
        .map(ByteString::from)
        .into_iter()
        .chain(argv.iter().cloned())
        .collect()
}

/// A line for the shell.
pub(super) fn line(line: &ByteString) -> Vec<ByteString> {
    vec!["-c".into(), line.clone()]
}

/// Runs it; good is an end with code 0.
pub(super) async fn run(subject: &Subject, words: Vec<ByteString>) -> Result<(), String> {
    let (reply, answer) = oneshot::channel();
    // Whoever asks may be gone before it is over, and then somebody must still see it end.
    tokio::spawn(look_after(subject.clone(), words, reply));
    answer.await.unwrap_or_else(|_| Err("the command was lost".into()))
}

/// Has it begun and waits for its end, or makes one once nobody waits any more.
async fn look_after(
    Subject { run, pid, plan, spawner, .. }: Subject,
    words: Vec<ByteString>,
    mut asker: oneshot::Sender<Result<(), String>>,
) {
    let (reply, begun) = oneshot::channel();
    let app = in_place_of(&plan.app, "/bin/sh".into(), words);
    let numbers = (plan.instance, plan.slot, plan.restarts);
    let kin = run.map_or(Kin::Nobody, |run| Kin::Run(run, pid));
    let job = CommandJob { app, numbers, kin, printed: Vec::new(), input: None, reply };
    // The thread lives as long as we do.
    spawner.send(SpawnerJob::Command(Box::new(job))).ok();
    let command = match begun.await.unwrap_or(Err(SpawnFailure::Interrupted)) {
        Ok(command) => command,
        Err(failure) => {
            let why = format!("could not start the command: {}", failure.words());
            return drop(asker.send(Err(why)));
        }
    };
    let verdict = match command.end(asker.closed(), FLOOD).await {
        Err(error) => Err(format!("could not wait for the command: {error}")),
        Ok(end) if end.finish == Finish::Flooded => {
            Err(format!("the command printed more than {FLOOD} bytes"))
        }
        Ok(end) => end.trouble().map_or(Ok(()), |trouble| Err(format!("the command {trouble}"))),
    };
    // Whoever asked may have gone in this moment.
    asker.send(verdict).ok();
}
