//! Waiting for facts: on the feed of changes, on files, on nothing but the deadline.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use pm_client::{Deadline, Feed, Subscription, pause};
use pm_protocol::{Change, Row};

use crate::PATIENCE;
use crate::home::Home;

/// Between two looks at what nobody announces.
const LOOK: Duration = Duration::from_millis(5);

impl Home {
    /// Waits until the list, in order of id, is as wanted; gives it. `what` names the wish in the failure.
    pub fn wait_rows(&self, what: &str, mut is_so: impl FnMut(&[Row]) -> bool) -> Vec<Row> {
        let deadline = Deadline::after(PATIENCE);
        let mut feed = loop {
            match Subscription::open(self.home(), None) {
                Ok(feed) => break feed,
                Err(error) if deadline.is_over() => {
                    self.fail(&format!("waiting for {what}: could not {error}"));
                }
                Err(_) => pause(LOOK, deadline),
            }
        };
        let mut rows = BTreeMap::new();
        let mut is_told = false;
        loop {
            match feed.next_before(deadline) {
                Ok(Some(Feed::Change(change))) => is_told |= take(&mut rows, change),
                Ok(Some(Feed::Reconnecting)) => is_told = false,
                Ok(None) => {
                    let list: Vec<_> = rows.values().map(line).collect();
                    self.fail(&format!(
                        "{what} did not come true within {PATIENCE:?}\n{}",
                        list.concat()
                    ));
                }
                Err(error) => self.fail(&format!("waiting for {what}: could not {error}")),
            }
            let list: Vec<Row> = rows.values().cloned().collect();
            if is_told && is_so(&list) {
                return list;
            }
        }
    }

    /// Waits until all instances of an app have this status (PM2's word), and there is one; gives the first.
    pub fn wait_status(&self, name: &str, status: &str) -> Row {
        let rows = self.wait_rows(&format!("{name} is {status}"), |rows| {
            let mut of_name = rows.iter().filter(|row| row.name == name).peekable();
            of_name.peek().is_some() && of_name.all(|row| row.status.as_str() == status)
        });
        rows.into_iter().find(|row| row.name == name).unwrap_or_else(|| self.fail("no such row"))
    }

    /// Waits until the first instance of an app is online with another pid than this one; gives it.
    pub fn wait_new_pid(&self, name: &str, old: u32) -> Row {
        let is_new = |row: &&Row| row.name == name && row.pid != 0 && row.pid != old;
        let what = format!("{name} has another pid than {old}");
        let rows = self.wait_rows(&what, |rows| rows.iter().any(|row| is_new(&row)));
        rows.into_iter().find(|row| is_new(&row)).unwrap_or_else(|| self.fail("no such row"))
    }

    /// Waits until a file's bytes are as wanted; gives them. A missing file has none.
    pub fn wait_file(
        &self,
        path: impl AsRef<Path>,
        mut is_so: impl FnMut(&[u8]) -> bool,
    ) -> Vec<u8> {
        let path = path.as_ref();
        let deadline = Deadline::after(PATIENCE);
        loop {
            let bytes = std::fs::read(path).unwrap_or_default();
            if is_so(&bytes) {
                return bytes;
            }
            if deadline.is_over() {
                let end =
                    String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(500)..]).into_owned();
                self.fail(&format!(
                    "{} did not become as wanted within {PATIENCE:?}; {} bytes, ending in {end:?}",
                    path.display(),
                    bytes.len()
                ));
            }
            pause(LOOK, deadline);
        }
    }

    /// Waits until something is true that nobody announces.
    pub fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Deadline::after(PATIENCE);
        while !is_so() {
            if deadline.is_over() {
                self.fail(&format!("{what} did not come true within {PATIENCE:?}"));
            }
            pause(LOOK, deadline);
        }
    }
}

/// Takes a change in; true once rows are known.
fn take(rows: &mut BTreeMap<u32, Row>, change: Change) -> bool {
    match change {
        Change::Snapshot(all) => *rows = all.into_iter().map(|row| (row.id, row)).collect(),
        Change::Changed(row) => {
            rows.insert(row.id, row);
        }
        Change::Removed(id) => {
            rows.remove(&id);
        }
        Change::Usage(_) | Change::Host(_) | Change::Leaving => return false,
    }
    true
}

fn line(row: &Row) -> String {
    let Row { id, name, pid, restarts, .. } = row;
    let note = row.note.as_deref().unwrap_or_default();
    format!("  {id} {name} pid {pid} {} restarts {restarts} {note}\n", row.status.as_str())
}
