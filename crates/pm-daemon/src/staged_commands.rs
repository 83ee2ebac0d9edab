//! Commands that go with a run (`post_start`, `pre_stop`, `post_stop`). Each is waited for by a task of its own, which ends it
//! when its time is over or nobody wants it any more, and tells when nothing of it is left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;
use std::time::Duration;

use pm_core::{Core, RunId};
use pm_os::tag::Tag;
use pm_os::tree::ProcScan;
use pm_spec::HookStage;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use crate::clock::Clocks;
use crate::command_job::{CommandJob, Kin, beside, in_place_of};
use crate::inlet::Inlet;
use crate::spawner::SpawnerJob;
use crate::{daemon_log, hooks, short_command};

/// The commands that run. Who is forgotten is ended.
#[derive(Debug, Default)]
pub(crate) struct StagedRuns(BTreeMap<(RunId, HookStage), oneshot::Receiver<()>>);

/// To whom its task speaks.
pub(crate) type StageEnds = (Sender<SpawnerJob>, mpsc::Sender<Inlet>);

impl StagedRuns {
    /// Begins one, of a run that the core has just spoken of.
    pub(crate) fn begin(
        &mut self,
        core: &Core,
        (run, stage): (RunId, HookStage),
        clocks: Clocks<'_>,
        (spawner, outlet): StageEnds,
    ) {
        let Some(instance) = core.instance_of_run(run) else { return };
        let Some(command) = instance.app.staged.get(&stage) else { return };
        let (wanted, ours) = oneshot::channel();
        self.0.insert((run, stage), ours);
        let (program, args) = command.command.split_first().map_or_else(Default::default, |it| {
            let (program, args) = it;
            (program.clone(), args.to_vec())
        });
        let mut app = in_place_of(instance.app, program, args);
        let facts = hooks::tell(&mut app, &instance, (stage.key(), run), clocks);
        let processes = [instance.run, instance.second].into_iter().flatten();
        let pid = processes.filter(|(id, _)| *id == run).find_map(|(_, process)| process);
        // Who is over has no variables to be taken over.
        let pid = pid.map(|process| process.pid).filter(|_| stage != HookStage::PostStop);
        let (reply, begun) = oneshot::channel();
        let job = CommandJob {
            app,
            numbers: (instance.id, instance.slot, instance.restarts),
            kin: Kin::Beside(run, stage, pid),
            printed: Vec::new(),
            input: Some(facts),
            reply,
        };
        // The thread lives as long as we do.
        spawner.send(SpawnerJob::Command(Box::new(job))).ok();
        let timeout = Duration::from_millis(command.timeout.as_millis());
        let whose = format!("{} of {} (id {})", stage.key(), instance.app.name, instance.id.0);
        tokio::spawn(async move {
            let mut wanted = wanted;
            let over = async {
                tokio::select! {
                    () = sleep(timeout) => {}
                    () = wanted.closed() => {}
                }
            };
            let trouble = short_command::trouble_of(begun, over).await;
            // Who is ended because nobody waits has not failed.
            let trouble = trouble.filter(|_| !wanted.is_closed());
            let trouble = trouble.map(|trouble| trouble.told(&whose));
            outlet.send(Inlet::HookOver(run, stage, trouble)).await.ok();
        });
    }

    /// It has ended.
    pub(crate) fn over(&mut self, run: RunId, stage: HookStage) {
        self.0.remove(&(run, stage));
    }

    /// Ends those that nobody wants any more.
    pub(crate) fn tend(&mut self, core: &Core) {
        self.0.retain(|(run, stage), _| core.wants_hook(*run, *stage));
    }
}

/// What the daemon before us ran goes: what is waited for is run again.
pub(crate) fn sweep(scan: &ProcScan, home_id: u32) {
    for stage in HookStage::ALL {
        let home = beside((RunId(0), stage), home_id).home();
        let left: BTreeSet<Tag> = scan.of_home(home).map(|(tag, _)| tag).collect();
        for tag in left {
            if let Err(error) = short_command::kill_tree(tag, None) {
                let key = stage.key();
                daemon_log::note(format_args!("could not end what is left of a {key}: {error}"));
            }
        }
    }
}
