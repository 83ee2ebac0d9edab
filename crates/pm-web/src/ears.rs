//! Those of the panel who hear the daemon whether or not somebody looks: each a thread of its own, for a slow disk is to hold up
//! nobody, but all of them over the one subscription of the hub. Who is too slow misses news, and is then told everything anew.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{SyncSender, TrySendError};

use pm_protocol::Change;

/// News and calls that may wait for one of them.
pub(crate) const EAR_QUEUE: usize = 1024;

/// What they hear.
#[derive(Clone, Debug)]
pub(crate) enum HubNews {
    Change(Box<Change>),
    /// No daemon tells us anything; what comes next is a snapshot.
    Away,
}

/// What is asked of the daemon; figures cost it something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HubNeed {
    /// Which apps there are and how they stand.
    Changes,
    /// What they use as well, twice a minute.
    Trend,
    /// What they use now.
    Figures,
}

impl HubNeed {
    /// How often figures are taken, in ms.
    pub(crate) fn usage_every(self) -> Option<u32> {
        match self {
            Self::Changes => None,
            Self::Trend => Some(30_000),
            Self::Figures => Some(1000),
        }
    }
}

/// What became of a piece of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EarRoom {
    Taken,
    Full,
    Gone,
}

/// One of them.
pub(crate) struct LiveEar {
    need: HubNeed,
    pass: Box<dyn Fn(HubNews) -> EarRoom + Send>,
    /// It missed something.
    is_behind: bool,
}

impl fmt::Debug for LiveEar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveEar").field("need", &self.need).finish_non_exhaustive()
    }
}

impl LiveEar {
    /// One that needs this, and hears it there.
    pub(crate) fn new<M: From<HubNews> + Send + 'static>(
        need: HubNeed,
        to: &SyncSender<M>,
    ) -> Self {
        let to = to.clone();
        let pass = move |heard| match to.try_send(M::from(heard)) {
            Ok(()) => EarRoom::Taken,
            Err(TrySendError::Full(_)) => EarRoom::Full,
            Err(TrySendError::Disconnected(_)) => EarRoom::Gone,
        };
        Self { need, pass: Box::new(pass), is_behind: false }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct HubEars {
    all: BTreeMap<u64, LiveEar>,
    /// Whether they know that no daemon is there.
    is_away: bool,
}

impl HubEars {
    pub(crate) fn set(&mut self, id: u64, ear: Option<LiveEar>) {
        match ear {
            Some(ear) => drop(self.all.insert(id, ear)),
            None => drop(self.all.remove(&id)),
        }
    }

    /// The most that one of them needs.
    pub(crate) fn need(&self) -> Option<HubNeed> {
        self.all.values().map(|ear| ear.need).max()
    }

    /// Passes it on. Whether somebody who has missed something has room again, and wants a snapshot.
    pub(crate) fn hear(&mut self, change: &Change) -> bool {
        self.is_away = false;
        self.pass(Some(change))
    }

    /// Says once that no daemon is there.
    pub(crate) fn say_away(&mut self) {
        if !std::mem::replace(&mut self.is_away, true) {
            self.pass(None);
        }
    }

    fn pass(&mut self, change: Option<&Change>) -> bool {
        let is_all = matches!(change, Some(Change::Snapshot(_)));
        let mut is_wanted = false;
        self.all.retain(|_, ear| {
            // What comes between what was missed and a snapshot would be taken for all there was.
            let is_missing = ear.is_behind && !is_all;
            let heard = change.filter(|_| !is_missing).cloned().map(Box::new);
            let room = (ear.pass)(heard.map_or(HubNews::Away, HubNews::Change));
            is_wanted |= is_missing && room == EarRoom::Taken;
            ear.is_behind = is_missing || room == EarRoom::Full;
            room != EarRoom::Gone
        });
        is_wanted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    fn told(heard: &Receiver<HubNews>) -> Vec<String> {
        let word = |heard| match heard {
            HubNews::Away => "away".to_owned(),
            HubNews::Change(change) => match *change {
                Change::Snapshot(_) => "all".to_owned(),
                Change::Removed(id) => id.to_string(),
                Change::Changed(_) | Change::Usage(_) | Change::Host(_) | Change::Leaving => {
                    panic!("nobody said so")
                }
            },
        };
        heard.try_iter().map(word).collect()
    }

    #[test]
    fn who_is_too_slow_is_told_everything_anew() {
        let (to, heard) = sync_channel(2);
        let mut ears = HubEars::default();
        ears.set(1, Some(LiveEar::new::<HubNews>(HubNeed::Trend, &to)));
        assert_eq!(ears.need(), Some(HubNeed::Trend));
        assert!(!ears.hear(&Change::Snapshot(Vec::new())));
        assert!((1..9).all(|id| !ears.hear(&Change::Removed(id))), "there is no room");
        assert_eq!(told(&heard), ["all", "1"]);
        assert!(ears.hear(&Change::Removed(9)), "there is room again");
        assert!(!ears.hear(&Change::Snapshot(Vec::new())));
        assert_eq!(told(&heard), ["away", "all"]);
        assert!(!ears.hear(&Change::Removed(10)));
        ears.say_away();
        ears.say_away();
        assert_eq!(told(&heard), ["10", "away"]);
        ears.set(1, None);
        assert_eq!(ears.need(), None);
    }

    #[test]
    fn who_is_gone_needs_nothing() {
        let (to, heard) = sync_channel(2);
        let mut ears = HubEars::default();
        ears.set(1, Some(LiveEar::new::<HubNews>(HubNeed::Changes, &to)));
        drop((to, heard));
        ears.hear(&Change::Removed(1));
        assert_eq!(ears.need(), None);
    }
}
