//! What is found out before anything is done: why a call could only fail half-way.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use pm_core::InstanceId;
use pm_logs::{LogWriter, Sink};
use pm_protocol::{Code, Refusal};
use pm_spec::{AppName, AppSpec};
use rustix::process::{Resource, getrlimit};

use crate::core_driver::CoreDriver;
use crate::strangers::Strangers;
use crate::{app_user, plan};

/// Open files that come and go: connections, files that are read.
const SPARE: usize = 16;

/// Why these apps can't be started, or not all of them; nothing was begun.
pub(super) fn unstartable(driver: &CoreDriver, apps: &[AppSpec]) -> Option<Refusal> {
    let strangers = driver.executor().strangers();
    let double = apps.iter().find_map(|app| doubled(strangers, app));
    double.or_else(|| too_many(driver, apps))
}

/// What is opened for writing when this instance is begun.
pub(super) fn needs(app: &AppSpec, instance: InstanceId) -> [(AppName, Sink); 2] {
    let sinks = plan::sinks(app, instance, app_user::log_owner(app));
    sinks.map(|sink| (app.name.clone(), sink))
}

/// The same of all instances that run and would be begun anew by these settings.
pub(super) fn needs_of(driver: &CoreDriver, apps: &[AppSpec]) -> Vec<(AppName, Sink)> {
    let live = driver.core().instances().filter(|instance| instance.run.is_some());
    let of = |instance: pm_core::InstanceView<'_>| {
        let is_it = |app: &&AppSpec| {
            app.name == instance.app.name && app.namespace == instance.app.namespace
        };
        apps.iter().find(is_it).map(|app| needs(app, instance.id))
    };
    live.filter_map(of).flatten().collect()
}

/// Daemon and guardian keep as many open files for each run: its process, and pipe and file of each stream.
fn too_many(driver: &CoreDriver, apps: &[AppSpec]) -> Option<Refusal> {
    let is_new = |app: &&AppSpec| {
        let mut known = driver.core().instances().map(|instance| instance.app);
        !known.any(|it| it.name == app.name && it.namespace == app.namespace)
    };
    let files = |app: &AppSpec| {
        let streams = plan::streams(app, InstanceId(0)).len();
        let channel = if app.serving.channel { 2 } else { 0 };
        usize::from(app.instances) * (1 + 2 * streams + channel)
    };
    let needed: usize = apps.iter().filter(is_new).map(files).sum();
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let is_room = u64::try_from(open + needed + SPARE).is_ok_and(|all| all <= limit);
    (needed > 0 && !is_room).then(|| Refusal {
        code: Code::TooMany,
        message: format!(
            "could not start so many: they need {needed} open files, {open} are open, and the limit is {limit}"
        ),
        hint: Some(
            "raise the hard limit where pm is started (`ulimit -Hn 65536`, LimitNOFILE= of a unit, \
             --ulimit nofile=65536 of a container), then `pm kill`; outputs to /dev/null need none"
                .into(),
        ),
    })
}

/// Why these runs could not be begun anew; nothing was stopped.
pub(super) fn unwritable(
    log_writer: &LogWriter,
    journal: &Path,
    needs: &[(AppName, Sink)],
) -> Option<Refusal> {
    let journal_fails = || {
        let error = OpenOptions::new().append(true).open(journal).err()?;
        // A home that was removed comes back by itself.
        let is_gone = error.kind() == io::ErrorKind::NotFound;
        (!is_gone).then(|| format!("write the journal {}: {error}", journal.display()))
    };
    let log_fails = |(name, sink): &(AppName, Sink)| {
        let error = log_writer.probe(sink).err().filter(pm_logs::OpenError::is_of_the_disk)?;
        Some(format!("begin {name} anew: {error}"))
    };
    let why = journal_fails().or_else(|| needs.iter().find_map(log_fails))?;
    Some(Refusal {
        code: Code::Storage,
        message: format!("could not {why}"),
        hint: Some("nothing was stopped: what runs goes on".into()),
    })
}

/// Why an app is not started beside a process of its own that a damaged journal lost.
fn doubled(strangers: &Strangers, app: &AppSpec) -> Option<Refusal> {
    let pid = strangers.double_of(app)?;
    Some(Refusal {
        code: Code::AlreadyRunning,
        message: format!(
            "could not start {}: pid {pid} runs as that, and a damaged journal lost it",
            app.name
        ),
        hint: Some(format!("end it first: `kill {pid}`, or `pm kill` ends everything")),
    })
}
