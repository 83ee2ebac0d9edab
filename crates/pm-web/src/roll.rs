//! The apps as they were told last, and what is new about them: pure, so that each tab is told the least and none misses
//! anything. Each change has a number, and who has seen all up to a number can be told what came since.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pm_protocol::{Change, Host, Row, Usage};

use crate::app_pattern::AppPattern;
use crate::view::{AppRow, HostRow};

/// So many removals are remembered for who comes back; who was away for more is told everything.
const REMEMBERED: usize = 2048;

/// What is known of all apps.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    /// As the daemon tells them.
    rows: BTreeMap<u32, Row>,
    /// As they were told on.
    told: BTreeMap<u32, ToldRow>,
    gone: VecDeque<GoneRow>,
    /// Removals up to this number are forgotten.
    forgotten: u64,
    seq: u64,
    /// Those that may look different.
    touched: BTreeSet<u32>,
    /// Those whose figures are new.
    measured: BTreeSet<u32>,
    /// Instances may have come or gone.
    counts: bool,
    host: Option<HostRow>,
    host_is_new: bool,
}

#[derive(Debug)]
struct ToldRow {
    row: AppRow,
    /// The number of its last change.
    seq: u64,
}

#[derive(Debug)]
struct GoneRow {
    seq: u64,
    id: u32,
    namespace: String,
    name: String,
}

/// What is new.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RollNews {
    /// Some stand differently, or are new, or gone.
    pub(crate) apps: bool,
    /// Some may be new, or gone, or called otherwise.
    pub(crate) members: bool,
    /// Of these the figures are new.
    pub(crate) measured: Vec<u32>,
    /// The machine's figures are new.
    pub(crate) host: bool,
}

impl Roll {
    /// The number of the last change.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Takes in what the daemon tells.
    pub(crate) fn take(&mut self, change: Change) {
        match change {
            Change::Snapshot(rows) => self.replace(rows),
            Change::Changed(row) => {
                self.touched.insert(row.id);
                let id = row.id;
                let is_known = |known: Row| (known.name, known.namespace);
                let now = (row.name.clone(), row.namespace.clone());
                self.counts |= self.rows.insert(id, row).map(is_known) != Some(now);
            }
            Change::Removed(id) => {
                self.counts |= self.rows.remove(&id).is_some();
                self.touched.insert(id);
            }
            Change::Usage(figures) => {
                for (id, usage) in figures {
                    self.measure(id, usage);
                }
            }
            Change::Host(host) => self.take_host(&host),
            Change::Leaving => {}
        }
    }

    /// Takes the whole list in.
    pub(crate) fn replace(&mut self, rows: Vec<Row>) {
        self.touched.extend(self.rows.keys().copied());
        self.rows = rows.into_iter().map(|row| (row.id, row)).collect();
        self.touched.extend(self.rows.keys().copied());
        self.measured.extend(self.rows.keys().copied());
        self.counts = true;
    }

