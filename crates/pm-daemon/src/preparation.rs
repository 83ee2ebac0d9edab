//! What is done before a process is made: commands whose output it gets as variables or files, and its `pre_start`. They are waited for by a task of
//! their own, for the thread that makes processes waits for nobody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use pm_core::{Core, RunId, SpawnFailure, SpawnPlan};
use pm_os::tree::ProcScan;
use pm_spec::{AppSpec, SecretSource, TimedCommand};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::command_end::CommandEnd;
use crate::command_job::{CommandJob, Kin, before, in_place_of};
use crate::inlet::Inlet;
use crate::secret_files::SecretFiles;
use crate::short_command;
use crate::spawner::{SpawnJob, SpawnerJob};
use crate::{daemon_log, secrets, staged_commands};

/// Whether there is anything to be done before.
pub(crate) fn is_needed(app: &AppSpec) -> bool {
    !app.secret_commands.is_empty() || !app.secrets.is_empty() || app.pre_start.is_some()
}

/// The runs that are prepared. Who is forgotten is not waited for any more: its command is ended, and it is not made.
#[derive(Debug, Default)]
pub(crate) struct Preparations(BTreeMap<RunId, oneshot::Receiver<()>>);

impl Preparations {
    /// Prepares a run and has it made.
    pub(crate) fn begin(
        &mut self,
        job: SpawnJob,
        spawner: Sender<SpawnerJob>,
        outlet: mpsc::Sender<Inlet>,
    ) {
        let (wanted, ours) = oneshot::channel();
        self.0.insert(job.run, ours);
        tokio::spawn(async move {
            let mut job = job;
            let preparer = Preparer {
                run: job.run,
                plan: &job.plan,
                spawner: &spawner,
                outlet: &outlet,
                wanted,
            };
            match preparer.prepare().await {
                Ok(printed) => {
                    job.printed = printed;
                    // The thread lives as long as we do.
                    spawner.send(SpawnerJob::Make(job)).ok();
                }
                Err(failure) => {
                    spawner.send(SpawnerJob::Over(job.run, None)).ok();
                    outlet.send(Inlet::NotBorn(job.run, failure)).await.ok();
                }
            }
        });
    }

    /// Whether this run is being prepared, so that there is no process yet.
    pub(crate) fn has(&self, run: RunId) -> bool {
        self.0.contains_key(&run)
    }

    /// It is made, or never will be.
    pub(crate) fn over(&mut self, run: RunId) {
        self.0.remove(&run);
    }

    /// Gives up the runs that nobody wants any more.
    pub(crate) fn tend(&mut self, core: &Core) {
        let is_wanted = |run| core.instance_of_run(run).is_some_and(|instance| instance.wanted);
        self.0.retain(|run, _| is_wanted(*run));
    }
}

/// The daemon before us died while these were prepared: what is left of their commands goes before they are run again.
pub(crate) fn sweep(core: &Core, (runs, scan): (&[RunId], &ProcScan), home_id: u32) {
    staged_commands::sweep(scan, home_id);
    for run in runs {
        let app = core.instance_of_run(*run).map(|instance| instance.app);
        if app.is_some_and(|app| is_needed(app))
            && let Err(error) = short_command::kill_tree(before(*run, home_id), None)
        {
            daemon_log::note(format_args!("could not end what came before a run: {error}"));
        }
    }
}

/// Who prepares one run.
struct Preparer<'a> {
    run: RunId,
    plan: &'a SpawnPlan,
    spawner: &'a Sender<SpawnerJob>,
    outlet: &'a mpsc::Sender<Inlet>,
    /// Closed: nobody wants the run any more.
    wanted: oneshot::Sender<()>,
}

