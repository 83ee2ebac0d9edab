//! Commands of apps that are run when something happens to them, each at most once at a time: neither the loop nor the
//! app ever waits for one, and one that fails or hangs is told in `pm.log`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pm_core::{
    AppId, Cause, Core, Ending, InstanceId, InstanceView, Order, Record, RunEnd, Status,
};
use pm_os::spawn::{SpawnRequest, Spawned};
use pm_os::wait::{self, Termination};
use pm_protocol::Home;
use pm_spec::{AppSpec, ByteString, HookEvent, Serving};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use crate::clock::{Clocks, Dates};
use crate::plan::{self, RunNumbers};
use crate::server::ends;
use crate::{app_user, daemon_log};

/// So long a hook may run; then it is killed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// So many run at once, of all apps.
const MOST: usize = 16;

/// So much of the end of its standard error is told where it failed, in bytes.
const TOLD: usize = 512;

/// Which hooks run, so that none runs twice at once.
#[derive(Debug, Default)]
pub(crate) struct HookRuns {
    running: BTreeMap<(AppId, HookEvent), Weak<()>>,
}

/// A hook to be run.
#[derive(Debug)]
pub(crate) struct HookCall {
    /// The command in the place of the app's own, with what it is told as variables.
    app: AppSpec,
    numbers: (InstanceId, u16, u32),
    /// What it reads.
    facts: String,
    named: String,
    /// It runs, or is to, as long as this is there.
    permit: Arc<()>,
}

impl HookRuns {
    /// The hooks to be run for what an order tells.
    pub(crate) fn after(&mut self, core: &Core, order: &Order, dates: &Dates) -> Vec<HookCall> {
        let Order::Persist(Record::End(id, end)) = order else { return Vec::new() };
        let instance = core.instance(*id).filter(|it| !it.app.hooks.is_empty());
        let Some(instance) = instance.filter(|_| is_news(&end.cause)) else { return Vec::new() };
        let gave_up = instance.status == Status::Errored;
        let failed = instance.app.is_job() && end.ending != Ending::Exited(0);
        let happened = [
            (HookEvent::Exit, true),
            (HookEvent::Flapping, flaps(&instance, end)),
            (HookEvent::GaveUp, gave_up),
            (HookEvent::Unhealthy, matches!(end.cause, Cause::Unhealthy { .. })),
            (HookEvent::JobFailed, failed),
        ];
        let happened = happened.into_iter().filter(|(_, so)| *so);
        happened.filter_map(|(event, _)| self.call(&instance, (event, end), dates)).collect()
    }

    fn call(
        &mut self,
        instance: &InstanceView<'_>,
        (event, end): (HookEvent, &RunEnd),
        dates: &Dates,
    ) -> Option<HookCall> {
        let command = instance.app.hooks.get(&event)?;
        let named = format!("{} of {} (id {})", event.key(), instance.app.name, instance.id.0);
        let Some(permit) = self.permit((instance.app_id, event)) else {
            daemon_log::note(format_args!("hook {named} left out: the one before still runs"));
            return None;
        };
        let told = ends::end_view(end, Clocks::read(dates));
        let why = instance.failure.filter(|_| event == HookEvent::GaveUp).map(ends::cause);
        let why = why.unwrap_or_else(|| told.why.clone());
        let mut app = AppSpec::clone(instance.app);
        (app.interpreter, app.script) = (None, command.first()?.clone());
        app.args = command.iter().skip(1).cloned().collect();
        // It has neither the app's channel nor its sockets.
        (app.serving, app.listen) = (Serving::default(), Vec::new());
        let text = |number: Option<u8>| number.map(|it| it.to_string()).unwrap_or_default();
        for (name, value) in [
            ("PM_EVENT", event.key().to_owned()),
            ("PM_APP", app.name.to_string()),
            ("PM_ID", instance.id.0.to_string()),
            ("PM_PID", end.pid.to_string()),
            ("PM_EXIT_CODE", text(told.code)),
            ("PM_SIGNAL", told.signal.clone().unwrap_or_default()),
            ("PM_WHY", why.clone()),
            ("PM_RESTARTS", instance.restarts.to_string()),
        ] {
            app.env.set(name, ByteString::from(value.as_str()));
        }
        let facts = json!({
            "event": event.key(), "app": app.name.as_str(), "namespace": app.namespace.as_str(),
            "id": instance.id.0, "pid": end.pid, "code": told.code, "signal": told.signal,
            "why": why, "restarts": instance.restarts, "at": told.at,
        });
        let numbers = (instance.id, instance.slot, instance.restarts);
        Some(HookCall { app, numbers, facts: format!("{facts}\n"), named, permit })
    }

    fn permit(&mut self, which: (AppId, HookEvent)) -> Option<Arc<()>> {
        self.running.retain(|_, permit| permit.strong_count() > 0);
        if self.running.len() >= MOST || self.running.contains_key(&which) {
            return None;
        }
        let permit = Arc::new(());
        self.running.insert(which, Arc::downgrade(&permit));
        Some(permit)
    }
}

