//! The instances: their rows, the recent past of their figures, order, filter, marks and cursor.
//!
//! Plain data; which part of it is on the screen is decided by the height it is told.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pm_protocol::{Row, Status, Usage};

use crate::cells::cells;
use crate::format::{clean, uptime_changes_in, wait_changes_in};
use crate::log_buffers::{Direction, contains_text};

/// Figures remembered per instance: two minutes at one a second.
pub(crate) const SERIES_LENGTH: usize = 120;

/// The last figures of one kind, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TimeSeries(VecDeque<f32>);

impl TimeSeries {
    pub(crate) fn push(&mut self, figure: f32) {
        if self.0.len() == SERIES_LENGTH {
            self.0.pop_front();
        }
        self.0.push_back(if figure.is_finite() { figure.max(0.0) } else { 0.0 });
    }

    /// The last so many, oldest first.
    pub(crate) fn last(&self, count: usize) -> impl ExactSizeIterator<Item = f32> + '_ {
        self.0.iter().skip(self.0.len().saturating_sub(count)).copied()
    }

    pub(crate) fn peak(&self, count: usize) -> f32 {
        self.last(count).fold(0.0, f32::max)
    }
}

/// One instance and its recent past.
#[derive(Clone, Debug)]
pub(crate) struct MonitoredInstance {
    pub(crate) row: Row,
    pub(crate) cpu: TimeSeries,
    pub(crate) memory: TimeSeries,
}

impl MonitoredInstance {
    fn new(row: Row) -> Self {
        Self { row, cpu: TimeSeries::default(), memory: TimeSeries::default() }
    }

    fn record(&mut self, usage: Usage) {
        self.cpu.push(usage.cpu);
        #[expect(clippy::cast_precision_loss, reason = "a sparkline has eight levels")]
        self.memory.push(usage.memory as f32);
        self.row.usage = usage;
    }

    /// Its name and number as titles have them.
    pub(crate) fn label(&self) -> String {
        format!("{} ({}) ", clean(&self.row.name), self.row.id)
    }

    /// Milliseconds it has been up, if it is.
    pub(crate) fn age(&self, now: u64) -> Option<u64> {
        let up = matches!(self.row.status, Status::Online | Status::Launching | Status::Stopping);
        (up && self.row.started_at > 0).then(|| now.saturating_sub(self.row.started_at))
    }

    /// In how many ms its uptime is shown as another one, or the time for which it waits.
    pub(crate) fn changes_in(&self, now: u64) -> Option<u64> {
        let waits = || wait_changes_in(self.row.waiting_job()?.1.saturating_sub(now));
        self.age(now).map(uptime_changes_in).or_else(waits)
    }
}

/// What the list can show of an instance, from left to right; what has a title it can be ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ListColumn {
    Mark,
    Id,
    #[default]
    Name,
    Namespace,
    /// The word for its phase; the troubled first.
    Status,
    Cpu,
    CpuSpark,
    Memory,
    MemorySpark,
    Restarts,
    Uptime,
    Pid,
    Port,
    Note,
}

impl ListColumn {
    #[rustfmt::skip]
    pub(crate) const ALL: [(Self, &str); 14] = [
        (Self::Mark, ""), (Self::Id, "id"), (Self::Name, "name"), (Self::Namespace, "namespace"),
        (Self::Status, "status"), (Self::Cpu, "cpu"), (Self::CpuSpark, ""), (Self::Memory, "memory"),
        (Self::MemorySpark, ""), (Self::Restarts, "↺"), (Self::Uptime, "uptime"), (Self::Pid, "pid"),
        (Self::Port, "port"), (Self::Note, ""),
    ];

    pub(crate) fn title(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The column to order by after this one, or before it.
    pub(crate) fn next(self, direction: Direction) -> Self {
        let mut titled = Self::ALL.iter().filter(|(_, title)| !title.is_empty()).map(|(it, _)| *it);
        let (at, count) = (titled.clone().position(|it| it == self), titled.clone().count());
        let step = if direction == Direction::Down { 1 } else { count - 1 };
        titled.nth((at.unwrap_or(0) + step) % count).unwrap_or_default()
    }

    pub(crate) fn right_aligned(self) -> bool {
        matches!(
            self,
            Self::Id | Self::Pid | Self::Cpu | Self::Memory | Self::Restarts | Self::Uptime
        )
    }

    /// Figures are most interesting when they are large.
    fn falls(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory | Self::Restarts)
    }

