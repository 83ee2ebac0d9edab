//! Who is signed in: `sessions.json`, in which keys are digests. Twelve hours without use end a session, thirty days end
//! any, and so does another password or role of its user.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use crate::app_pattern::AppPattern;
use crate::roles::Role;
use crate::store;

/// Without use, in ms.
const IDLE_MS: u64 = 12 * 3_600_000;

/// In all, in ms.
pub(crate) const LONGEST_MS: u64 = 30 * 24 * 3_600_000;

/// The file is not written for each request.
const WRITE_EVERY_MS: u64 = 10 * 60_000;

/// More are not open at once: the one used longest ago ends.
const MOST: usize = 1000;

/// Streams of one session at once.
const STREAMS: usize = 8;

/// A session as it is kept, under the digest of its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SessionRecord {
    /// For people, to end it by.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) apps: AppPattern,
    /// What must still be so of the user; none where a link was used.
    #[serde(default)]
    pub(crate) version: Option<String>,
    pub(crate) from: String,
    pub(crate) began_ms: u64,
    pub(crate) used_ms: u64,
    pub(crate) until_ms: u64,
}

/// A session as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// To end it by.
    pub id: String,
    /// Whose.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// With which apps.
    pub apps: AppPattern,
    /// Where it began.
    pub from: String,
    /// In ms since 1970.
    pub began_ms: u64,
    /// In ms since 1970, to ten minutes.
    pub used_ms: u64,
    /// Whether it began with a one-time link.
    pub by_link: bool,
}

/// What the streams of one session share.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// How many more there may be.
    pub(crate) free: Arc<Semaphore>,
    /// Fails when the session has ended.
    pub(crate) ended: watch::Receiver<()>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Sessions {
    path: PathBuf,
    open: BTreeMap<String, SessionRecord>,
    streams: BTreeMap<String, (watch::Sender<()>, Streams)>,
    written_ms: u64,
}

impl Sessions {
    /// As they were kept. What can't be read is nobody's session.
    pub(crate) fn open(path: PathBuf) -> Self {
        let open = store::load(&path).unwrap_or_default();
        Self { path, open, streams: BTreeMap::new(), written_ms: 0 }
    }

    /// One more.
    pub(crate) fn add(&mut self, digest: String, record: SessionRecord) -> io::Result<()> {
        if self.open.len() >= MOST {
            let oldest = self.open.iter().min_by_key(|(_, session)| session.used_ms);
            let oldest = oldest.map(|(digest, _)| digest.clone()).unwrap_or_default();
            self.open.remove(&oldest);
        }
        let now_ms = record.began_ms;
        self.open.insert(digest, record);
        self.write(now_ms)
    }

    /// Who has this key, if it is still good; `version_of` says what is so of a user now.
    pub(crate) fn admit(
        &mut self,
        digest: &str,
        now_ms: u64,
        version_of: impl FnOnce(&str) -> Option<String>,
    ) -> Option<(SessionRecord, Streams)> {
        let session = self.open.get_mut(digest)?;
        // A clock that was set back takes its times along: it gets no older, and lasts no longer than it may in all.
        let back = session.used_ms.saturating_sub(now_ms);
        for time in [&mut session.began_ms, &mut session.used_ms, &mut session.until_ms] {
            *time = time.saturating_sub(back);
        }
        let is_in_time =
            now_ms < session.until_ms && now_ms.saturating_sub(session.used_ms) < IDLE_MS;
        let is_same = session.version.is_none() || session.version == version_of(&session.name);
        if !(is_in_time && is_same) {
            self.end(digest, now_ms);
            return None;
        }
        session.used_ms = now_ms;
        let found = session.clone();
        if now_ms.abs_diff(self.written_ms) > WRITE_EVERY_MS {
            // The next use writes again.
            self.write(now_ms).ok();
        }
        Some((found, self.streams(digest)))
    }

    /// The streams of who has the key of this digest.
    pub(crate) fn streams(&mut self, digest: &str) -> Streams {
        let (_, streams) = self.streams.entry(digest.into()).or_insert_with(|| {
            let (alive, ended) = watch::channel(());
            (alive, Streams { free: Arc::new(Semaphore::new(STREAMS)), ended })
        });
        streams.clone()
    }

    /// Ends the streams of all that are neither signed in nor known otherwise.
    pub(crate) fn end_streams(&mut self, is_known: impl Fn(&str) -> bool) {
        let open = &self.open;
        self.streams.retain(|digest, _| open.contains_key(digest) || is_known(digest));
    }

    /// Ends one; whether there was one. Its streams end, too.
    pub(crate) fn end(&mut self, digest: &str, now_ms: u64) -> bool {
        self.streams.remove(digest);
        let was = self.open.remove(digest).is_some();
        if was {
            // In memory it has ended in any case.
            self.write(now_ms).ok();
        }
        was
    }

