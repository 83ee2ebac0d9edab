//! Calls: the core's business goes to the core, reading is answered at once, the rest goes to its owner.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pm_core::{InstanceId, InstanceView, Refused, Time};
use pm_logs::Scribe;
use pm_protocol::{
    Code, Describe, Description, Descriptions, Done, Flush, Flushed, List, Listing, LogSources,
    Pong, Refusal, Request, Save, Saved, Watch,
};
use pm_spec::{AppSpec, ByteString, Select};

use super::{Reactor, preflight};
use crate::app_user;
use crate::caller::{Answer, Caller};
use crate::clock::{self, Clocks};
use crate::executor::rows;
use crate::inlet::Inlet;
use crate::plan;
use crate::server::answer;
use crate::server::answer::{CallKind, DaemonCall, ReadCall};
use crate::store;
use crate::tree_job::{Machine, TreeJob};

/// A call that waits for figures.
pub(super) struct Waiting {
    call: List,
    caller: Caller,
    /// A sample has come that did not have what it wants.
    has_seen_one: bool,
}

impl Reactor {
    pub(super) fn called(&mut self, request: Request, caller: Caller) {
        self.executor.rest_soon();
        match answer::sort(request) {
            CallKind::Core(ask) => self.ask(ask, caller),
            CallKind::DaemonCall(deed) => self.deed(deed, caller),
            CallKind::ReadCall(ReadCall::List(call)) if call.usage => {
                let machine = machine(call.host);
                let now = clock::now();
                if self.figures_are_good(now, machine) {
                    self.list(&call, caller);
                } else {
                    self.waiting.push(Waiting { call, caller, has_seen_one: false });
                    self.executor.sample(now, machine);
                }
            }
            CallKind::ReadCall(look) => self.show(look, caller),
        }
    }

    fn deed(&mut self, deed: DaemonCall, caller: Caller) {
        match deed {
            DaemonCall::Flush(call) => self.flush(&call, caller),
            DaemonCall::ReloadLogs => {
                let scribe = self.executor.scribe.clone();
                // Its queue may be full, and the loop waits for nobody.
                tokio::task::spawn_blocking(move || scribe.reopen_all(done_or_warned(caller)));
            }
            DaemonCall::Save(call) => self.save(call, caller),
            DaemonCall::Resurrect => self.resurrect(caller),
            DaemonCall::Update(call) => self.try_program(&call.program, caller),
            DaemonCall::Watch(call) => self.watch(call, caller),
            DaemonCall::Input(call) => self.input(call, caller),
            DaemonCall::Trigger(call) => self.trigger(call, caller),
        }
    }

    /// Fresh enough, and nobody who runs is without figures.
    fn figures_are_good(&self, now: Time, machine: Machine) -> bool {
        let figures = &self.executor.figures;
        let mut running = self.core.instances().filter_map(|instance| instance.run);
        figures.is_fresh(now, machine)
            && running.all(|(run, identity)| identity.is_none() || figures.knows(run))
    }

    /// A sample has come. For some it was ordered too early: their app began since, or they want the machine's
    /// figures too. They get another one, and then what there is, for apps may begin and end for ever.
    pub(super) fn answer_the_waiting(&mut self) {
        let now = clock::now();
        let mut wanted = None;
        for waiting in std::mem::take(&mut self.waiting) {
            let figures = machine(waiting.call.host);
            if waiting.has_seen_one || self.figures_are_good(now, figures) {
                self.list(&waiting.call, waiting.caller);
                continue;
            }
            if wanted != Some(Machine::Wanted) {
                wanted = Some(figures);
            }
            self.waiting.push(Waiting { has_seen_one: true, ..waiting });
        }
        if let Some(figures) = wanted {
            self.executor.sample(now, figures);
        }
    }

    /// Answers from what is known now.
    fn show(&mut self, look: ReadCall, caller: Caller) {
        match look {
            ReadCall::Ping => caller.reply(&Pong {
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").into(),
                uptime: clock::now().0.saturating_sub(self.began.0),
            }),
            ReadCall::List(call) => self.list(&call, caller),
            ReadCall::Describe(call) => self.describe(&call, caller),
            ReadCall::Logs(call) => match self.selected(&call.select) {
                Ok(ids) => {
                    let instances = ids.iter().filter_map(|id| self.core.instance(*id));
                    let sources = instances.map(|instance| answer::source(&instance)).collect();
                    caller.reply(&LogSources { sources });
                }
                Err(refused) => caller.refuse(answer::refusal(&refused)),
            },
        }
    }

    /// The selected instances; all if nothing is selected.
    pub(super) fn selected(&self, select: &[Select]) -> Result<Vec<InstanceId>, Refused> {
        if select.is_empty() {
            return Ok(self.core.instances().map(|instance| instance.id).collect());
        }
        self.core.resolve(select)
    }

    pub(super) fn list(&mut self, call: &List, caller: Caller) {
        let ids = match self.selected(&call.select) {
            Ok(ids) => ids,
            Err(refused) => return caller.refuse(answer::refusal(&refused)),
        };
        let clocks = Clocks::read();
        let figures = &self.executor.figures;
        let instances = ids.iter().filter_map(|id| self.core.instance(*id));
        let rows = instances.map(|instance| answer::row(&instance, figures, clocks)).collect();
        let host = figures.host().filter(|_| call.host).cloned();
        let warning = self.executor.unwritten.warning();
        caller.reply(&Listing { rows, now: clocks.wall(), host, warning });
    }

