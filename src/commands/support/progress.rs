//! What is going on while a call takes its time, on one line of stderr; only if that is a terminal.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use pm_client::{Deadline, Feed, Subscription};
use pm_protocol::{Change, Home, Row, Status};

use crate::console;
use crate::session::Session;

/// Nobody needs to be told what takes less: a start looks for a second whether the app stays.
const WORTH_TELLING: Duration = Duration::from_millis(1500);

/// How often the line may change, and how late the end of the call may be noticed.
const TICK: Duration = Duration::from_millis(100);

/// Does `work` and shows how far it is.
pub(crate) fn during<T>(session: &Session, what: &str, work: impl FnOnce() -> T) -> T {
    let console = session.console;
    if !console.talk_is_terminal || console.silent || console.json {
        return work();
    }
    thread::scope(|scope| {
        // Nothing is ever sent: the end of `finished` is the message.
        let (finished, end) = sync_channel::<()>(0);
        scope.spawn(move || show(&session.home, what, &end));
        let result = work();
        drop(finished);
        result
    })
}

fn show(home: &Home, what: &str, end: &Receiver<()>) {
    if end.recv_timeout(WORTH_TELLING) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    // Progress is an ornament: without a feed there is none.
    let Ok(mut feed) = Subscription::open(home, None) else { return };
    let mut statuses = BTreeMap::new();
    let mut told = String::new();
    while end.try_recv() == Err(TryRecvError::Empty) {
        match feed.next_before(Deadline::after(TICK)) {
            Ok(Some(Feed::Change(change))) => take(&mut statuses, change),
            Ok(Some(Feed::Reconnecting)) => {
                statuses.clear();
            }
            Ok(None) => {}
            Err(_) => break,
        }
        let line = format!("{what}: {}", counts(&statuses));
        if line != told {
            console::progress(&line);
            told = line;
        }
    }
    console::progress("");
}

fn take(statuses: &mut BTreeMap<u32, Status>, change: Change) {
    let status = |row: Row| (row.id, row.status);
    match change {
        Change::Snapshot(rows) => *statuses = rows.into_iter().map(status).collect(),
        Change::Changed(row) => statuses.extend([status(row)]),
        Change::Removed(id) => {
            statuses.remove(&id);
        }
        Change::Usage(_) | Change::Host(_) | Change::Leaving => {}
    }
}

/// `3 online, 1 stopping`; nothing is known while a daemon is replaced.
fn counts(statuses: &BTreeMap<u32, Status>) -> String {
    if statuses.is_empty() {
        return "waiting for the daemon".into();
    }
    let mut counts: BTreeMap<Status, u32> = BTreeMap::new();
    for status in statuses.values() {
        *counts.entry(*status).or_default() += 1;
    }
    let parts: Vec<_> =
        counts.iter().map(|(status, count)| format!("{count} {}", status.as_str())).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_counted() {
        let statuses = BTreeMap::from([
            (0, Status::Stopped),
            (1, Status::Online),
            (2, Status::Online),
            (3, Status::Stopping),
        ]);
        assert_eq!(counts(&statuses), "2 online, 1 stopping, 1 stopped");
    }
}