/// Whether it is called out after this end that an app fails again and again.
pub(crate) fn flaps(instance: &InstanceView<'_>, end: &RunEnd) -> bool {
    instance.failures == HookEvent::FLAPPING && is_news(&end.cause)
}

/// Whether an end is one that nobody asked for.
pub(crate) const fn is_news(cause: &Cause) -> bool {
    match cause {
        Cause::Ended(_)
        | Cause::Memory { .. }
        | Cause::TooLong { .. }
        | Cause::Unhealthy { .. }
        | Cause::NotSpawned(_)
        | Cause::CrashLoop { .. }
        | Cause::NotReady { .. }
        | Cause::Unkillable => true,
        Cause::Stopped
        | Cause::Restarted
        | Cause::Scheduled
        | Cause::FileChanged(_)
        | Cause::Reload
        | Cause::NotReplaced { .. }
        | Cause::Shutdown => false,
    }
}

impl HookCall {
    /// Runs it as its app's user, in its folder, and looks after it on a thread of its own. Called by the thread that
    /// makes all processes: nobody else may while it wears a tag.
    pub(crate) fn begin(self, home: &Home) {
        let named = self.named.clone();
        let begun = self.spawn(home).and_then(|(born, heard)| {
            let watch = move || self.watch(&born, heard);
            std::thread::Builder::new().name("pm-hook".into()).stack_size(64 << 10).spawn(watch)
        });
        if let Err(error) = begun {
            daemon_log::note(format_args!("could not run hook {named}: {error}"));
        }
    }

    fn spawn(&self, home: &Home) -> io::Result<(Spawned, OwnedFd)> {
        let user = self.app.user.as_ref().map(app_user::find).transpose();
        let user = user.map_err(|_| io::Error::other("its user is not known"))?;
        let (instance, slot, restarts) = self.numbers;
        let numbers = RunNumbers { instance, slot, restarts, run: 0, preload: None };
        let person = user.as_ref().map(|user| &user.person);
        let line = plan::command_line(&self.app, numbers, home, person)?;
        let mut facts = File::from(rustix::fs::memfd_create("facts", MemfdFlags::CLOEXEC)?);
        facts.write_all(self.facts.as_bytes())?;
        facts.rewind()?;
        let (heard, said) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&heard, OFlags::NONBLOCK)?;
        let null = pm_os::stdio::null()?;
        let stdio = [facts.as_fd(), null.as_fd(), said.as_fd()];
        let credentials = user.map(|user| user.credentials);
        let plan = SpawnRequest {
            cwd: line.cwd,
            user: credentials.filter(|credentials| !credentials.are_ours()),
            umask: self.app.umask,
            oom_score_adj: pm_guardian::oom_score_before(),
            ..SpawnRequest::new(line.program, line.argv, line.env, stdio)
        };
        let born = pm_os::spawn::spawn(&plan).map_err(io::Error::other)?;
        Ok((born, heard))
    }

    /// Waits for its end, and makes one when its time is over; who else is in its process group goes with it.
    fn watch(self, born: &Spawned, heard: OwnedFd) {
        let mut heard = File::from(heard);
        let mut said = Vec::new();
        let ended = wait(&born.pidfd, &mut heard, &mut said);
        if let Some(group) = Pid::from_raw(born.pid) {
            // Nobody may be left of it.
            kill_process_group(group, Signal::KILL).ok();
        }
        // A process that is being killed is not gone yet.
        poll(&mut [PollFd::new(&born.pidfd, PollFlags::IN)], None).ok();
        let ending = wait::reap(&born.pidfd).ok().flatten();
        let named = &self.named;
        let told = String::from_utf8_lossy(&said);
        let told = told.trim_end().lines().last().unwrap_or_default();
        match ending {
            _ if !ended => daemon_log::note(format_args!(
                "hook {named} did not end within {} s: killed",
                TIMEOUT.as_secs()
            )),
            Some(Termination::Exited(0)) => {}
            Some(Termination::Exited(code)) => {
                daemon_log::note(format_args!("hook {named} exited with code {code}: {told}"));
            }
            Some(_) | None => daemon_log::note(format_args!("hook {named} was killed: {told}")),
        }
        drop(self.permit);
    }
}

/// Whether a process ended in time. The end of what it says meanwhile is kept.
fn wait(process: &OwnedFd, heard: &mut File, said: &mut Vec<u8>) -> bool {
    let until = Instant::now() + TIMEOUT;
    let mut is_silent = false;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let limit =
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(process, PollFlags::IN), PollFd::new(heard, PollFlags::IN)];
        let looked = if is_silent { &mut fds[..1] } else { &mut fds[..] };
        let count = poll(looked, Some(&limit));
        let has_ended = !fds[0].revents().is_empty();
        is_silent |= !hear(heard, said);
        if has_ended || count == Ok(0) {
            return has_ended;
        }
    }
}

/// Reads what is there; whether more may come.
fn hear(heard: &mut File, said: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 4096];
    match heard.read(&mut chunk) {
        Ok(0) => false,
        Ok(count) => {
            said.extend_from_slice(chunk.get(..count).unwrap_or_default());
            said.drain(..said.len().saturating_sub(TOLD));
            true
        }
        Err(_) => true,
    }
}
