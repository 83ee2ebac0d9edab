//! Writes down what apps use: a thread hears the daemon's figures from the hub, at least twice a minute, and writes them into a
//! ring for each instance every five minutes. Who kills us costs that much.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use pm_protocol::{Change, Home, Row, Usage};
use tokio::sync::oneshot;

use crate::clock::now_ms;
use crate::ears::{EAR_QUEUE, HubNeed, HubNews};
use crate::hub_call::HubEar;
use crate::past;
use crate::ring::{BegunAnew, RingFile, STEP_MS};
use crate::ring_folder;
use crate::step::{StepSum, UsageSample};

/// Figures that come a little late are those of the step before, too.
const LATE_MS: u64 = 45_000;
const WRITE_EVERY: Duration = Duration::from_mins(5);
/// So long the last figures may take to be written.
const FAREWELL: Duration = Duration::from_millis(500);
/// Steps of one instance that wait for a disk that takes nothing.
const MOST_WAITING: usize = 240;

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct HistoryKeeper {
    calls: SyncSender<HistoryCall>,
}

enum HistoryCall {
    HubNews(HubNews),
    /// Write down what is known so far.
    Write(oneshot::Sender<()>),
    /// The same, and end.
    End(SyncSender<()>),
}

impl From<HubNews> for HistoryCall {
    fn from(heard: HubNews) -> Self {
        Self::HubNews(heard)
    }
}

impl HistoryKeeper {
    /// Starts it; the rings together take so many bytes at most.
    pub(crate) fn start(home: &Home, most: u64, ear: &HubEar) -> io::Result<Self> {
        ring_folder::make(home.root())?;
        let (calls, inbox) = sync_channel(EAR_QUEUE);
        let thread = HistoryThread {
            home: home.clone(),
            most,
            book: UsageBook::default(),
            written: Instant::now(),
            complained: None,
        };
        Builder::new().name("history".into()).spawn(move || thread.run(&inbox))?;
        ear.hear(HubNeed::Trend, &calls);
        Ok(Self { calls })
    }

    /// Waits until what was seen up to now can be read.
    pub(crate) async fn settle(&self) {
        let (done, is_done) = oneshot::channel();
        // Who has too much to do writes anyway.
        if self.calls.try_send(HistoryCall::Write(done)).is_ok() {
            is_done.await.ok();
        }
    }

    /// Writes down what is known, and ends; a disk that takes its time is not waited for.
    pub(crate) fn end(&self) {
        let (done, is_done) = sync_channel(1);
        if self.calls.try_send(HistoryCall::End(done)).is_ok() {
            is_done.recv_timeout(FAREWELL).ok();
        }
    }
}

struct HistoryThread {
    home: Home,
    most: u64,
    book: UsageBook,
    written: Instant,
    /// What was said last: once is enough.
    complained: Option<String>,
}

impl HistoryThread {
    fn run(mut self, inbox: &Receiver<HistoryCall>) {
        for call in inbox {
            match call {
                HistoryCall::HubNews(HubNews::Change(change)) => {
                    self.book.take(*change, now_ms());
                    if self.written.elapsed() >= WRITE_EVERY {
                        self.write();
                    }
                }
                // Nothing may come for a long time.
                HistoryCall::HubNews(HubNews::Away) => self.write(),
                HistoryCall::Write(done) => {
                    self.write();
                    done.send(()).ok();
                }
                HistoryCall::End(done) => {
                    self.write();
                    done.send(()).ok();
                    return;
                }
            }
        }
    }

    fn write(&mut self) {
        self.written = Instant::now();
        let mut trouble = None;
        for (key, seen) in &mut self.book.seen {
            match write_one(self.home.root(), key, seen) {
                Ok(None | Some(BegunAnew::Missing)) => seen.clear(),
                Ok(Some(BegunAnew::Garbled)) => {
                    seen.clear();
                    say(&format!(
                        "the history of {} {} was no history; it begins anew",
                        key.0, key.1
                    ));
                }
                Err(error) => {
                    trouble = Some(format!("could not write the history of {}: {error}", key.0));
                    seen.drain(..seen.len().saturating_sub(MOST_WAITING));
                }
            }
        }
        let living = self.book.known.values().map(|one| &one.key);
        let living: Vec<_> =
            living.filter_map(|key| past::file(self.home.root(), &key.0, key.1)).collect();
        if let Err(error) = ring_folder::shrink(self.home.root(), &living, self.most) {
            trouble = Some(format!("could not make the history smaller: {error}"));
        }
        self.book.forget_the_written();
        if let Some(trouble) = trouble.as_ref().filter(|it| Some(*it) != self.complained.as_ref()) {
            say(trouble);
        }
        self.complained = trouble;
    }
}

/// For the log of the panel.
#[expect(clippy::print_stderr, reason = "the app's error log is where this belongs")]
fn say(text: &str) {
    eprintln!("warning: {text}");
}

type InstanceKey = (String, u16);

