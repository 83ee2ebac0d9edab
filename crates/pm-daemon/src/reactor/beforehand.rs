//! What is found out before anything is done: why a call could only fail half-way.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use pm_core::InstanceId;
use pm_logs::LogWriter;
use pm_os::limits::Nofile;
use pm_protocol::{Code, Refusal};
use pm_spec::AppSpec;

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

/// The instances that run and would be begun anew by these settings.
pub(super) fn renewals(driver: &CoreDriver, apps: &[AppSpec]) -> Vec<(Arc<AppSpec>, InstanceId)> {
    let live = driver.core().instances().filter(|instance| instance.run.is_some());
    let of = |instance: pm_core::InstanceView<'_>| {
        let is_it = |app: &&AppSpec| {
            app.name == instance.app.name && app.namespace == instance.app.namespace
        };
        apps.iter().find(is_it).map(|app| (Arc::new(app.clone()), instance.id))
    };
    live.filter_map(of).collect()
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
    let limit = Nofile::current().soft;
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

/// Why these could not be begun anew; nothing was stopped.
pub(super) fn impossible(
    log_writer: &LogWriter,
    journal: &Path,
    renewals: &[(Arc<AppSpec>, InstanceId)],
) -> Option<Refusal> {
    let journal_fails = || {
        let error = OpenOptions::new().append(true).open(journal).err()?;
        // A home that was removed comes back by itself.
        let is_gone = error.kind() == io::ErrorKind::NotFound;
        (!is_gone).then(|| format!("write the journal {}: {error}", journal.display()))
    };
    let fails = |(app, instance): &(Arc<AppSpec>, InstanceId)| {
        let why = gone(app).or_else(|| {
            let sinks = plan::sinks(app, *instance, app_user::log_owner(app));
            let mut errors = sinks.iter().filter_map(|sink| log_writer.probe(sink).err());
            errors.find(pm_logs::OpenError::is_of_the_disk).map(|error| error.to_string())
        })?;
        Some(format!("begin {} anew: {why}", app.name))
    };
    let why = journal_fails().or_else(|| renewals.iter().find_map(fails))?;
    Some(Refusal {
        code: Code::Storage,
        message: format!("could not {why}"),
        hint: Some("nothing was stopped: what runs goes on".into()),
    })
}

/// What an app is begun from, if it is there no more.
fn gone(app: &AppSpec) -> Option<String> {
    let paths = [Some(&app.cwd), app.interpreter.as_ref(), Some(&app.script)];
    let mut paths =
        paths.into_iter().flatten().map(plan::path_of).filter(|path| path.is_absolute());
    paths.find_map(|path| {
        let error = fs::metadata(&path).err().filter(|it| it.kind() == io::ErrorKind::NotFound)?;
        Some(format!("{}: {error}", path.display()))
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
