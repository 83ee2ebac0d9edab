//! Calls: the core's business goes to the core, reading is answered at once, the rest goes to its owner.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pm_core::{Ask, InstanceView, Time};
use pm_logs::LogWriter;
use pm_protocol::{
    Code, Describe, Description, Descriptions, Done, Flush, Flushed, Home, List, Listing,
    LogSources, Logs, Pong, Raise, Refusal, Request, Restart, Row, Save, Saved, Watch,
};
use pm_spec::{AppSpec, ByteString};
use serde::{Serialize, Serializer};
use tokio::sync::mpsc;

use super::{app_calls, beforehand, preflight};
use crate::caller::{CallAnswer, Caller};
use crate::clock::{self, Clocks};
use crate::core_driver::CoreDriver;
use crate::inlet::{CoreInput, Inlet};
use crate::server::answer;
use crate::tree_job::{Machine, TreeJob};
use crate::{app_user, daemon_log, plan, store};

/// A list that waits for figures.
struct Waiting {
    call: List,
    caller: Caller,
    /// A sample has come that did not have what it wants.
    has_seen_one: bool,
}

/// Answers calls, or gives them to whoever can.
pub(super) struct Calls {
    home: Home,
    /// For tasks that bring something back.
    outlet: mpsc::Sender<Inlet>,
    began: Time,
    /// Calls that wait for figures.
    waiting: Vec<Waiting>,
}

impl Calls {
    pub(super) fn new(home: Home, outlet: mpsc::Sender<Inlet>) -> Self {
        Self { home, outlet, began: clock::now(), waiting: Vec::new() }
    }

    /// Somebody calls.
    pub(super) fn take(&mut self, driver: &mut CoreDriver, request: Request, caller: Caller) {
        driver.parts().0.give_back_soon();
        let ask = match request {
            Request::Ping(_) => return self.ping(caller),
            Request::List(call) => return self.list(driver, call, caller),
            Request::Describe(call) => return describe(driver, &call, caller),
            Request::Logs(call) => return sources(driver, &call, caller),
            Request::Watch(call) => return watch(driver, call, caller),
            Request::Flush(call) => return self.flush(driver, &call, caller),
            Request::ReloadLogs(_) => return reload_logs(driver, caller),
            Request::Save(call) => return self.save(driver, call, caller),
            Request::Resurrect(_) => return self.resurrect(caller),
            Request::Update(call) => {
                let program = plan::path_of(&call.program);
                return preflight::begin(program, caller, self.outlet.clone());
            }
            Request::Input(call) => return app_calls::input(driver, call, caller),
            Request::Trigger(call) => return app_calls::trigger(driver, call, caller),
            Request::Start(call) => {
                if let Some(refusal) = beforehand::unstartable(driver, &call.apps) {
                    return caller.refuse(refusal);
                }
                Ask::Start(call)
            }
            Request::Raise(Raise { select, env, wait, no_deps }) => {
                Ask::Restart(Restart { select, env, wait, no_deps })
            }
            Request::Restart(call) => Ask::Restart(call),
            Request::Reload(call) => Ask::Reload(call),
            Request::RunJobs(call) => Ask::Run(call.select, call.wait),
            Request::Stop(call) => Ask::Stop(call.select),
            Request::Delete(call) => Ask::Delete(call.select),
            Request::Scale(call) => Ask::Scale(call),
            Request::Rename(call) => Ask::Rename(call),
            Request::Reset(call) => Ask::Reset(call.select),
            Request::SendSignal(call) => Ask::Signal(call.select, call.signal),
            Request::Kill(_) => Ask::Leave,
        };
        let caller = caller.asking(&ask);
        driver.ask(ask, caller);
    }

    fn ping(&self, caller: Caller) {
        caller.reply(&Pong {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").into(),
            uptime: clock::now().0.saturating_sub(self.began.0),
        });
    }

    /// At once from what is known, or as soon as there are figures, if they are wanted.
    fn list(&mut self, driver: &mut CoreDriver, call: List, caller: Caller) {
        let (now, machine) = (clock::now(), machine(call.host));
        if !call.usage || has_figures(driver, now, machine) {
            return listing(driver, &call, caller);
        }
        self.waiting.push(Waiting { call, caller, has_seen_one: false });
        driver.parts().0.sample(now, machine);
    }