    fn measure(&mut self, id: u32, usage: Usage) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        if row.usage.listens != usage.listens {
            self.touched.insert(id);
        }
        row.usage = usage;
        self.measured.insert(id);
    }

    fn take_host(&mut self, host: &Host) {
        let row = Some(HostRow::new(host));
        self.host_is_new |= self.host != row;
        self.host = row;
    }

    /// What is new since this was asked last.
    pub(crate) fn settle(&mut self) -> RollNews {
        let (touched, measured) =
            (std::mem::take(&mut self.touched), std::mem::take(&mut self.measured));
        let host = std::mem::take(&mut self.host_is_new);
        let counts = self.counts();
        let mut ids = touched;
        let members = std::mem::take(&mut self.counts);
        if members {
            ids.extend(self.rows.keys().copied());
        }
        let next = self.seq + 1;
        let mut news = RollNews { members, host, ..RollNews::default() };
        for id in ids {
            news.apps |= self.settle_one(id, next, &counts);
        }
        for id in measured {
            let (Some(row), Some(told)) = (self.rows.get(&id), self.told.get_mut(&id)) else {
                continue;
            };
            let fresh = AppRow::new(row, told.row.instances);
            if (fresh.cpu, fresh.memory) != (told.row.cpu, told.row.memory) {
                (told.row.cpu, told.row.memory) = (fresh.cpu, fresh.memory);
                news.measured.push(id);
            }
        }
        if news.apps {
            self.seq = next;
        }
        news
    }

    fn settle_one(
        &mut self,
        id: u32,
        seq: u64,
        counts: &BTreeMap<(String, String), usize>,
    ) -> bool {
        let Some(row) = self.rows.get(&id) else {
            let Some(ToldRow { row, .. }) = self.told.remove(&id) else { return false };
            self.lose(seq, row);
            return true;
        };
        let instances = counts.get(&key(row)).copied().unwrap_or(1);
        let row = AppRow::new(row, instances);
        match self.told.get_mut(&id) {
            Some(told) if told.row.stands_as(&row) => false,
            Some(told) => {
                let before = std::mem::replace(&mut told.row, row);
                told.seq = seq;
                // Who could see it under its old name may not under its new one.
                if (&before.name, &before.namespace) != (&told.row.name, &told.row.namespace) {
                    self.lose(seq, before);
                }
                true
            }
            None => {
                self.told.insert(id, ToldRow { row, seq });
                true
            }
        }
    }

    fn lose(&mut self, seq: u64, row: AppRow) {
        self.gone.push_back(GoneRow { seq, id: row.id, namespace: row.namespace, name: row.name });
        while self.gone.len() > REMEMBERED
            && let Some(oldest) = self.gone.pop_front()
        {
            self.forgotten = oldest.seq;
        }
    }

    fn counts(&self) -> BTreeMap<(String, String), usize> {
        let mut counts = BTreeMap::new();
        for row in self.rows.values().filter(|_| self.counts || !self.touched.is_empty()) {
            *counts.entry(key(row)).or_insert(0) += 1;
        }
        counts
    }

    /// All that may be seen.
    pub(crate) fn all(&self, apps: &AppPattern) -> Vec<&AppRow> {
        let rows = self.told.values().map(|told| &told.row);
        rows.filter(|row| apps.admits(&row.namespace, &row.name)).collect()
    }

    /// One that may be seen.
    pub(crate) fn one(&self, id: u32, apps: &AppPattern) -> Option<&AppRow> {
        let row = self.told.get(&id).map(|told| &told.row)?;
        apps.admits(&row.namespace, &row.name).then_some(row)
    }

    /// What changed after this number and may be seen: rows, and those that are gone; `None` if that is not known any more.
    pub(crate) fn since(&self, seq: u64, apps: &AppPattern) -> Option<(Vec<&AppRow>, Vec<u32>)> {
        if seq < self.forgotten || seq > self.seq {
            return None;
        }
        let is_seen = |row: &AppRow| apps.admits(&row.namespace, &row.name);
        let rows = self.told.values().filter(|told| told.seq > seq).map(|told| &told.row);
        let rows: Vec<_> = rows.filter(|row| is_seen(row)).collect();
        let gone = self.gone.iter().filter(|gone| gone.seq > seq);
        let gone = gone.filter(|gone| apps.admits(&gone.namespace, &gone.name)).map(|gone| gone.id);
        let is_back = |id: &u32| self.one(*id, apps).is_some();
        let gone: BTreeSet<u32> = gone.filter(|id| !is_back(id)).collect();
        Some((rows, gone.into_iter().collect()))
    }

    /// The machine's last figures.
    pub(crate) fn host(&self) -> Option<&HostRow> {
        self.host.as_ref()
    }
}

