//! Who goes first in a rollout (`reload_canary`): the others follow only once all of these went well.

use crate::core::Core;
use crate::id::{AppId, InstanceId};
use crate::request::Rollout;

impl Core {
    /// How many of an app are to go first.
    pub(crate) fn canaries(&self, app: AppId) -> Option<usize> {
        let count = self.apps.get(&app)?.spec.reload.canary;
        (count > 0).then(|| usize::try_from(count).unwrap_or(usize::MAX))
    }
}

impl Rollout {
    /// Whether one more may be replaced now.
    pub(crate) fn has_room(&mut self) -> bool {
        if self.canaries == Some(0) && self.in_progress.is_empty() {
            self.canaries = None;
        }
        self.canaries.map_or(self.in_progress.len() < self.max_parallel, |left| left > 0)
    }

    /// This one is being replaced.
    pub(crate) fn begin(&mut self, id: InstanceId) {
        self.in_progress.insert(id);
        self.canaries = self.canaries.map(|left| left.saturating_sub(1));
    }
}
