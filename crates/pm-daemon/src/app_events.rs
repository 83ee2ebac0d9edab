//! The lives of apps as the daemon log tells them, in the words programs know from PM2's log. Names and numbers only:
//! arguments and variables may hold secrets.

use pm_core::{Cause, Core, Ending, RunSignal, SpawnFailure, SpawnPlan, Status};
use pm_spec::{Mode, Signal};

use crate::daemon_log;
use crate::runs::{Life, Run};

/// A process is about to be made.
pub(crate) fn starting(plan: &SpawnPlan) {
    let (name, id, mode) = (&plan.app.name, plan.instance.0, plan.app.serving.mode);
    let mode = match mode {
        Mode::Cluster => "cluster",
        Mode::Fork => "fork",
    };
    daemon_log::note(format_args!("App [{name}:{id}] starting in -{mode} mode-"));
}

/// There is a process, or it has said that it is ready for the first time.
pub(crate) fn online(run: &mut Run) {
    if !std::mem::replace(&mut run.online, true) {
        daemon_log::note(format_args!("App [{}] online", Named(run)));
    }
}

/// Another process of it is the main one from now on.
pub(crate) fn main_named(run: &Run, pid: i32) {
    daemon_log::note(format_args!("App [{}] has main process {pid} by its own word", Named(run)));
}

/// There is none.
pub(crate) fn not_born(run: Option<&Run>, failure: &SpawnFailure) {
    let Some(run) = run else { return };
    let why = match failure {
        SpawnFailure::Refused(why) | SpawnFailure::Short(why) => why.as_str(),
        SpawnFailure::Interrupted => "interrupted",
    };
    daemon_log::note(format_args!("App [{}] could not be started: {why}", Named(run)));
}

/// It gets a signal.
pub(crate) fn signalled(run: &mut Run, sent: RunSignal) {
    match sent {
        RunSignal::Stop(..) | RunSignal::Drain(..) => stopping(run),
        RunSignal::Kill(_) => forced(run),
        RunSignal::Replace(..) | RunSignal::StandBy | RunSignal::Forward(_) => {}
    }
}

/// It is asked to go. What is left of a tree is asked as well, but that is no news.
fn stopping(run: &Run) {
    if matches!(run.life, Life::Alive) {
        let (name, id) = (&run.app.name, run.address.instance.0);
        daemon_log::note(format_args!("Stopping app:{name} id:{id}"));
    }
}

/// It is killed for the first time.
fn forced(run: &mut Run) {
    if !std::mem::replace(&mut run.forced, true) {
        let (named, timeout) = (Named(run), run.app.stop.timeout);
        daemon_log::note(format_args!(
            "App [{named}] did not end in time: killed (kill_timeout {timeout})"
        ));
    }
}

/// Its main process ended. PM2 names SIGINT where there was no signal, and scripts read the line.
pub(crate) fn exited(run: &Run, ending: Ending) {
    let (code, signal) = match ending {
        Ending::Exited(code) | Ending::OutOfMemory { code: Some(code), .. } => (code, Signal::INT),
        Ending::OutOfMemory { code: None, .. } => (0, Signal::KILL),
        Ending::Signaled { signal, .. } => (0, Signal::try_from(signal).unwrap_or(Signal::KILL)),
        Ending::Unknown => {
            return daemon_log::note(format_args!("App [{}] exited, nobody saw how", Named(run)));
        }
    };
    daemon_log::note(format_args!(
        "App [{}] exited with code [{code}] via signal [{signal}]",
        Named(run)
    ));
}

/// It is over; whether anybody tries again.
pub(crate) fn over(run: Option<&Run>, core: &Core) {
    let Some(run) = run else { return };
    let instance =
        core.instance(run.address.instance).filter(|instance| instance.app_id == run.address.app);
    if let Some(instance) = instance.filter(|instance| instance.status == Status::Errored)
        && let Some(Cause::CrashLoop { runs, .. }) = instance.failure
    {
        daemon_log::note(format_args!(
            "App [{}] had too many unstable restarts ({runs}). Stopped. \"errored\"",
            Named(run)
        ));
    }
}

/// `NAME:ID`.
struct Named<'a>(&'a Run);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0.app.name, self.0.address.instance.0)
    }
}
