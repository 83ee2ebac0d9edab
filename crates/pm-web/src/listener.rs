//! One tab that listens: what it wants, what it may see, and how far it has heard. Who is too slow misses events and is told
//! everything instead.

use hyper::body::Bytes;
use serde::Serialize;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::app_pattern::AppPattern;
use crate::events::{EventNumber, Topics, event};
use crate::roll::{Roll, RollNews};
use crate::view::AppRow;

/// A listener.
#[derive(Debug)]
pub(crate) struct EventListener {
    pub(crate) id: u64,
    pub(crate) topics: Topics,
    pub(crate) apps: AppPattern,
    pub(crate) events: Sender<Bytes>,
    heard: HeardSoFar,
    /// It missed something and wants everything.
    behind: bool,
    /// It knows that there is no daemon.
    knows_away: bool,
}

/// What it has heard of the apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeardSoFar {
    Nothing,
    /// In a stream before this one: all up to this change.
    Before(u64),
    /// All up to this change.
    UpTo(u64),
}

/// Everything, or all that may be seen of it.
#[derive(Serialize)]
struct AllApps<'a> {
    full: bool,
    apps: Vec<&'a AppRow>,
}

/// What is different.
#[derive(Serialize)]
struct SomeApps<'a> {
    rows: Vec<&'a AppRow>,
    gone: Vec<u32>,
}

#[derive(Serialize)]
struct UsageEvent {
    rows: Vec<(u32, Option<f32>, Option<u64>)>,
}

#[derive(Serialize)]
struct Away {}

/// What is told in one round: written once for all who may see the same and have heard as much.
pub(crate) struct ToldPayloads<'a> {
    roll: &'a Roll,
    number: EventNumber,
    news: &'a RollNews,
    apps: Vec<((AppPattern, HeardSoFar), Option<Bytes>)>,
    figures: Vec<(AppPattern, Option<Bytes>)>,
    host: Option<Bytes>,
}

impl<'a> ToldPayloads<'a> {
    pub(crate) fn new(roll: &'a Roll, number: EventNumber, news: &'a RollNews) -> Self {
        let host = roll.host().filter(|_| news.host).map(|host| event("host", number, host));
        Self { roll, number, news, apps: Vec::new(), figures: Vec::new(), host }
    }

    /// The apps for who has heard this much; `None`: nothing is new.
    fn apps(&mut self, apps: &AppPattern, heard: HeardSoFar) -> Option<Bytes> {
        if heard == HeardSoFar::UpTo(self.number.seq) {
            return None;
        }
        let is_same =
            |(pattern, other): &(AppPattern, HeardSoFar)| pattern == apps && *other == heard;
        if let Some((_, known)) = self.apps.iter().find(|(key, _)| is_same(key)) {
            return known.clone();
        }
        let changes = match heard {
            HeardSoFar::Nothing => None,
            HeardSoFar::Before(seq) | HeardSoFar::UpTo(seq) => self.roll.since(seq, apps),
        };
        let bytes = match changes {
            None => {
                let all = AllApps { full: true, apps: self.roll.all(apps) };
                Some(event("apps", self.number, &all))
            }
            Some((rows, gone)) => {
                // Who comes back waits for a word.
                let is_word =
                    matches!(heard, HeardSoFar::Before(_)) || !rows.is_empty() || !gone.is_empty();
                is_word.then(|| event("apps", self.number, &SomeApps { rows, gone }))
            }
        };
        self.apps.push(((apps.clone(), heard), bytes.clone()));
        bytes
    }

    fn figures(&mut self, apps: &AppPattern) -> Option<Bytes> {
        if self.news.measured.is_empty() {
            return None;
        }
        if let Some((_, known)) = self.figures.iter().find(|(pattern, _)| pattern == apps) {
            return known.clone();
        }
        let rows = self.news.measured.iter().filter_map(|id| self.roll.one(*id, apps));
        let rows: Vec<_> = rows.map(|row| (row.id, row.cpu, row.memory)).collect();
        let bytes = (!rows.is_empty()).then(|| event("usage", self.number, &UsageEvent { rows }));
        self.figures.push((apps.clone(), bytes.clone()));
        bytes
    }
}

impl EventListener {
    /// Who has heard nothing, or all up to this change in a stream before.
    pub(crate) fn new(
        (id, topics, apps): (u64, Topics, AppPattern),
        events: Sender<Bytes>,
        heard: Option<u64>,
    ) -> Self {
        let heard = heard.map_or(HeardSoFar::Nothing, HeardSoFar::Before);
        Self { id, topics, apps, events, heard, behind: false, knows_away: false }
    }

