//! Whether what runs may be replaced: what the next run would lack, or a disk would refuse it, is found out before the one
//! that runs is stopped. Asked outside the loop, for a disk may take its time. All that replaces runs comes by here.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use pm_core::{Ask, Core, Existing, Fact, InstanceView};
use pm_logs::{LogWriter, OpenError, Sink};
use pm_protocol::{Code, Home, Refusal};
use pm_spec::{AppName, AppSpec, Effort, Reload, Restart, Select, Start};
use tokio::sync::mpsc;

use crate::inlet::{CoreInput, Inlet};
use crate::{app_user, daemon_log, plan, trial};

/// Where answers come from and go to.
#[derive(Debug)]
pub(crate) struct Renewals {
    pub(crate) home: Home,
    pub(crate) outlet: mpsc::Sender<Inlet>,
}

impl Renewals {
    /// Gives back what replaces no run; all else comes to the loop again if the disk is well.
    pub(crate) fn check(
        &self,
        core: &Core,
        log_writer: &LogWriter,
        input: CoreInput,
    ) -> Option<CoreInput> {
        let trials = match &input {
            CoreInput::Asked(ask, _) => trial::trials(core, ask),
            CoreInput::Told(_) => Vec::new(),
        };
        let runs = match &input {
            CoreInput::Asked(ask, _) => runs_of_ask(core, ask),
            CoreInput::Told(fact) => runs_of_fact(core, fact),
        };
        if runs.is_empty() {
            return Some(input);
        }
        let (log_writer, home, outlet) =
            (log_writer.clone(), self.home.clone(), self.outlet.clone());
        tokio::task::spawn_blocking(move || {
            let refusal = impossible(&log_writer, &home.journal(), &runs)
                .or_else(|| trials.iter().find_map(|trial| trial.refusal(&home)));
            match (refusal, input) {
                // The loop ends only with the daemon, and then nobody is owed an answer.
                (None, input) => drop(outlet.blocking_send(Inlet::Known(input))),
                (Some(refusal), CoreInput::Asked(_, caller)) => caller.refuse(refusal),
                (Some(refusal), CoreInput::Told(_)) => {
                    daemon_log::note(format_args!("{refusal}; what runs goes on"));
                }
            }
        });
        None
    }
}

fn runs_of_ask(core: &Core, ask: &Ask) -> Vec<NextRun> {
    match ask {
        Ask::Restart(Restart { select, .. }) | Ask::Reload(Reload { select, .. }) => {
            selected(core, select)
        }
        Ask::Start(Start { apps, existing, .. }) => of_live(core, |instance| {
            let named = |app: &&AppSpec| {
                app.name == instance.app.name && app.namespace == instance.app.namespace
            };
            apps.iter().find(named).filter(|app| match existing {
                Existing::Restart | Existing::Reload => true,
                Existing::Converge => instance.app.effort(app) == Effort::Renewal,
                Existing::Refuse | Existing::Keep | Existing::Duplicate => false,
            })
        }),
        Ask::Run(..)
        | Ask::Stop(_)
        | Ask::Delete(_)
        | Ask::Scale(_)
        | Ask::Rename(_)
        | Ask::Reset(_)
        | Ask::Signal(..)
        | Ask::Restore(_)
        | Ask::Leave => Vec::new(),
    }
}

fn runs_of_fact(core: &Core, fact: &Fact) -> Vec<NextRun> {
    match fact {
        Fact::ScheduleDue(app) | Fact::FileChanged(app, _) => {
            of_live(core, |instance| (instance.app_id == *app).then_some(&**instance.app))
        }
        Fact::MemoryMeasured(run, used) => {
            let heavy = core
                .instance_of_run(*run)
                .filter(|instance| instance.app.limits.memory.is_some_and(|limit| *used > limit));
            heavy.into_iter().map(|instance| next_run(instance.app, &instance)).collect()
        }
        Fact::Asked(..)
        | Fact::Withdrawn(_)
        | Fact::Spawned(..)
        | Fact::NotSpawned(..)
        | Fact::Ready(_)
        | Fact::Unready(..)
        | Fact::Checked(..)
        | Fact::Outside(..)
        | Fact::Notified(..)
        | Fact::MainProcess(..)
        | Fact::WorkersReplaced(_)
        | Fact::Ended(..)
        | Fact::TreeGone(_)
        | Fact::HookOver(..)
        | Fact::TimePassed => Vec::new(),
    }
}

fn selected(core: &Core, select: &[Select]) -> Vec<NextRun> {
    // What can't be resolved the core refuses.
    let ids = core.resolve(select).unwrap_or_default();
    of_live(core, |instance| ids.contains(&instance.id).then_some(&**instance.app))
}

/// What those that run will open, of which `settings` gives the app they are to be.
fn of_live<'a>(
    core: &'a Core,
    settings: impl Fn(&InstanceView<'a>) -> Option<&'a AppSpec>,
) -> Vec<NextRun> {
    let live = core.instances().filter(|instance| instance.run.is_some());
    live.filter_map(|instance| Some(next_run(settings(&instance)?, &instance))).collect()
}

/// What has to be there when an instance is begun.
#[derive(Debug)]
struct NextRun {
    app: AppName,
    /// Its folder and what is run.
    paths: Vec<PathBuf>,
    /// What is opened for writing.
    sinks: [Sink; 2],
}

fn next_run(app: &AppSpec, instance: &InstanceView<'_>) -> NextRun {
    let paths = [Some(&app.cwd), app.interpreter.as_ref(), Some(&app.script)];
    let paths = paths.into_iter().flatten().map(plan::path_of).filter(|path| path.is_absolute());
    NextRun {
        app: app.name.clone(),
        paths: paths.collect(),
        sinks: plan::sinks(app, instance.id, app_user::log_owner(app)),
    }
}

/// Why these could not be begun anew.
fn impossible(log_writer: &LogWriter, journal: &Path, runs: &[NextRun]) -> Option<Refusal> {
    let journal_fails = || {
        let error = OpenOptions::new().append(true).open(journal).err()?;
        // A home that was removed comes back by itself.
        let is_gone = error.kind() == io::ErrorKind::NotFound;
        (!is_gone).then(|| format!("write the journal {}: {error}", journal.display()))
    };
    let is_gone = |path: &PathBuf| {
        let error = fs::metadata(path).err().filter(|it| it.kind() == io::ErrorKind::NotFound)?;
        Some(format!("{}: {error}", path.display()))
    };
    let log_fails = |sink: &Sink| {
        let error = log_writer.probe(sink).err().filter(OpenError::may_pass)?;
        Some(error.to_string())
    };
    let fails = |run: &NextRun| {
        let gone = run.paths.iter().find_map(is_gone);
        let why = gone.or_else(|| run.sinks.iter().find_map(log_fails))?;
        Some(format!("begin {} anew: {why}", run.app))
    };
    let why = journal_fails().or_else(|| runs.iter().find_map(fails))?;
    Some(Refusal {
        code: Code::Storage,
        message: format!("could not {why}"),
        hint: Some("nothing was stopped: what runs goes on".into()),
    })
}