    /// The pids come from the tree thread and what apps say from the thread that hears them, so somebody waits for
    /// both outside the loop.
    fn describe(&mut self, call: &Describe, caller: Caller) {
        let ids = match self.selected(&call.select) {
            Ok(ids) => ids,
            Err(refused) => return caller.refuse(answer::refusal(&refused)),
        };
        let clocks = Clocks::read();
        let instances = ids.iter().filter_map(|id| self.core.instance(*id));
        let mut descriptions: Vec<_> =
            instances.map(|instance| self.description(&instance, clocks)).collect();
        if call.known {
            tokio::spawn(async move {
                caller.reply(&Descriptions { descriptions, now: clocks.wall() })
            });
            return;
        }
        let pulses = self.pulses(&ids);
        let mut wanted = BTreeMap::new();
        for id in &ids {
            let run = self.core.instance(*id).and_then(|instance| instance.run).map(|(run, _)| run);
            let Some(run) = run.and_then(|run| self.executor.runs.get(run)) else { continue };
            let (reply, pids) = tokio::sync::oneshot::channel();
            self.executor.tree_job(TreeJob::Pids(run.tree(), reply));
            wanted.insert(id.0, pids);
        }
        tokio::spawn(async move {
            let mut pulses = pulses.await.unwrap_or_default();
            for description in &mut descriptions {
                description.pulse = pulses.remove(&description.row.id).unwrap_or_default();
                if let Some(pids) = wanted.remove(&description.row.id) {
                    description.pids = pids.await.unwrap_or_default();
                }
            }
            caller.reply(&Descriptions { descriptions, now: clocks.wall() });
        });
    }

    fn description(&self, instance: &InstanceView<'_>, clocks: Clocks) -> Description {
        let mut description = answer::description(instance, &self.executor.figures, clocks);
        description.next_cron = self.executor.triggers.cron.next(instance.app_id);
        description
    }

    fn watch(&mut self, call: Watch, caller: Caller) {
        let rows = rows(&self.core, &self.executor.figures);
        let news = self.executor.feed.subscribe(call.usage_every, rows);
        self.executor.figures.set_watchers(self.executor.feed.shortest());
        match serde_json::value::to_raw_value(&Done {}) {
            Ok(raw) => caller.answer(Answer::Feed(raw, news)),
            Err(error) => caller.refuse(answer::system(&error)),
        }
    }

    fn flush(&mut self, call: &Flush, caller: Caller) {
        let ids = match self.selected(&call.select) {
            Ok(ids) => ids,
            Err(refused) => return caller.refuse(answer::refusal(&refused)),
        };
        let mut files: BTreeMap<ByteString, Arc<AppSpec>> = BTreeMap::new();
        for instance in ids.iter().filter_map(|id| self.core.instance(*id)) {
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
            crate::daemon_log::empty(&self.home.diary());
        }
        let scribe = self.executor.scribe.clone();
        tokio::task::spawn_blocking(move || empty(&scribe, files, caller));
    }

    fn save(&mut self, call: Save, caller: Caller) {
        let Save { force, empty } = call;
        let apps = if empty { Vec::new() } else { self.core.saved_list() };
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

    fn resurrect(&mut self, caller: Caller) {
        let path = self.home.saved();
        let outlet = self.outlet.clone();
        tokio::task::spawn_blocking(move || match store::load(&path) {
            Ok((apps, warning)) => {
                if let Some(warning) = &warning {
                    crate::daemon_log::note(format_args!("{warning}"));
                }
                let caller = caller.warned(warning);
                // The loop ends only with the daemon, and then nobody is owed an answer.
                outlet.blocking_send(Inlet::Loaded(apps, caller)).ok();
            }
            Err(error) => caller.refuse(answer::storage(&error)),
        });
    }

    /// A program that can't even say its version does not get our apps.
    fn try_program(&mut self, program: &ByteString, caller: Caller) {
        let program = plan::path_of(program);
        let outlet = self.outlet.clone();
        tokio::task::spawn_blocking(move || {
            match preflight::says_its_version(&program, preflight::PATIENCE) {
                Ok(true) => {
                    outlet.blocking_send(Inlet::Updating(program, caller)).ok();
                }
                Ok(false) => caller.refuse(Refusal {
                    code: Code::BadRequest,
                    message: format!("{} is no pm", program.display()),
                    hint: None,
                }),
                Err(error) => caller.refuse(Refusal {
                    code: Code::System,
                    message: format!("could not run {}: {error}", program.display()),
                    hint: None,
                }),
            }
        });
    }
}

/// Whether a listing wants the machine's figures.
fn machine(wanted: bool) -> Machine {
    if wanted { Machine::Wanted } else { Machine::Unwanted }
}

fn bytes(path: PathBuf) -> ByteString {
    ByteString::new(path.into_os_string().into_encoded_bytes())
}

fn empty(scribe: &Scribe, files: BTreeMap<ByteString, Arc<AppSpec>>, caller: Caller) {
    let owned =
        |(path, app): (&ByteString, &Arc<AppSpec>)| (plan::path_of(path), app_user::log_owner(app));
    let logs = files.iter().map(owned).collect();
    let files = files.into_keys().collect();
    let done = move |done: pm_logs::Flushed| {
        if done.problems.is_empty() {
            let parts = u32::try_from(done.parts).unwrap_or(u32::MAX);
            caller.reply(&Flushed { files, parts });
        } else {
            caller.refuse(answer::trouble(&done.problems));
        }
    };
    scribe.flush(logs, Box::new(done));
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
