//! The file of events: appended to with one write a step, never waited for on its way to the disk (fsync), bounded. What a full
//! disk refuses is counted, and told by the next line that can be written.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use pm_protocol::{Event, EventKind};
use rustix::fs::OFlags;

/// A file that is larger is put aside, in the place of the one before it.
const LIMIT: u64 = 1 << 20;

/// Where events go. Nothing is open in between: descriptors belong to apps, and a removed file is made anew.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    /// Lines of this step.
    lines: Vec<u8>,
    /// How many they are.
    count: u32,
    /// So many could not be written.
    lost: u32,
}

impl EventFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, lines: Vec::new(), count: 0, lost: 0 }
    }

    /// Takes a line for the next write.
    pub(super) fn add(&mut self, event: &Event) {
        // Plain data written to memory has no way to fail; a line that did would only be missing.
        if serde_json::to_writer(&mut self.lines, event).is_ok() {
            self.lines.push(b'\n');
            self.count += 1;
        }
    }

    /// Writes what there is.
    pub(super) fn write(&mut self, now: u64) {
        if self.lines.is_empty() {
            return;
        }
        if self.lost > 0 {
            let why = format!("{} events could not be written", self.lost);
            let told =
                Event { at: now, event: EventKind::Lost, why: Some(why), ..Event::default() };
            let later = std::mem::take(&mut self.lines);
            self.add(&told);
            self.count -= 1;
            self.lines.extend(later);
        }
        let count = std::mem::take(&mut self.count);
        let lines = std::mem::take(&mut self.lines);
        self.lost = if self.append(&lines).is_ok() { 0 } else { self.lost.saturating_add(count) };
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        let mut size = file.metadata()?.len();
        if size > LIMIT {
            let mut aside = OsString::from(&self.path);
            aside.push(".old");
            fs::rename(&self.path, aside)?;
            file = self.open()?;
            size = 0;
        }
        file.write_all(lines).inspect_err(|_| {
            // Half a line would spoil the next one.
            file.set_len(size).ok();
        })
    }

    fn open(&self) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).custom_flags(flags).open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(app: &str) -> Event {
        Event { app: Some(app.into()), ..Event::default() }
    }

    #[test]
    fn what_has_grown_is_put_aside_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events");
        let mut file = EventFile::new(path.clone());
        for size in [LIMIT + 1, LIMIT + 2] {
            fs::write(&path, vec![b'\n'; usize::try_from(size).unwrap()]).unwrap();
            file.add(&event("web"));
            file.write(0);
            assert_eq!(fs::metadata(dir.path().join("events.old")).unwrap().len(), size);
            assert!(fs::metadata(&path).unwrap().len() < 100);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_could_not_be_written_is_counted_and_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home/events");
        let mut file = EventFile::new(path.clone());
        file.add(&event("a"));
        file.add(&event("b"));
        file.write(0);
        file.add(&event("c"));
        file.write(0);
        fs::create_dir(dir.path().join("home")).unwrap();
        file.add(&event("d"));
        file.write(7);
        file.add(&event("e"));
        file.write(8);
        let text = fs::read_to_string(&path).unwrap();
        let all: Vec<Event> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> = all.iter().map(|one| (one.event, one.app.as_deref())).collect();
        let other = EventKind::Other;
        assert_eq!(told, [(EventKind::Lost, None), (other, Some("d")), (other, Some("e"))]);
        assert_eq!(all[0].why.as_deref(), Some("3 events could not be written"));
    }
}
