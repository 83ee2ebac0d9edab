//! Children, runaways and orphans: made by executing ourselves again with other steps.

use std::ffi::OsString;
use std::io;
use std::process::{Child, Command, Stdio};

/// Starts ourselves with the given steps; the child keeps our output.
pub(crate) fn spawn(steps: &[&str]) -> io::Result<Child> {
    command(steps)?.spawn()
}

/// Starts ourselves with the given steps and no environment at all.
pub(crate) fn spawn_clean(steps: &[&str]) -> io::Result<Child> {
    command(steps)?.env_clear().spawn()
}

/// Starts a middleman that starts the given steps and exits, and waits for the middleman.
pub(crate) fn orphan(middleman: &str, steps: &[&str]) -> io::Result<()> {
    let mut arguments = vec!["--setsid", middleman];
    arguments.extend(steps);
    let status = command(&arguments)?.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("the middleman failed")) }
}

fn command(steps: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(steps.iter().map(OsString::from)).stdin(Stdio::null());
    Ok(command)
}