    /// A sample has come. For some it was ordered too early: their app began since, or they want the machine's
    /// figures too. They get another one, and then what there is, for apps may begin and end for ever.
    pub(super) fn sampled(&mut self, driver: &mut CoreDriver) {
        let now = clock::now();
        let mut wanted = None;
        for waiting in std::mem::take(&mut self.waiting) {
            let figures = machine(waiting.call.host);
            if waiting.has_seen_one || has_figures(driver, now, figures) {
                listing(driver, &waiting.call, waiting.caller);
                continue;
            }
            if wanted != Some(Machine::Wanted) {
                wanted = Some(figures);
            }
            self.waiting.push(Waiting { has_seen_one: true, ..waiting });
        }
        if let Some(figures) = wanted {
            driver.parts().0.sample(now, figures);
        }
    }

    fn flush(&self, driver: &CoreDriver, call: &Flush, caller: Caller) {
        let Some((instances, caller)) = driver.selected(&call.select, caller) else { return };
        let mut files: BTreeMap<ByteString, Arc<AppSpec>> = BTreeMap::new();
        for instance in instances {
            let paths = plan::log_paths(instance.app, instance.id);
            for path in [paths.out, paths.error, paths.combined].into_iter().flatten() {
                let app = files.entry(path).or_insert_with(|| Arc::clone(instance.app));
                // Of several apps the one with a user of its own: links are suspect then.
                if app.user.is_none() {
                    *app = Arc::clone(instance.app);
                }
            }
        }
        if call.select.is_empty() {
            daemon_log::empty(&self.home.diary());
        }
        let log_writer = driver.executor().runs().log_writer().clone();
        tokio::task::spawn_blocking(move || empty(&log_writer, files, caller));
    }

    fn save(&self, driver: &CoreDriver, call: Save, caller: Caller) {
        let Save { force, empty } = call;
        let apps = if empty { Vec::new() } else { driver.core().saved_list() };
        let instances = apps.iter().map(|app| app.instances.len()).sum::<usize>();
        let path = self.home.saved();
        if instances == 0 && !force && path.exists() {
            return caller.refuse(Refusal {
                code: Code::BadRequest,
                message: "the list is empty; the saved one was left alone".into(),
                hint: Some("`pm save --force` saves an empty list".into()),
            });
        }
        tokio::task::spawn_blocking(move || match store::save(&path, apps) {
            Ok(()) => caller.reply(&Saved {
                instances: u32::try_from(instances).unwrap_or(u32::MAX),
                file: bytes(path),
            }),
            Err(error) => caller.refuse(answer::storage(&error)),
        });
    }

    fn resurrect(&self, caller: Caller) {
        let path = self.home.saved();
        let outlet = self.outlet.clone();
        tokio::task::spawn_blocking(move || match store::load(&path) {
            Ok((apps, warning)) => {
                if let Some(warning) = &warning {
                    daemon_log::note(format_args!("{warning}"));
                }
                let caller = caller.warned(warning);
                // The loop ends only with the daemon, and then nobody is owed an answer.
                let known = CoreInput::Asked(Ask::Restore(apps), caller);
                outlet.blocking_send(Inlet::Known(known)).ok();
            }
            Err(error) => caller.refuse(answer::storage(&error)),
        });
    }
}

/// Fresh enough, and nobody who runs is without figures.
fn has_figures(driver: &CoreDriver, now: Time, machine: Machine) -> bool {
    let figures = driver.executor().publisher().figures();
    let mut running = driver.core().instances().filter_map(|instance| instance.run);
    figures.is_fresh(now, machine)
        && running.all(|(run, identity)| identity.is_none() || figures.knows(run))
}

fn sources(driver: &CoreDriver, call: &Logs, caller: Caller) {
    let Some((instances, caller)) = driver.selected(&call.select, caller) else { return };
    let sources = instances.iter().map(answer::source).collect();
    caller.reply(&LogSources { sources });
}

fn reload_logs(driver: &CoreDriver, caller: Caller) {
    let log_writer = driver.executor().runs().log_writer().clone();
    // Its queue may be full, and the loop waits for nobody.
    tokio::task::spawn_blocking(move || log_writer.reopen_all(done_or_warned(caller)));
}

/// Rows that are never there all at once: a thousand of them take more room than their text.
struct OneByOne<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = Row>> Serialize for OneByOne<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

