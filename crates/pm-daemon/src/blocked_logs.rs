//! Logs that take nothing (a full disk): kept so that the apps that write there show it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pm_core::InstanceView;
use pm_spec::LogFull;

use crate::plan;

/// Which logs, and why.
#[derive(Debug, Default)]
pub(crate) struct BlockedLogs(BTreeMap<PathBuf, (u32, String)>);

impl BlockedLogs {
    /// One more stream finds it so, or one less.
    pub(crate) fn note(&mut self, log: PathBuf, cause: Option<String>) {
        if let Some(cause) = cause {
            let (streams, last) = self.0.entry(log).or_default();
            *streams += 1;
            *last = cause;
        } else if let Some((streams, _)) = self.0.get_mut(&log) {
            *streams -= 1;
            if *streams == 0 {
                self.0.remove(&log);
            }
        }
    }

    /// What an instance has to say of its logs.
    pub(crate) fn note_of(&self, instance: &InstanceView<'_>) -> Option<String> {
        let (log, (_, cause)) = self.0.iter().find(|(log, _)| of(instance, log))?;
        let fate = match instance.app.logs.full {
            LogFull::Drop => "is lost",
            LogFull::Block => "waits",
        };
        Some(format!("its output {fate}, for {} takes nothing: {cause}", log.display()))
    }
}

/// Whether an instance writes there.
pub(crate) fn of(instance: &InstanceView<'_>, log: &Path) -> bool {
    let paths = plan::log_paths(instance.app, instance.id);
    let paths = [paths.out, paths.error, paths.combined];
    paths.iter().flatten().any(|path| plan::path_of(path) == log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_several_streams_is_blocked_until_the_last_one_goes_on() {
        let mut logs = BlockedLogs::default();
        let full = || Some("disk full".to_owned());
        for (cause, left) in [(full(), 1), (full(), 1), (None, 1), (None, 0), (None, 0)] {
            logs.note("/a.log".into(), cause);
            assert_eq!(logs.0.len(), left);
        }
    }
}
