//! Asks by a command, which runs as the app does: as its user, in its folder, with its variables.
//!
//! It is of the app's tree, so that nothing of it outlives the app; what is over time, floods or is not wanted any more is
//! killed with everything it started.

use std::os::fd::OwnedFd;

use pm_os::identity::ProcIdentity;
use pm_os::signal::{self, SignalNumber};
use pm_os::tag::Tag;
use pm_os::tree::{Depth, ProcScan, RunQuery, TreeMember};
use pm_os::wait::{self, Termination};
use pm_spec::{ByteString, Signal};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;

use super::subject::Subject;
use crate::command_job::{Begun, CommandJob};
use crate::daemon_log;
use crate::spawner::SpawnerJob;

/// A command that says more than this is not asked for its health any more.
const FLOOD: usize = 64 << 10;

/// So much of its last line is told.
const SHOWN: usize = 200;

/// So often it is looked whether everybody of a command that is killed is gone.
const LOOKS: usize = 20;

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
    subject: Subject,
    words: Vec<ByteString>,
    mut reply: oneshot::Sender<Result<(), String>>,
) {
    let (told, begun) = oneshot::channel();
    let job = CommandJob { run: subject.run, plan: subject.plan, words, reply: told };
    // The thread lives as long as we do.
    subject.spawner.send(SpawnerJob::Ask(job)).ok();
    let begun = begun.await.unwrap_or_else(|_| Err("could not start the command".into()));
    let Begun { identity, pidfd, output, tag } = match begun {
        Ok(begun) => begun,
        Err(why) => return drop(reply.send(Err(why))),
    };
    let (end, output) = match (watch(pidfd), Receiver::from_owned_fd(output)) {
        (Ok(end), Ok(output)) => (end, output),
        (Err(error), _) | (_, Err(error)) => {
            drop(reply.send(Err(format!("could not wait for the command: {error}"))));
            return kill(tag, identity).await;
        }
    };
    let verdict = tokio::select! { biased;
        verdict = verdict(&end, output) => Some(verdict),
        () = reply.closed() => None,
    };
    match verdict {
        // Whoever asked may have gone in this moment.
        Some(Ok(verdict)) => return drop(reply.send(verdict)),
        Some(Err(Flood)) => {
            drop(reply.send(Err(format!("the command printed more than {FLOOD} bytes"))));
        }
        // Whoever asked has waited long enough, or does not want to know any more.
        None => {}
    }
    kill(tag, identity).await;
    ended(&end).await;
}

/// It printed too much.
struct Flood;

/// Its last words and its end. What it leaves behind may hold the pipe: it is not waited for.
async fn verdict(
    end: &AsyncFd<OwnedFd>,
    mut output: Receiver,
) -> Result<Result<(), String>, Flood> {
    let mut said = Vec::new();
    let ending = loop {
        tokio::select! { biased;
            got = output.read_buf(&mut said), if said.len() < FLOOD => match got {
                Ok(0) | Err(_) => break ended(end).await,
                Ok(_) => {}
            },
            ending = ended(end) => {
                // What it wrote just before is in the pipe.
                while said.len() < FLOOD && output.try_read_buf(&mut said).is_ok_and(|got| got > 0) {}
                break ending;
            }
        }
        if said.len() >= FLOOD {
            return Err(Flood);
        }
    };
    let how = match ending {
        Termination::Exited(0) => return Ok(Ok(())),
        Termination::Exited(code) => format!("exited with code {code}"),
        Termination::Signaled { signal, .. } => {
            let name = u8::try_from(signal).ok().and_then(|number| Signal::try_from(number).ok());
            format!("was ended by {}", name.map_or_else(|| signal.to_string(), |it| it.to_string()))
        }
        Termination::Unknown => "ended, nobody saw how".into(),
    };
    Ok(Err(match last_line(&said) {
        Some(line) => format!("the command {how}: {line}"),
        None => format!("the command {how}"),
    }))
}

fn last_line(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let is_plain = |c: &char| !c.is_control();
    Some(line.trim().chars().filter(is_plain).take(SHOWN).collect())
}

#[expect(
    deprecated,
    reason = "the successor is unsafe to call; a pidfd keeps its descriptor for its whole life"
)]
fn watch(pidfd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

/// How it ended; it is nobody's zombie then.
async fn ended(end: &AsyncFd<OwnedFd>) -> Termination {
    loop {
        let Ok(mut ready) = end.readable().await else { return Termination::Unknown };
        match wait::reap(end.get_ref()) {
            Ok(Some(ending)) => return ending,
            Ok(None) => ready.clear_ready(),
            Err(_) => return Termination::Unknown,
        }
    }
}

/// Kills it and everything it started, on a thread that may wait.
async fn kill(tag: Tag, leader: ProcIdentity) {
    let killed = tokio::task::spawn_blocking(move || kill_tree(tag, leader));
    if let Ok(Err(error)) = killed.await {
        daemon_log::note(format_args!("could not kill a command that asks: {error}"));
    }
}

fn kill_tree(tag: Tag, leader: ProcIdentity) -> Result<(), pm_os::tree::ProcScanError> {
    let mut known: Vec<i32> = vec![leader.pid];
    for _ in 0..LOOKS {
        let scan = ProcScan::take(Depth::Tags, &[])?;
        let members = scan.run_members(&[RunQuery::of(tag)]).remove(&tag).unwrap_or_default();
        let own = of_command(&members, leader.pid, &mut known);
        if own.is_empty() {
            break;
        }
        for member in own {
            // Who is gone meanwhile needs no signal.
            let Ok(pidfd) = member.identity.open() else { continue };
            signal::send(&pidfd, SignalNumber::KILL).ok();
        }
    }
    Ok(())
}

/// Those of a run who are of this command: its session and all that descend from it, dead parents included.
fn of_command(members: &[TreeMember], leader: i32, known: &mut Vec<i32>) -> Vec<TreeMember> {
    let is_own = |member: &&TreeMember, known: &[i32]| {
        member.seen.session == leader
            || known.contains(&member.seen.ppid)
            || known.contains(&member.identity.pid)
    };
    // Parents come before their children.
    for member in members {
        if is_own(&member, known) && !known.contains(&member.identity.pid) {
            known.push(member.identity.pid);
        }
    }
    members.iter().filter(|member| is_own(member, known)).copied().collect()
}