    fn compare(self, a: &Row, b: &Row) -> Ordering {
        match self {
            Self::Id => a.id.cmp(&b.id),
            Self::Name => natural(&a.name, &b.name),
            Self::Namespace => {
                a.namespace.cmp(&b.namespace).then_with(|| natural(&a.name, &b.name))
            }
            Self::Status => trouble(a.status).cmp(&trouble(b.status)),
            Self::Cpu => a.usage.cpu.total_cmp(&b.usage.cpu),
            Self::Memory => a.usage.memory.cmp(&b.usage.memory),
            Self::Restarts => a.restarts.cmp(&b.restarts),
            Self::Uptime => b.started_at.cmp(&a.started_at),
            Self::Pid => a.pid.cmp(&b.pid),
            Self::Port => a.usage.listens.cmp(&b.usage.listens),
            Self::Mark | Self::CpuSpark | Self::MemorySpark | Self::Note => Ordering::Equal,
        }
    }
}

/// The troubled first.
pub(crate) const BY_TROUBLE: [Status; 6] = [
    Status::Errored,
    Status::WaitingRestart,
    Status::Launching,
    Status::Stopping,
    Status::Online,
    Status::Stopped,
];

fn trouble(status: Status) -> Option<usize> {
    BY_TROUBLE.iter().position(|known| *known == status)
}

/// `web-2` before `web-10`: runs of digits compare as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let (Some(x), Some(y)) = (left.first(), right.first()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (number, rest) = digits(left);
            let (other, rest_of_other) = digits(right);
            (left, right) = (rest, rest_of_other);
            number.len().cmp(&other.len()).then_with(|| number.cmp(other))
        } else {
            (left, right) = (left.get(1..).unwrap_or_default(), right.get(1..).unwrap_or_default());
            x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase())
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits in front, without leading zeros, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let zeros = number.iter().take_while(|byte| **byte == b'0').count();
    (number.get(zeros..).unwrap_or_default(), rest)
}

/// How the list is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: ListColumn,
    pub(crate) reversed: bool,
}

impl Sort {
    /// Whether large figures stand on top.
    pub(crate) fn falling(self) -> bool {
        self.column.falls() != self.reversed
    }
}

/// All instances and what the list shows of them.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    by_id: BTreeMap<u32, MonitoredInstance>,
    order: Vec<u32>,
    cursor: Option<u32>,
    /// How many lines of the list are above the first one shown.
    pub(crate) offset: usize,
    pub(crate) marks: BTreeSet<u32>,
    pub(crate) sort: Sort,
    pub(crate) filter: String,
    /// Listed ones that have a note, and how many cells the longest name and namespace take: known to every layout.
    noted: Vec<u32>,
    pub(crate) name_cells: usize,
    pub(crate) namespace_cells: usize,
}

impl Instances {
    /// Everything anew; what is known already keeps its past.
    pub(crate) fn replace(&mut self, rows: Vec<Row>) {
        let mut known = std::mem::take(&mut self.by_id);
        for row in rows {
            let instance = match known.remove(&row.id) {
                Some(old) if old.row.name == row.name => MonitoredInstance { row, ..old },
                Some(_) | None => MonitoredInstance::new(row),
            };
            self.by_id.insert(instance.row.id, instance);
        }
        let known = &self.by_id;
        self.marks.retain(|id| known.contains_key(id));
        self.rearrange();
    }

    pub(crate) fn change(&mut self, row: Row) {
        match self.by_id.get_mut(&row.id) {
            Some(instance) => instance.row = row,
            None => {
                self.by_id.insert(row.id, MonitoredInstance::new(row));
            }
        }
        self.rearrange();
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.by_id.remove(&id);
        self.marks.remove(&id);
        self.rearrange();
    }

    /// Takes figures; what is not among them does not run.
    pub(crate) fn record(&mut self, usages: Vec<(u32, Usage)>) {
        let mut fresh: BTreeMap<u32, Usage> = usages.into_iter().collect();
        for (id, instance) in &mut self.by_id {
            instance.record(fresh.remove(id).unwrap_or_default());
        }
        if matches!(self.sort.column, ListColumn::Cpu | ListColumn::Memory) {
            self.rearrange();
        }
    }