    /// Ends those that are wanted; says how many.
    pub(crate) fn end_of(&mut self, wanted: impl Fn(&SessionRecord) -> bool, now_ms: u64) -> usize {
        let digests = self.open.iter().filter(|(_, session)| wanted(session));
        let digests: Vec<String> = digests.map(|(digest, _)| digest.clone()).collect();
        digests.iter().filter(|digest| self.end(digest, now_ms)).count()
    }

    /// All, for people.
    pub(crate) fn list(&self, now_ms: u64) -> Vec<SessionView> {
        let open = self.open.values().filter(|session| now_ms < session.until_ms);
        let view = |session: &SessionRecord| SessionView {
            id: session.id.clone(),
            name: session.name.clone(),
            role: session.role,
            apps: session.apps.clone(),
            from: session.from.clone(),
            began_ms: session.began_ms,
            used_ms: session.used_ms,
            by_link: session.version.is_none(),
        };
        open.map(view).collect()
    }

    fn write(&mut self, now_ms: u64) -> io::Result<()> {
        self.open.retain(|_, session| now_ms < session.until_ms);
        store::save(&self.path, &self.open)?;
        self.written_ms = now_ms;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: Option<&str>) -> SessionRecord {
        SessionRecord {
            id: "1".into(),
            name: "ann".into(),
            role: Role::Viewer,
            apps: AppPattern::default(),
            version: version.map(String::from),
            from: "127.0.0.1".into(),
            began_ms: 1000,
            used_ms: 1000,
            until_ms: 1000 + LONGEST_MS,
        }
    }

    fn sessions(version: Option<&str>) -> (tempfile::TempDir, Sessions) {
        let folder = tempfile::tempdir().unwrap();
        let mut sessions = Sessions::open(folder.path().join("sessions.json"));
        sessions.add("key".into(), record(version)).unwrap();
        (folder, sessions)
    }

    #[test]
    fn a_session_ends_unused_and_old() {
        let (_folder, mut all) = sessions(None);
        assert!(all.admit("other", 1000, |_| None).is_none());
        assert!(all.admit("key", 1000 + IDLE_MS - 1, |_| None).is_some());
        assert!(all.admit("key", 1000 + 2 * IDLE_MS - 2, |_| None).is_some(), "it was used");
        assert!(all.admit("key", 1000 + 3 * IDLE_MS, |_| None).is_none(), "unused");
        assert!(all.admit("key", 1000, |_| None).is_none(), "it is gone");
        let (_folder, mut all) = sessions(None);
        let mut now = 1000;
        while now + IDLE_MS / 2 < 1000 + LONGEST_MS {
            now += IDLE_MS / 2;
            assert!(all.admit("key", now, |_| None).is_some());
        }
        assert!(all.admit("key", 1000 + LONGEST_MS, |_| None).is_none(), "old");
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_session_last_longer() {
        let (folder, mut all) = sessions(None);
        // It began while the clock was ten years ahead.
        let ahead = 10 * 365 * 24 * 3_600_000;
        assert!(all.admit("key", 1000 + LONGEST_MS - IDLE_MS, |_| None).is_none(), "unused");
        let begun = SessionRecord {
            began_ms: ahead,
            used_ms: ahead,
            until_ms: ahead + LONGEST_MS,
            ..record(None)
        };
        all.add("key".into(), begun).unwrap();
        let mut now = 5000;
        let (session, _) = all.admit("key", now, |_| None).unwrap();
        assert_eq!((session.began_ms, session.until_ms), (now, now + LONGEST_MS));
        while now + IDLE_MS / 2 < 5000 + LONGEST_MS {
            now += IDLE_MS / 2;
            assert!(all.admit("key", now, |_| None).is_some());
        }
        let mut again = Sessions::open(folder.path().join("sessions.json"));
        assert!(again.admit("key", now, |_| None).is_some(), "what was used is written down");
        assert!(all.admit("key", 5000 + LONGEST_MS, |_| None).is_none(), "old");
    }

    #[test]
    fn a_session_lasts_as_long_as_its_user_is_the_same() {
        let (folder, mut all) = sessions(Some("v1"));
        assert!(all.admit("key", 2000, |_| Some("v1".into())).is_some());
        let mut again = Sessions::open(folder.path().join("sessions.json"));
        assert!(again.admit("key", 2000, |_| Some("v1".into())).is_some(), "it was kept");
        let (_, streams) = all.admit("key", 2000, |_| Some("v1".into())).unwrap();
        assert!(all.admit("key", 2000, |_| Some("v2".into())).is_none());
        assert!(streams.ended.has_changed().is_err(), "what is open ends");
        let mut again = Sessions::open(folder.path().join("sessions.json"));
        assert!(again.admit("key", 2000, |_| Some("v1".into())).is_none(), "for good");
    }
}
