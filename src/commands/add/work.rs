//! Does what the plan says: the commands, then the file. What fails leaves nothing half done.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::setup::UNFINISHED;
use crate::commands::support::foreground::{ear, heard};
use crate::commands::support::written_file;
use crate::prelude::{Exit, Failure, Session};
use crate::render::added::{self, AddPlan, PlannedFile, SetupStep};

/// Carries it out.
pub(super) fn carry_out(session: &Session, plan: &AddPlan) -> Result<(), Failure> {
    // A signal must not leave a half-made venv behind.
    let ear = ear(&[SIGINT, SIGTERM, SIGHUP])
        .map_err(|error| Failure::failed(format!("could not hear signals: {error}")))?;
    let mut made: Vec<PathBuf> = Vec::new();
    for step in &plan.commands {
        let marked = begin(step, &mut made);
        let done = marked.and_then(|()| run(session, step, &ear));
        if let Err(failure) = done {
            return Err(undone(failure, &made));
        }
        mark(step);
    }
    match write(&plan.file) {
        Ok(()) => {}
        Err(failure) => return Err(undone(failure, &made)),
    }
    for folder in &made {
        fs::remove_file(folder.join(UNFINISHED)).ok();
    }
    session.console.talk(&format!("wrote {}", plan.file.path.display()));
    Ok(())
}

/// What a killed attempt left is in nobody's way.
fn begin(step: &SetupStep, made: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let Some(folder) = step.makes.as_ref() else { return Ok(()) };
    if folder.join(UNFINISHED).exists() {
        fs::remove_dir_all(folder).map_err(|error| {
            Failure::failed(format!("could not remove {}: {error}", folder.display()))
        })?;
    }
    if !folder.exists() {
        made.push(folder.clone());
    }
    // uv makes a folder of its own, at once; `python -m venv` takes its time, and one that is there.
    if step.argv.iter().any(|word| word == "venv") && step.argv.first().is_some_and(|it| it != "uv")
    {
        let marked = fs::create_dir(folder).and_then(|()| fs::write(folder.join(UNFINISHED), ""));
        return marked.map_err(|error| {
            Failure::failed(format!("could not make {}: {error}", folder.display()))
        });
    }
    Ok(())
}

/// A death leaves a mark, as long as it is not finished.
fn mark(step: &SetupStep) {
    if let Some(folder) = step.makes.as_ref().filter(|folder| folder.join("pyvenv.cfg").exists()) {
        fs::write(folder.join(UNFINISHED), "").ok();
    }
}

fn undone(failure: Failure, made: &[PathBuf]) -> Failure {
    let mut removed = Vec::new();
    for folder in made.iter().filter(|folder| folder.exists()) {
        if fs::remove_dir_all(folder).is_ok() {
            removed.push(folder.display().to_string());
        }
    }
    let removed = if removed.is_empty() {
        String::new()
    } else {
        format!("{} is removed, ", removed.join(", "))
    };
    let message = format!("{}; {removed}no file was written", failure.message);
    Failure { message, ..failure }
}

fn run(session: &Session, step: &SetupStep, ear: &UnixStream) -> Result<(), Failure> {
    let shown = added::command(step);
    session.console.talk(&format!("$ {shown}"));
    let Some((program, args)) = step.argv.split_first() else { return Ok(()) };
    let failed =
        |why: String| Failure::new(Exit::Failed, format!("could not run `{shown}`: {why}"));
    // As it is typed in that folder.
    let program = if program.contains('/') { step.folder.join(program) } else { program.into() };
    let mut command = Command::new(program);
    command.args(args).current_dir(&step.folder).stdin(Stdio::null());
    // Standard output is for what came of it.
    command.stdout(io::stderr());
    if session.console.silent {
        command.stdout(Stdio::null());
    }
    let child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let (status, is_told) = wait(child, ear).map_err(|error| failed(error.to_string()))?;
    if is_told {
        return Err(failed("it was interrupted".into()));
    }
    if status.success() {
        return Ok(());
    }
    Err(failed(format!("{status}")).hint("what it said stands above"))
}

/// Waits for the end of a child; a signal to us is passed on to it.
fn wait(mut child: Child, ear: &UnixStream) -> io::Result<(ExitStatus, bool)> {
    let pid = Pid::from_child(&child);
    let end = pidfd_open(pid, PidfdFlags::empty())?;
    let mut is_told = false;
    loop {
        let mut fds = [PollFd::new(&end, PollFlags::IN), PollFd::new(ear, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let has_ended = !fds[0].revents().is_empty();
        if heard(ear) {
            is_told = true;
            kill_process(pid, Signal::TERM).ok();
        }
        if has_ended {
            return child.wait().map(|status| (status, is_told));
        }
    }
}

/// The file, whole or not at all, and only if it is as it was.
fn write(file: &PlannedFile) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return changed(&file.path);
        }
        Failure::failed(format!("could not write {}: {error}", file.path.display()))
    };
    let Some(text) = &file.after else { return Ok(()) };
    let Some(before) = &file.before else {
        return written_file::make(&file.path, text, 0o666).map_err(failed);
    };
    if fs::read_to_string(&file.path).map_err(failed)? != *before {
        return Err(changed(&file.path));
    }
    written_file::replace(&file.path, text, 0o666).map_err(failed)
}

fn changed(path: &Path) -> Failure {
    let message = format!("could not write {}: it was changed meanwhile", path.display());
    Failure::failed(message).hint("the same command looks again")
}