    /// Orders and filters anew. A cursor whose line is gone stays at its height.
    pub(crate) fn rearrange(&mut self) {
        let at = self.position();
        let Self { by_id, order, sort, filter, .. } = self;
        order.clear();
        order.extend(by_id.values().filter(|one| passes(&one.row, filter)).map(|one| one.row.id));
        order.sort_by(|a, b| {
            let (Some(a), Some(b)) = (by_id.get(a), by_id.get(b)) else {
                return a.cmp(b);
            };
            let order = sort.column.compare(&a.row, &b.row);
            let order = if sort.falling() { order.reverse() } else { order };
            order.then_with(|| natural(&a.row.name, &b.row.name)).then(a.row.id.cmp(&b.row.id))
        });
        let longest = |text: fn(&Row) -> &str| {
            self.listed().map(|one| cells(&clean(text(&one.row)))).max().unwrap_or(0)
        };
        let (name_cells, namespace_cells) =
            (longest(|row| &row.name), longest(|row| &row.namespace));
        (self.name_cells, self.namespace_cells) = (name_cells, namespace_cells);
        self.noted =
            self.listed().filter(|one| one.row.note.is_some()).map(|one| one.row.id).collect();
        if self.position().is_none() {
            let at = at.unwrap_or(0).min(self.order.len().saturating_sub(1));
            self.cursor = self.order.get(at).copied();
        }
    }

    /// Keeps the cursor within a window of so many lines.
    pub(crate) fn keep_visible(&mut self, height: usize) {
        let at = self.position().unwrap_or(0);
        let lowest = (at + 1).saturating_sub(height.max(1));
        self.offset = self.offset.clamp(lowest.min(at), at);
        self.offset = self.offset.min(self.order.len().saturating_sub(height));
    }

    pub(crate) fn move_by(&mut self, by: isize) {
        let at = self.position().unwrap_or(0).saturating_add_signed(by);
        self.cursor = self.order.get(at.min(self.order.len().saturating_sub(1))).copied();
    }

    /// Puts the cursor on this line of the order.
    pub(crate) fn put(&mut self, at: usize) {
        if let Some(id) = self.order.get(at) {
            self.cursor = Some(*id);
        }
    }

    pub(crate) fn mark(&mut self) {
        if let Some(id) = self.cursor
            && !self.marks.remove(&id)
        {
            self.marks.insert(id);
        }
    }

    /// Marks all that is listed, or nothing if all of it is marked.
    pub(crate) fn mark_all(&mut self) {
        if self.order.iter().all(|id| self.marks.contains(id)) {
            self.marks.clear();
        } else {
            self.marks.extend(&self.order);
        }
    }

    /// The marked instances, else the one under the cursor.
    pub(crate) fn chosen(&self) -> Vec<&MonitoredInstance> {
        if self.marks.is_empty() {
            self.under_cursor().into_iter().collect()
        } else {
            self.marks.iter().filter_map(|id| self.by_id.get(id)).collect()
        }
    }

    pub(crate) fn under_cursor(&self) -> Option<&MonitoredInstance> {
        self.by_id.get(&self.cursor?)
    }

    pub(crate) fn get(&self, id: u32) -> Option<&MonitoredInstance> {
        self.by_id.get(&id)
    }

    /// Where the cursor stands in the order.
    pub(crate) fn position(&self) -> Option<usize> {
        let cursor = self.cursor?;
        self.order.iter().position(|id| *id == cursor)
    }

    /// The listed instances, in order.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &MonitoredInstance> {
        self.order.iter().filter_map(|id| self.by_id.get(id))
    }

    /// The listed instances with something to say, in order, but that under the cursor first.
    pub(crate) fn noted(&self) -> impl Iterator<Item = &MonitoredInstance> {
        let under = self.cursor.filter(|id| self.noted.contains(id));
        let others = self.noted.iter().copied().filter(move |id| Some(*id) != under);
        under.into_iter().chain(others).filter_map(|id| self.get(id))
    }

    pub(crate) fn listed_count(&self) -> usize {
        self.order.len()
    }

    /// All instances, in order of id.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = &MonitoredInstance> {
        self.by_id.values()
    }
}

