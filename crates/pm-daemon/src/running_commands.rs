//! Commands that go with runs, as people see them: which one runs, since when and for how long at most, and that a `post_start`
//! failed.

use std::collections::BTreeMap;

use pm_core::{InstanceView, RunId, Time};
use pm_spec::{HookStage, Span, TimedCommand};

/// Those of all runs.
#[derive(Debug, Default)]
pub(crate) struct RunningCommands {
    running: BTreeMap<RunId, Running>,
    /// What was wrong with the `post_start` of a run that lives.
    failed: BTreeMap<RunId, String>,
}

#[derive(Debug)]
struct Running {
    key: &'static str,
    line: String,
    since: Time,
    within: Span,
}

impl RunningCommands {
    /// One begins now.
    pub(crate) fn begun(
        &mut self,
        run: RunId,
        (key, command): (&'static str, &TimedCommand),
        since: Time,
    ) {
        let (line, within) = (command.line(), command.timeout);
        self.running.insert(run, Running { key, line, since, within });
    }

    /// It has ended.
    pub(crate) fn over(&mut self, run: RunId, key: &str) {
        // The next one of the same run may have begun meanwhile.
        if self.running.get(&run).is_some_and(|running| running.key == key) {
            self.running.remove(&run);
        }
    }

    /// What was wrong with one, as far as that is to be shown for as long as the run lives.
    pub(crate) fn failed(&mut self, run: RunId, stage: HookStage, why: String) {
        if stage == HookStage::PostStart {
            self.failed.insert(run, why);
        }
    }

    /// The run is over, or was never made.
    pub(crate) fn forget(&mut self, run: RunId) {
        self.running.remove(&run);
        self.failed.remove(&run);
    }

    /// Which one an instance waits for; `now`: told with the time that it has taken.
    pub(crate) fn note_of(&self, instance: &InstanceView<'_>, now: Option<Time>) -> Option<String> {
        let mut runs = [instance.run, instance.second].into_iter().flatten();
        let Running { key, line, since, within } =
            runs.find_map(|(run, _)| self.running.get(&run))?;
        let does = if *key == HookStage::PostStart.key() { "runs" } else { "waits for" };
        let taken = now.map(|now| Span::from_secs(now.0.saturating_sub(since.0) / 1000));
        let taken = taken.map(|taken| format!(", since {taken}")).unwrap_or_default();
        Some(format!("{does} its {key} `{line}`{taken}, at most {within}"))
    }

    /// That the last one failed, of a run that lives on.
    pub(crate) fn failure_of(&self, instance: &InstanceView<'_>) -> Option<String> {
        let (run, _) = instance.run?;
        self.failed.get(&run).cloned()
    }
}