fn listing(driver: &CoreDriver, call: &List, caller: Caller) {
    let Some((chosen, caller)) = driver.chosen(&call.select, caller) else { return };
    let clocks = driver.executor().clocks();
    let figures = driver.executor().publisher().figures();
    let cron = &driver.executor().triggers().cron;
    let row = |instance: InstanceView<'_>| {
        answer::row(&instance, figures, (clocks, cron.next(instance.app_id)))
    };
    let rows = OneByOne(|| driver.viewed(chosen.as_deref()).map(row));
    let host = figures.host().filter(|_| call.host).cloned();
    let warning = driver.executor().warning();
    caller.reply(&Listing { rows, now: clocks.wall(), host, warning });
}

/// The pids come from the tree thread and what apps say from the thread that hears them, so somebody waits for
/// both outside the loop.
fn describe(driver: &CoreDriver, call: &Describe, caller: Caller) {
    let Some((instances, caller)) = driver.selected(&call.select, caller) else { return };
    let clocks = driver.executor().clocks();
    let now = clocks.wall();
    let described = instances.iter().map(|instance| description(driver, instance, clocks));
    let mut descriptions: Vec<_> = described.collect();
    if call.known {
        return caller.reply(&Descriptions { descriptions, now });
    }
    let pulses = app_calls::pulses(driver, &instances);
    let runs = driver.executor().runs();
    let mut wanted = BTreeMap::new();
    for instance in &instances {
        let Some(run) = instance.run.and_then(|(run, _)| runs.get(run)) else { continue };
        let (reply, pids) = tokio::sync::oneshot::channel();
        runs.tree_job(TreeJob::Pids(run.tree(), reply));
        wanted.insert(instance.id.0, pids);
    }
    tokio::spawn(async move {
        let mut pulses = pulses.await.unwrap_or_default();
        for description in &mut descriptions {
            description.pulse = pulses.remove(&description.row.id).unwrap_or_default();
            if let Some(pids) = wanted.remove(&description.row.id) {
                description.pids = pids.await.unwrap_or_default();
            }
        }
        caller.reply(&Descriptions { descriptions, now });
    });
}

fn description(
    driver: &CoreDriver,
    instance: &InstanceView<'_>,
    clocks: Clocks<'_>,
) -> Description {
    let executor = driver.executor();
    let next = executor.triggers().cron.next(instance.app_id);
    let run = instance.run.and_then(|(run, _)| executor.runs().get(run));
    let status = run.and_then(|run| run.words.shown());
    let figures = executor.publisher().figures();
    Description { status, ..answer::description(instance, figures, (clocks, next)) }
}

fn watch(driver: &mut CoreDriver, call: Watch, caller: Caller) {
    let (executor, core) = driver.parts();
    let news = executor.subscribe(core, call.usage_every);
    match serde_json::value::to_raw_value(&Done {}) {
        Ok(raw) => caller.answer(CallAnswer::Feed(raw, news)),
        Err(error) => caller.refuse(answer::system(&error)),
    }
}

/// Whether a listing wants the machine's figures.
fn machine(wanted: bool) -> Machine {
    if wanted { Machine::Wanted } else { Machine::Unwanted }
}

fn bytes(path: PathBuf) -> ByteString {
    ByteString::new(path.into_os_string().into_encoded_bytes())
}

fn empty(log_writer: &LogWriter, files: BTreeMap<ByteString, Arc<AppSpec>>, caller: Caller) {
    let owned =
        |(path, app): (&ByteString, &Arc<AppSpec>)| (plan::path_of(path), app_user::log_owner(app));
    let logs = files.iter().map(owned).collect();
    let files = files.into_keys().collect();
    let done = move |done: pm_logs::FlushReport| {
        if done.problems.is_empty() {
            let parts = u32::try_from(done.parts).unwrap_or(u32::MAX);
            caller.reply(&Flushed { files, parts });
        } else {
            caller.refuse(answer::trouble(&done.problems));
        }
    };
    log_writer.flush(logs, Box::new(done));
}

fn done_or_warned(caller: Caller) -> Box<dyn FnOnce(Vec<String>) + Send> {
    Box::new(move |problems| {
        if problems.is_empty() {
            caller.reply(&Done {});
        } else {
            caller.refuse(answer::trouble(&problems));
        }
    })
}