impl Preparer<'_> {
    /// Does it all; the variables that were printed.
    async fn prepare(mut self) -> Result<Vec<(String, Vec<u8>)>, SpawnFailure> {
        let mut printed = self.variables().await?;
        let plan = self.plan;
        if !plan.app.secrets.is_empty() {
            printed.push((secrets::FOLDER.into(), self.files().await?));
        }
        if let Some(command) = &plan.app.pre_start {
            let failed =
                |why: String| SpawnFailure::Refused(format!("run its `pre_start`: it {why}"));
            self.outlet.send(Inlet::Prepares(self.run)).await.ok();
            let end = self.end_of(command, &printed, usize::MAX).await?.map_err(failed)?;
            if let Some(trouble) = end.trouble() {
                end.tell(&format!("pre_start of {} (id {})", plan.app.name, plan.instance.0));
                return Err(failed(trouble));
            }
        }
        Ok(printed)
    }

    /// The variables that are printed.
    async fn variables(&mut self) -> Result<Vec<(String, Vec<u8>)>, SpawnFailure> {
        let plan = self.plan;
        let mut printed = Vec::new();
        for (name, command) in &plan.app.secret_commands {
            let value = secrets::trimmed(self.printed_by(name, command).await?);
            printed.push((name.clone(), value));
        }
        Ok(printed)
    }

    /// Has its files of secrets laid; their folder.
    async fn files(&mut self) -> Result<Vec<u8>, SpawnFailure> {
        let app = Arc::clone(&self.plan.app);
        let mut printed = BTreeMap::new();
        for (name, source) in &app.secrets {
            if let SecretSource::Printed(command) = source {
                printed.insert(name.clone(), self.printed_by(name, command).await?);
            }
        }
        let (reply, laid) = oneshot::channel();
        let job = SecretFiles { run: self.run, app, printed, reply };
        self.spawner.send(SpawnerJob::LaySecrets(Box::new(job))).ok();
        match laid.await {
            Ok(laid) => laid,
            Err(_) => Err(SpawnFailure::Interrupted),
        }
    }

    /// What one command prints, which is something.
    async fn printed_by(
        &mut self,
        name: &str,
        command: &TimedCommand,
    ) -> Result<Vec<u8>, SpawnFailure> {
        let failed = |why: String| {
            let line = command.line();
            SpawnFailure::Refused(format!("get the secret `{name}` from `{line}`: it {why}"))
        };
        let mut end = self.end_of(command, &[], secrets::MOST).await?.map_err(failed)?;
        let value = std::mem::take(&mut end.out);
        match end.trouble() {
            Some(trouble) => Err(failed(trouble)),
            None if matches!(&*value, b"" | b"\n" | b"\r\n") => {
                Err(failed("printed nothing".into()))
            }
            None => Ok(value),
        }
    }

    /// Runs one as its app's user, in its folder, and waits for its end, but not for ever.
    async fn end_of(
        &mut self,
        command: &TimedCommand,
        printed: &[(String, Vec<u8>)],
        most: usize,
    ) -> Result<Result<CommandEnd, String>, SpawnFailure> {
        let SpawnPlan { instance, slot, restarts, ref app, .. } = *self.plan;
        let Some((program, args)) = command.command.split_first() else {
            return Ok(Err("is empty".into()));
        };
        let (reply, begun) = oneshot::channel();
        let app = in_place_of(app, program.clone(), args.to_vec());
        let numbers = (instance, slot, restarts);
        let (kin, printed) = (Kin::Before(self.run), printed.to_vec());
        let job = CommandJob { app, numbers, kin, printed, input: None, reply };
        self.spawner.send(SpawnerJob::Command(Box::new(job))).ok();
        let command_begun = match begun.await {
            Ok(Ok(begun)) => begun,
            Ok(Err(SpawnFailure::Short(why))) => {
                return Err(SpawnFailure::Short(format!("run `{}`: {why}", command.line())));
            }
            Ok(Err(failure)) => return Ok(Err(format!("could not be run: {}", failure.words()))),
            Err(_) => return Err(SpawnFailure::Interrupted),
        };
        let timeout = Duration::from_millis(command.timeout.as_millis());
        let over = async {
            tokio::select! {
                () = sleep(timeout) => {}
                () = self.wanted.closed() => {}
            }
        };
        let end = command_begun.end(over, most).await;
        if self.wanted.is_closed() {
            return Err(SpawnFailure::Interrupted);
        }
        Ok(end.map_err(|error| format!("could not be waited for: {error}")))
    }
}