    /// Whether nobody takes its events any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.events.is_closed()
    }

    /// Whether it has yet to be told everything.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Tells it what is new to it.
    pub(crate) fn hear(&mut self, told: &mut ToldPayloads<'_>) {
        if self.behind {
            if self.events.capacity() < self.events.max_capacity() {
                return;
            }
            (self.behind, self.heard) = (false, HeardSoFar::Nothing);
        }
        let is_new = !matches!(self.heard, HeardSoFar::UpTo(_));
        if self.topics.apps
            && let Some(bytes) = told.apps(&self.apps, self.heard)
        {
            self.offer(bytes);
        }
        if self.topics.usage
            && !is_new
            && let Some(bytes) = told.figures(&self.apps)
        {
            self.offer(bytes);
        }
        if self.topics.host {
            let host = told.roll.host().filter(|_| is_new);
            let first = host.map(|host| event("host", told.number, host));
            if let Some(bytes) = first.or_else(|| told.host.clone()) {
                self.offer(bytes);
            }
        }
        (self.heard, self.knows_away) = (HeardSoFar::UpTo(told.number.seq), false);
    }

    /// The daemon is away; what it tells when it is back is everything.
    pub(crate) fn say_away(&mut self, number: EventNumber) {
        self.heard = HeardSoFar::Nothing;
        self.say_away_if_new(number);
    }

    /// The same for who came meanwhile and does not know it.
    pub(crate) fn say_away_if_new(&mut self, number: EventNumber) {
        if !std::mem::replace(&mut self.knows_away, true) {
            self.offer(event("reconnecting", number, &Away {}));
        }
    }

    /// Says that we are there, if that is not said by what waits.
    pub(crate) fn comment(&self, comment: Bytes) {
        self.events.try_send(comment).ok();
    }

    fn offer(&mut self, bytes: Bytes) {
        if !self.behind {
            // Who is gone is noticed by whoever looks next.
            self.behind = matches!(self.events.try_send(bytes), Err(TrySendError::Full(_)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::{Change, Row, Usage};
    use pm_spec::Status;
    use pm_testkit::samples;
    use tokio::sync::mpsc::{Receiver, channel};

    fn all() -> Topics {
        Topics { apps: true, usage: true, host: true, ..Topics::default() }
    }

    fn listener(room: usize, heard: Option<u64>) -> (EventListener, Receiver<Bytes>) {
        let (sender, events) = channel(room);
        (EventListener::new((1, all(), AppPattern::default()), sender, heard), events)
    }

    fn row(id: u32, memory: u64) -> Row {
        let usage = Usage { memory, processes: 1, ..Usage::default() };
        Row { pid: 9, usage, ..samples::row(id, "web", Status::Online) }
    }

    fn tell(roll: &mut Roll, listeners: &mut [&mut EventListener]) {
        let news = roll.settle();
        let number = EventNumber { epoch: 1, seq: roll.seq() };
        let mut told = ToldPayloads::new(roll, number, &news);
        for listener in listeners {
            listener.hear(&mut told);
        }
    }

    /// Names of the events that wait, and whether each is everything.
    fn names(events: &mut Receiver<Bytes>) -> Vec<(String, bool)> {
        let mut names = Vec::new();
        while let Ok(bytes) = events.try_recv() {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let name = text.lines().next().unwrap().strip_prefix("event: ").unwrap();
            names.push((name.to_owned(), text.contains("\"full\":true")));
        }
        names
    }

    fn name(name: &str, is_full: bool) -> (String, bool) {
        (name.to_owned(), is_full)
    }

    #[test]
    fn who_is_too_slow_is_told_everything_once_it_has_read_what_waits() {
        let mut roll = Roll::default();
        let (mut slow, mut slow_events) = listener(2, None);
        let (mut fast, mut fast_events) = listener(64, None);
        roll.take(Change::Snapshot(vec![row(0, 1)]));
        for id in 1..9 {
            tell(&mut roll, &mut [&mut slow, &mut fast]);
            roll.take(Change::Changed(row(id, 1)));
        }
        assert!(slow.is_behind() && !fast.is_behind());
        assert_eq!(names(&mut fast_events).iter().filter(|(_, is_full)| *is_full).count(), 1);
        assert_eq!(names(&mut slow_events), [name("apps", true), name("apps", false)]);
        tell(&mut roll, &mut [&mut slow, &mut fast]);
        assert_eq!(names(&mut slow_events), [name("apps", true)]);
        assert_eq!(names(&mut fast_events), [name("apps", false)]);
        tell(&mut roll, &mut [&mut slow, &mut fast]);
        assert_eq!((names(&mut slow_events), names(&mut fast_events)), (vec![], vec![]));
        drop(fast_events);
        assert!(fast.is_gone());
    }

    #[test]
    fn a_death_is_told_once_and_figures_are_no_change() {
        let mut roll = Roll::default();
        let number = EventNumber { epoch: 1, seq: 0 };
        let (mut tab, mut events) = listener(64, None);
        tab.say_away_if_new(number);
        tab.say_away(number);
        assert_eq!(names(&mut events), [name("reconnecting", false)]);
        roll.take(Change::Snapshot(vec![row(0, 1)]));
        tell(&mut roll, &mut [&mut tab]);
        roll.take(Change::Usage(vec![(0, row(0, 2).usage)]));
        tell(&mut roll, &mut [&mut tab]);
        roll.take(Change::Usage(vec![(0, row(0, 2).usage)]));
        tell(&mut roll, &mut [&mut tab]);
        assert_eq!(names(&mut events), [name("apps", true), name("usage", false)]);
        tab.say_away(number);
        tell(&mut roll, &mut [&mut tab]);
        assert_eq!(names(&mut events), [name("reconnecting", false), name("apps", true)]);
    }

    #[test]
    fn who_comes_back_hears_what_is_new_or_a_word() {
        let mut roll = Roll::default();
        roll.take(Change::Snapshot(vec![row(0, 1)]));
        tell(&mut roll, &mut []);
        let (mut back, mut events) = listener(64, Some(1));
        tell(&mut roll, &mut [&mut back]);
        assert_eq!(names(&mut events), [name("apps", false)]);
        tell(&mut roll, &mut [&mut back]);
        assert_eq!(names(&mut events), []);
        // It names a change that never was.
        let (mut strange, mut events) = listener(64, Some(7));
        tell(&mut roll, &mut [&mut strange]);
        assert_eq!(names(&mut events), [name("apps", true)]);
    }
}