fn key(row: &Row) -> (String, String) {
    (row.namespace.clone(), row.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_spec::Status;
    use pm_testkit::samples;
    use proptest::prelude::*;

    fn all() -> AppPattern {
        AppPattern::default()
    }

    fn ids(rows: &[&AppRow]) -> Vec<u32> {
        rows.iter().map(|row| row.id).collect()
    }

    fn usage(cpu: f32) -> Usage {
        Usage { cpu, memory: 1, processes: 1, ..Usage::default() }
    }

    fn row(id: u32, name: &str, status: Status) -> Row {
        Row { pid: 9, usage: usage(0.0), ..samples::row(id, name, status) }
    }

    #[test]
    fn only_what_changed_is_news() {
        let mut roll = Roll::default();
        roll.take(Change::Snapshot(vec![row(0, "a", Status::Online), row(1, "b", Status::Online)]));
        assert!(roll.settle().apps && roll.seq() == 1);
        roll.take(Change::Changed(row(0, "a", Status::Online)));
        roll.take(Change::Usage(vec![(0, usage(0.0)), (1, usage(2.5)), (9, usage(1.0))]));
        let news = RollNews { measured: vec![1], ..RollNews::default() };
        assert_eq!((roll.settle(), roll.seq()), (news, 1));
        roll.take(Change::Changed(row(0, "a", Status::Stopped)));
        assert!(roll.settle().apps);
        let (rows, gone) = roll.since(1, &all()).unwrap();
        assert_eq!((ids(&rows), gone), (vec![0], vec![]));
        // A new daemon tells everything; what is as before is no news.
        roll.take(Change::Snapshot(vec![row(0, "a", Status::Stopped)]));
        assert!(roll.settle().apps);
        let (rows, gone) = roll.since(2, &all()).unwrap();
        assert_eq!((ids(&rows), gone), (vec![], vec![1]));
        let port = Usage { listens: vec!["0.0.0.0:80".parse().unwrap()], ..usage(0.0) };
        roll.take(Change::Usage(vec![(0, port)]));
        assert!(roll.settle().apps, "a port is no mere figure");
        assert_eq!(roll.settle(), RollNews::default());
    }

    #[test]
    fn instances_are_counted_and_their_siblings_told() {
        let mut roll = Roll::default();
        roll.take(Change::Snapshot(vec![row(0, "a", Status::Online), row(5, "z", Status::Online)]));
        roll.settle();
        roll.take(Change::Changed(row(1, "a", Status::Online)));
        roll.settle();
        let (rows, _) = roll.since(1, &all()).unwrap();
        assert_eq!(
            rows.iter().map(|row| (row.id, row.instances)).collect::<Vec<_>>(),
            [(0, 2), (1, 2)]
        );
        roll.take(Change::Removed(0));
        roll.settle();
        let (rows, gone) = roll.since(2, &all()).unwrap();
        assert_eq!((rows[0].instances, ids(&rows), gone), (1, vec![1], vec![0]));
    }

    #[test]
    fn who_may_see_some_apps_hears_of_those_only_even_if_they_are_renamed() {
        let mut roll = Roll::default();
        let apps = AppPattern::from("web*".to_owned());
        roll.take(Change::Snapshot(vec![
            row(0, "web", Status::Online),
            row(1, "db", Status::Online),
        ]));
        roll.settle();
        assert_eq!(ids(&roll.all(&apps)), [0]);
        assert!(roll.one(1, &apps).is_none() && roll.one(0, &apps).is_some());
        roll.take(Change::Removed(1));
        roll.settle();
        assert_eq!(roll.since(1, &apps), Some((vec![], vec![])));
        roll.take(Change::Changed(row(0, "secret", Status::Online)));
        roll.settle();
        assert_eq!(roll.since(2, &apps), Some((vec![], vec![0])));
        let (rows, gone) = roll.since(2, &all()).unwrap();
        assert_eq!((ids(&rows), gone), (vec![0], vec![]), "for others it is only different");
    }

    #[test]
    fn who_was_away_for_too_long_is_told_everything() {
        let mut roll = Roll::default();
        for id in 0..3000 {
            roll.take(Change::Changed(row(id, "a", Status::Online)));
            roll.settle();
            roll.take(Change::Removed(id));
            roll.settle();
        }
        assert!(roll.gone.len() == REMEMBERED && roll.since(3, &all()).is_none());
        assert!(
            roll.since(roll.seq(), &all()).is_some()
                && roll.since(roll.seq() + 1, &all()).is_none()
        );
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u32, u8, bool),
        Remove(u32),
        Begin(Vec<u32>),
        Look(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..6_u32, 0..3_u8, any::<bool>()).prop_map(|(id, name, up)| Step::Put(id, name, up)),
            (0..6_u32).prop_map(Step::Remove),
            proptest::collection::vec(0..6_u32, 0..4).prop_map(Step::Begin),
            (0..3_usize).prop_map(Step::Look),
        ]
    }

    proptest! {
        /// Whatever happens and whenever who looks: what each was told, put together, is what it may see.
        #[test]
        fn parts_make_the_whole(steps in proptest::collection::vec(step(), 0..80)) {
            let name = |name: u8| ["web", "web-1", "db"][usize::from(name)];
            let patterns = ["", "web*", "db"].map(|text| AppPattern::from(text.to_owned()));
            let mut seen: [(u64, BTreeMap<u32, AppRow>); 3] = Default::default();
            let mut roll = Roll::default();
            for step in steps {
                match step {
                    Step::Put(id, which, up) => {
                        let status = if up { Status::Online } else { Status::Stopped };
                        roll.take(Change::Changed(row(id, name(which), status)));
                    }
                    Step::Remove(id) => roll.take(Change::Removed(id)),
                    Step::Begin(ids) => {
                        let rows = ids.into_iter().map(|id| row(id, "web", Status::Online)).collect();
                        roll.take(Change::Snapshot(rows));
                    }
                    Step::Look(who) => {
                        roll.settle();
                        let (seq, known) = &mut seen[who];
                        let (rows, gone) = roll.since(*seq, &patterns[who]).unwrap();
                        for id in gone {
                            known.remove(&id);
                        }
                        known.extend(rows.into_iter().map(|row| (row.id, row.clone())));
                        *seq = roll.seq();
                        let expected: Vec<_> = roll.all(&patterns[who]).into_iter().cloned().collect();
                        prop_assert_eq!(known.values().cloned().collect::<Vec<_>>(), expected);
                    }
                }
            }
        }
    }
}
