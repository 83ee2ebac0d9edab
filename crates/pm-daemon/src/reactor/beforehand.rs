//! What is found out before anything is started: why a start could only fail half-way.

use std::fs;

use pm_core::InstanceId;
use pm_os::limits::soft_nofile;
use pm_protocol::{Code, Refusal};
use pm_spec::AppSpec;

use crate::core_driver::CoreDriver;
use crate::kernel_orders;
use crate::plan;
use crate::strangers::Strangers;

/// Open files that come and go: connections, files that are read, logs that are written.
const SPARE: usize = 64;

/// Why these apps can't be started, or not all of them; nothing was begun.
pub(super) fn unstartable(driver: &CoreDriver, apps: &[AppSpec]) -> Option<Refusal> {
    let strangers = driver.executor().strangers();
    let double = apps.iter().find_map(|app| doubled(strangers, app));
    double.or_else(|| too_many(driver, apps)).or_else(|| lost(driver, apps))
}

/// What runs is not stopped for a run that could only be refused. One that is down is started and fails in the same words.
fn lost(driver: &CoreDriver, apps: &[AppSpec]) -> Option<Refusal> {
    let is_up = |app: &AppSpec| {
        let mut instances = driver.core().instances();
        instances.any(|it| {
            it.run.is_some() && it.app.name == app.name && it.app.namespace == app.namespace
        })
    };
    let mut up = apps.iter().filter(|app| kernel_orders::asks(app) && is_up(app));
    let (name, why) = up.find_map(|app| Some((app.name.clone(), kernel_orders::denied(app)?)))?;
    Some(Refusal {
        code: Code::Unable,
        message: format!("could not start {name}: {why}"),
        hint: Some("nothing was stopped: it runs on as it was".into()),
    })
}

/// The daemon keeps at least so many open files for each run, and the guardian no more: its process, the pipe of each
/// stream, and where it is not merely moved into a log of its own, spool, log and index of that.
fn too_many(driver: &CoreDriver, apps: &[AppSpec]) -> Option<Refusal> {
    let is_new = |app: &&AppSpec| {
        let mut known = driver.core().instances().map(|instance| instance.app);
        !known.any(|it| it.name == app.name && it.namespace == app.namespace)
    };
    let files = |app: &AppSpec| {
        let channel = if app.serving.channel { 2 } else { 0 };
        let sink = |number, stream| plan::sink(app, (InstanceId(number), stream), None);
        let files = |stream| {
            let (first, second) = (sink(0, stream), sink(1, stream));
            let is_alone = app.instances == 1 || first.place != second.place;
            if first.is_direct() && is_alone { 1 } else { 4 }
        };
        let streams: usize = plan::streams(app, InstanceId(0)).into_iter().map(files).sum();
        // Each socket that its runs find open has a note.
        usize::from(app.instances) * (1 + streams + channel) + 2 * app.listen.len()
    };
    let needed: usize = apps.iter().filter(is_new).map(files).sum();
    let limit = soft_nofile();
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
