//! Commands of apps that are run when something happens to them, each at most once at a time: neither the loop nor the
//! app ever waits for one, and one that fails or hangs is told in `pm.log`.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::time::Duration;

use pm_core::{AppId, Core, InstanceId, InstanceView, Occasion, RunId};
use pm_protocol::EndView;
use pm_spec::{AppSpec, ByteString, HookEvent};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::clock::{Clocks, Dates};
use crate::command_job::{CommandJob, Kin, in_place_of};
use crate::server::ends;
use crate::spawner::SpawnerJob;
use crate::{daemon_log, short_command};

/// So long a hook may run; then it is killed.
const TIMEOUT: Duration = Duration::from_secs(30);

/// So many run at once, of all apps.
const MOST: usize = 16;

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
    /// The command for what happened, to be run.
    pub(crate) fn call(
        &mut self,
        core: &Core,
        occasion: &Occasion,
        dates: &Dates,
    ) -> Option<HookCall> {
        let Occasion { event, run, .. } = *occasion;
        let instance = core.instance(occasion.instance)?;
        let command = instance.app.hooks.get(&event)?;
        let named = format!("{} of {} (id {})", event.key(), instance.app.name, instance.id.0);
        let Some(permit) = self.permit((instance.app_id, event)) else {
            daemon_log::note(format_args!("hook {named} left out: the one before still runs"));
            return None;
        };
        let clocks = Clocks::read(dates);
        let (program, args) = command.split_first()?;
        let mut app = in_place_of(instance.app, program.clone(), args.to_vec());
        let own = occasion.cause.as_ref().map(ends::cause);
        let facts = tell_why(&mut app, &instance, (event.key(), run), (clocks, own));
        let numbers = (instance.id, instance.slot, instance.restarts);
        Some(HookCall { app, numbers, facts, named, permit })
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

/// Tells a command what happened: as variables, and as one line of JSON, which is given back.
pub(crate) fn tell(
    app: &mut AppSpec,
    instance: &InstanceView<'_>,
    of: (&str, RunId),
    clocks: Clocks<'_>,
) -> String {
    tell_why(app, instance, of, (clocks, None))
}

/// The same; why, where the end of the run does not say it, or there was none.
fn tell_why(
    app: &mut AppSpec,
    instance: &InstanceView<'_>,
    (event, run): (&str, RunId),
    (clocks, own): (Clocks<'_>, Option<String>),
) -> String {
    let end = instance.history.iter().rev().find(|end| end.run == run);
    let told =
        end.map_or_else(|| unended(instance, run, clocks), |end| ends::end_view(end, clocks));
    let own = own.filter(|_| end.is_none() || event == HookEvent::GaveUp.key());
    let why = own.unwrap_or_else(|| told.why.clone());
    let pid = Some(told.pid).filter(|pid| *pid != 0);
    let text = |number: Option<u32>| number.map(|it| it.to_string()).unwrap_or_default();
    for (name, value) in [
        ("PM_EVENT", event.to_owned()),
        ("PM_APP", app.name.to_string()),
        ("PM_ID", instance.id.0.to_string()),
        ("PM_PID", text(pid)),
        ("PM_EXIT_CODE", text(told.code.map(u32::from))),
        ("PM_SIGNAL", told.signal.clone().unwrap_or_default()),
        ("PM_WHY", why.clone()),
        ("PM_RESTARTS", instance.restarts.to_string()),
    ] {
        app.env.set(name, ByteString::from(value.as_str()));
    }
    let facts = json!({
        "event": event, "app": app.name.as_str(), "namespace": app.namespace.as_str(),
        "id": instance.id.0, "pid": pid, "code": told.code, "signal": told.signal,
        "why": why, "restarts": instance.restarts, "at": told.at,
    });
    format!("{facts}\n")
}

/// What can be told of a run without an end: it is up, or there is none.
fn unended(instance: &InstanceView<'_>, run: RunId, clocks: Clocks<'_>) -> EndView {
    let runs = [instance.run, instance.second].into_iter().flatten();
    let process = runs.filter(|(id, _)| *id == run).find_map(|(_, identity)| identity);
    let pid = process.map_or(0, |process| process.pid);
    EndView { at: clocks.wall(), lived: 0, pid, code: None, signal: None, why: String::new() }
}

impl HookCall {
    /// Has it run as its app's user, in its folder, and looks after it.
    pub(crate) fn begin(self, spawner: &Sender<SpawnerJob>) {
        let Self { app, numbers, facts, named, permit } = self;
        let (reply, begun) = oneshot::channel();
        let job = CommandJob {
            app,
            numbers,
            kin: Kin::Nobody,
            printed: Vec::new(),
            input: Some(facts),
            reply,
        };
        // The thread lives as long as we do.
        spawner.send(SpawnerJob::Command(Box::new(job))).ok();
        tokio::spawn(async move {
            let trouble = short_command::trouble_of(begun, sleep(TIMEOUT)).await;
            if let Some(trouble) = trouble {
                let whose = format!("hook {named}");
                daemon_log::note(format_args!("{whose} {}", trouble.told(&whose)));
            }
            drop(permit);
        });
    }
}
