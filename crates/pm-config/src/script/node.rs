//! `node` as the engine: for TypeScript, for what the built-in one lacks, or because somebody wants it.
//!
//! The result comes on a descriptor of its own. What the config prints goes to our standard error.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags};
use rustix::pipe::PipeFlags;

use crate::caller::Caller;
use crate::paths;
use crate::script::engine::{EngineAnswer, EngineFailure, is_typescript, program, tell, words};

/// Node's own limit, in MiB of old space; its baseline is larger than the built-in engine's.
const MEMORY: usize = 512;

/// All memory of `node`, in MiB: its heap, its own and what lies outside of both.
#[cfg(target_os = "linux")]
const DATA: u64 = 1024;

/// No config exports more.
const LARGEST: usize = 8 << 20;

/// What a config does after its answer (`process.on('exit')`) may take so long.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Runs a config.
pub(super) fn run(
    file: &Path,
    caller: &Caller,
    node: &Path,
    deadline: Instant,
) -> Result<EngineAnswer, EngineFailure> {
    let broken = |error: io::Error| EngineFailure::Node(node.to_owned(), error);
    let (read, write) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from).map_err(broken)?;
    // This one is for the child, whoever it is: there is no other at this moment, and one that got it by accident would
    // only keep it open.
    rustix::io::fcntl_setfd(&write, FdFlags::empty()).map_err(io::Error::from).map_err(broken)?;
    let mut command = command(node, caller);
    command.arg(format!("--max-old-space-size={MEMORY}"));
    if is_typescript(file) {
        command.args(["--experimental-strip-types", "--disable-warning=ExperimentalWarning"]);
    }
    command.arg("-e").arg(include_str!("js/node.js")).arg("--");
    command.arg(write.as_raw_fd().to_string()).arg(file).arg(program(caller));
    command.args(words(caller).map(paths::from_bytes));
    let (talk, mouth) = io::pipe().map_err(broken)?;
    command.stdout(mouth.try_clone().map_err(broken)?).stderr(mouth);
    let mut child = command.spawn().map_err(broken)?;
    limit(&child);
    // Here are the last copies of what only the child is to write to.
    drop((write, command));
    let listener = std::thread::spawn(move || pass_on(talk, deadline));
    let answer = receive(&read, deadline);
    // Either it is at its end, or it had its time.
    child.kill().ok();
    let status = child.wait().map_err(broken)?;
    // What it began itself may hold the pipe for as long as it likes.
    if status.code().is_some() || answer.is_some() {
        listener.join().ok();
    }
    let bytes = match answer {
        Some(bytes) if bytes.len() > LARGEST => return Err(EngineFailure::TooMuch),
        Some(bytes) if bytes.is_empty() => return Err(EngineFailure::Ended(status)),
        Some(bytes) => bytes,
        None => return Err(EngineFailure::TooLong(caller.patience)),
    };
    serde_json::from_slice(&bytes).map_err(|error| EngineFailure::Garbled(error.to_string()))
}

fn command(node: &Path, caller: &Caller) -> Command {
    let mut command = Command::new(node);
    command.env_clear().current_dir(&caller.cwd).stdin(Stdio::null());
    for (name, value) in caller.env.iter() {
        command.env(name, OsStr::from_bytes(value.as_bytes()));
    }
    command
}

/// Passes on what a config says.
fn pass_on(talk: io::PipeReader, deadline: Instant) {
    let talk = OwnedFd::from(talk);
    let mut chunk = [0; 8 << 10];
    while wait(&talk, deadline) {
        match rustix::io::read(&talk, &mut chunk) {
            Ok(0) => return,
            Ok(count) => tell(chunk.get(..count).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Memory beside the engine's own heap counts, too: a file that was read, a buffer.
fn limit(child: &Child) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let most = Some(DATA << 20);
        // Without a limit it still runs.
        prlimit(
            Some(Pid::from_child(child)),
            Resource::Data,
            Rlimit { current: most, maximum: most },
        )
        .ok();
    }
    #[cfg(not(target_os = "linux"))]
    let _ = child;
}

/// The answer, which is one line; `None`: it did not come in time. Then a moment for what is done at the end.
fn receive(pipe: &OwnedFd, mut deadline: Instant) -> Option<Vec<u8>> {
    let mut answer = Vec::new();
    let mut chunk = [0; 8 << 10];
    let mut is_whole = false;
    while answer.len() <= LARGEST {
        if !is_whole && answer.last() == Some(&b'\n') {
            is_whole = true;
            deadline = deadline.min(Instant::now() + AFTERWARDS);
        }
        if !wait(pipe, deadline) {
            return is_whole.then_some(answer);
        }
        match rustix::io::read(pipe, &mut chunk) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(Errno::INTR) => {}
            Err(_) => break,
        }
    }
    Some(answer)
}

/// Whether there is something to read before the deadline.
fn wait(pipe: &OwnedFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok();
        let mut wanted = [PollFd::new(pipe, PollFlags::IN)];
        match poll(&mut wanted, left.as_ref()) {
            Err(Errno::INTR) => {}
            Ok(count) => return count > 0,
            Err(_) => return false,
        }
    }
}

/// The version a `node` says it is: major and minor.
pub(super) fn version(node: &Path, caller: &Caller) -> Option<(u32, u32)> {
    let output = command(node, caller).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

/// Whether this version can take the types out of TypeScript.
pub(super) fn strips_types(version: (u32, u32)) -> bool {
    version >= (22, 6)
}
