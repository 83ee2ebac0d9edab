//! One set of wishes at work: what it watches and what waits to be told. There is one for what was typed, and one for each
//! ecosystem file that has `alerts`. Pure.

use pm_spec::AlertWishes;
use serde::{Deserialize, Serialize};

use super::post::{AlertMessage, AlertPost, LocalMoment};
use super::scope::AlertScope;
use super::settings::post_rules;
use super::watchman::{AlertNews, Sighting, Watchman};

/// What was seen and is to be told.
#[derive(Debug, Default)]
pub(crate) struct AlertDesk {
    watchman: Watchman,
    post: AlertPost,
}

/// What of it outlives the panel.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct DeskMemory {
    raised: Vec<AlertNews>,
    post: AlertPost,
}

/// A moment, in ms since 1970 and as the place has it.
pub(crate) type DeskMoment = (u64, LocalMoment);

impl AlertDesk {
    pub(crate) fn resume(memory: DeskMemory) -> Self {
        Self { watchman: Watchman::resume(memory.raised), post: memory.post }
    }

    pub(crate) fn memory(&self) -> DeskMemory {
        DeskMemory { raised: self.watchman.raised(), post: self.post.clone() }
    }

    /// Looks at everything; what is new.
    pub(crate) fn look(
        &mut self,
        (wishes, apps): (&AlertWishes, AlertScope<'_>),
        seen: &[Sighting],
        disk: Option<f64>,
        now_ms: u64,
    ) -> Vec<AlertNews> {
        let news = self.watchman.look((&wishes.read_rules(), apps), seen, disk, now_ms);
        self.post.add(news.clone(), now_ms);
        news
    }

    /// The message that is due.
    pub(crate) fn due(
        &mut self,
        of: &AlertWishes,
        (now_ms, now): DeskMoment,
    ) -> Option<AlertMessage> {
        self.post.due(post_rules(of), now_ms, now)
    }

    /// When to look again although nothing is heard, in ms since 1970; while nobody is seen, for what is to be told only.
    pub(crate) fn next_at(
        &self,
        of: &AlertWishes,
        (now_ms, now): DeskMoment,
        sees: bool,
    ) -> Option<u64> {
        let due = self.post.next_at(post_rules(of), now_ms, now);
        let looks = sees.then(|| self.watchman.next_at(&of.read_rules())).flatten();
        [due, looks].into_iter().flatten().min()
    }
}