fn write_one(
    root: &Path,
    (name, slot): &InstanceKey,
    seen: &[(u64, StepSum)],
) -> io::Result<Option<BegunAnew>> {
    let Some(path) = past::file(root, name, *slot).filter(|_| !seen.is_empty()) else {
        return Ok(None);
    };
    let (mut ring, anew) = RingFile::to_write(&path)?;
    ring.write(seen)?;
    Ok(anew)
}

/// What was seen and is not written yet. Pure.
#[derive(Debug, Default)]
struct UsageBook {
    known: BTreeMap<u32, WatchedApp>,
    seen: BTreeMap<InstanceKey, Vec<(u64, StepSum)>>,
}

#[derive(Debug)]
struct WatchedApp {
    key: InstanceKey,
    restarts: u32,
    /// When it was measured last, in ms since 1970.
    looked_ms: u64,
}

impl UsageBook {
    fn take(&mut self, change: Change, now: u64) {
        match change {
            Change::Snapshot(rows) => {
                let mut before = std::mem::take(&mut self.known);
                for row in rows {
                    if let Some(one) = before.remove(&row.id) {
                        self.known.insert(row.id, one);
                    }
                    self.stand(&row, now);
                }
            }
            Change::Changed(row) => self.stand(&row, now),
            Change::Removed(id) => drop(self.known.remove(&id)),
            Change::Usage(figures) => {
                for (id, usage) in figures {
                    self.measure(id, &usage, now);
                }
            }
            Change::Host(_) | Change::Leaving => {}
        }
    }

    fn stand(&mut self, row: &Row, now: u64) {
        let key = (row.name.clone(), row.slot);
        let known = self.known.get(&row.id).filter(|one| one.key == key);
        let (before, looked_ms) =
            known.map_or((row.restarts, 0), |one| (one.restarts, one.looked_ms));
        // A counter that was set to zero counts from there.
        let more = if row.restarts < before { row.restarts } else { row.restarts - before };
        if more > 0 {
            self.add(&key, now / STEP_MS, &StepSum::restarts(more));
        }
        self.known.insert(row.id, WatchedApp { key, restarts: row.restarts, looked_ms });
    }

    fn measure(&mut self, id: u32, usage: &Usage, now: u64) {
        let Some(sample) = sample(usage) else { return };
        let Some(one) = self.known.get_mut(&id) else { return };
        let (key, step) = (one.key.clone(), now / STEP_MS);
        let before = std::mem::replace(&mut one.looked_ms, now);
        if before / STEP_MS + 2 == step && now - before < LATE_MS {
            self.add(&key, step - 1, &StepSum::of(sample));
        }
        self.add(&key, step, &StepSum::of(sample));
    }

    fn add(&mut self, key: &InstanceKey, step: u64, sum: &StepSum) {
        if !self.seen.contains_key(key) {
            self.seen.insert(key.clone(), Vec::new());
        }
        let Some(seen) = self.seen.get_mut(key) else { return };
        match seen.last_mut().filter(|(last, _)| *last == step) {
            Some((_, last)) => last.join(sum),
            None => seen.push((step, *sum)),
        }
    }

    /// Those of whom there is nothing to write.
    fn forget_the_written(&mut self) {
        self.seen.retain(|_, seen| !seen.is_empty());
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn sample(usage: &Usage) -> Option<UsageSample> {
    // An instance that runs has a process at least: without one nobody has looked.
    (usage.processes > 0).then(|| UsageSample {
        cpu: (usage.cpu * 10.0).round().clamp(0.0, f32::from(u16::MAX)) as u16,
        memory: u32::try_from(usage.memory >> 10).unwrap_or(u32::MAX),
        processes: u16::try_from(usage.processes).unwrap_or(u16::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_spec::Status;
    use pm_testkit::samples;

    fn usage(cpu: f32) -> Change {
        Change::Usage(vec![(0, Usage { cpu, memory: 5 << 20, processes: 2, ..Usage::default() })])
    }

    #[test]
    fn figures_that_come_late_leave_no_gap_and_restarts_are_counted() {
        let mut book = UsageBook::default();
        let row = |restarts| Row { restarts, ..samples::row(0, "web", Status::Online) };
        book.take(Change::Snapshot(vec![row(3)]), 1);
        for at in [29_990, 60_010, 90_020, 200_000] {
            book.take(usage(1.5), at);
        }
        book.take(Change::Changed(row(5)), 200_001);
        // It was reset, and started once since.
        book.take(Change::Changed(row(1)), 200_002);
        let seen = &book.seen[&("web".to_owned(), 0)];
        let steps: Vec<_> = seen.iter().map(|(step, sum)| (*step, sum.record().restarts)).collect();
        assert_eq!(steps, [(0, 0), (1, 0), (2, 0), (3, 0), (6, 3)]);
        assert_eq!(seen[4].1.record().cpu.avg, 15);
        book.take(Change::Removed(0), 1);
        book.take(usage(1.0), 300_000);
        assert_eq!(book.seen[&("web".to_owned(), 0)].len(), 5, "nobody knows whose that is");
    }
}