/// Words of the filter must all be found in what the line shows.
fn passes(row: &Row, filter: &str) -> bool {
    filter.split_whitespace().all(|word| {
        contains_text(&row.name, word)
            || contains_text(&row.namespace, word)
            || contains_text(row.status.as_str(), word)
            || row.id.to_string() == word
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::samples::row;

    fn names(instances: &Instances) -> Vec<&str> {
        instances.listed().map(|one| one.row.name.as_str()).collect()
    }

    fn instances() -> Instances {
        let mut instances = Instances::default();
        instances.replace(vec![
            row(0, "web-10", Status::Online),
            row(1, "web-2", Status::Errored),
            row(2, "api", Status::Online),
            row(3, "Cron", Status::Stopped),
        ]);
        instances
    }

    #[test]
    fn every_column_orders() {
        let mut instances = instances();
        assert_eq!(names(&instances), ["api", "Cron", "web-2", "web-10"]);
        let busy = Usage { cpu: 9.0, memory: 7, ..Usage::default() };
        instances.record(vec![(2, busy), (0, Usage { cpu: 1.0, memory: 9, ..Usage::default() })]);
        for (column, first) in [
            (ListColumn::Id, "web-10"),
            (ListColumn::Namespace, "api"),
            (ListColumn::Status, "web-2"),
            (ListColumn::Cpu, "api"),
            (ListColumn::Memory, "web-10"),
            (ListColumn::Restarts, "Cron"),
            (ListColumn::Uptime, "web-10"),
            (ListColumn::Pid, "Cron"),
        ] {
            instances.sort = Sort { column, reversed: false };
            instances.rearrange();
            assert_eq!(names(&instances)[0], first, "{column:?}");
            let mut back = names(&instances).into_iter().map(str::to_owned).collect::<Vec<_>>();
            instances.sort.reversed = true;
            instances.rearrange();
            back.sort();
            let mut again = names(&instances);
            again.sort_unstable();
            assert_eq!(back, again);
        }
    }

    #[test]
    fn the_cursor_stays_on_its_instance_and_at_its_height_when_that_goes() {
        let mut instances = instances();
        instances.put(2);
        instances.sort.reversed = true;
        instances.rearrange();
        assert_eq!(instances.under_cursor().unwrap().row.name, "web-2");
        assert_eq!(instances.position(), Some(1));
        instances.remove(1);
        assert_eq!(instances.under_cursor().unwrap().row.name, "Cron");
        for id in 0..4 {
            instances.remove(id);
        }
        assert!(instances.under_cursor().is_none());
        instances.move_by(3);
        instances.change(row(7, "new", Status::Online));
        assert_eq!(instances.under_cursor().unwrap().row.id, 7);
    }

    #[test]
    fn filter_and_marks() {
        let mut instances = instances();
        instances.filter = "web err".into();
        instances.rearrange();
        assert_eq!(names(&instances), ["web-2"]);
        instances.mark_all();
        instances.filter.clear();
        instances.rearrange();
        assert_eq!(instances.chosen().len(), 1);
        instances.mark_all();
        assert_eq!(instances.chosen().len(), 4);
        instances.mark_all();
        assert!(instances.marks.is_empty());
        assert_eq!(instances.chosen().len(), 1, "the one under the cursor");
    }

    #[test]
    fn a_window_keeps_the_cursor() {
        let mut instances = Instances::default();
        instances.replace((0..1000).map(|id| row(id, "x", Status::Online)).collect());
        instances.move_by(999);
        instances.keep_visible(10);
        assert_eq!(instances.offset, 990);
        instances.move_by(-5);
        instances.keep_visible(10);
        assert_eq!(instances.offset, 990);
        instances.move_by(-100);
        instances.keep_visible(10);
        assert_eq!(instances.offset, 894);
        instances.keep_visible(0);
        instances.keep_visible(5000);
        assert_eq!(instances.offset, 0);
    }

    #[test]
    fn histories_are_bounded_and_survive_a_new_daemon() {
        let mut instances = instances();
        for _ in 0..500 {
            instances.record(vec![(0, Usage { cpu: f32::NAN, memory: 1, ..Usage::default() })]);
        }
        instances.replace(vec![row(0, "web-10", Status::Online), row(1, "other", Status::Online)]);
        assert_eq!(instances.get(0).unwrap().cpu.last(999).len(), SERIES_LENGTH);
        assert_eq!(instances.get(1).unwrap().cpu.last(999).len(), 0);
    }
}
