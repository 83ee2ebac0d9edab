//! What lets in once: links, made by who has a shell and good for ten minutes, and tickets for a download. Kept in memory only.

use std::time::{Duration, Instant};

use crate::app_pattern::AppPattern;
use crate::roles::Role;
use crate::secret::is_same;

/// So long a link is good.
pub(crate) const GOOD_FOR: Duration = Duration::from_mins(10);

/// So long a ticket for a download is.
pub(crate) const TICKET_GOOD_FOR: Duration = Duration::from_secs(30);

/// More are not open at once: the oldest goes.
const MOST: usize = 64;

/// Who comes by a link.
#[derive(Clone, Debug)]
pub(crate) struct LinkGuest {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) apps: AppPattern,
    /// How long the session it opens lasts at most.
    pub(crate) stays: Option<Duration>,
}

#[derive(Debug)]
struct OpenLink<T> {
    digest: String,
    to: T,
    until: Instant,
}

/// Those nobody has used yet, and to what they lead.
#[derive(Debug)]
pub(crate) struct OpenLinks<T> {
    open: Vec<OpenLink<T>>,
    good_for: Duration,
}

impl<T> OpenLinks<T> {
    /// Each of them is good for so long.
    pub(crate) fn new(good_for: Duration) -> Self {
        Self { open: Vec::new(), good_for }
    }

    /// One more.
    pub(crate) fn add(&mut self, digest: String, to: T, now: Instant) {
        self.open.retain(|link| now < link.until);
        if self.open.len() >= MOST {
            self.open.remove(0);
        }
        self.open.push(OpenLink { digest, to, until: now + self.good_for });
    }

    /// Uses one up. All are compared, whichever it is.
    pub(crate) fn take(&mut self, digest: &str, now: Instant) -> Option<T> {
        self.open.retain(|link| now < link.until);
        let mut found = None;
        for (index, link) in self.open.iter().enumerate() {
            if is_same(link.digest.as_bytes(), digest.as_bytes()) {
                found = Some(index);
            }
        }
        found.map(|index| self.open.remove(index).to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> LinkGuest {
        LinkGuest { name: "a".into(), role: Role::Admin, apps: AppPattern::default(), stays: None }
    }

    #[test]
    fn a_link_is_good_once_and_for_ten_minutes() {
        let now = Instant::now();
        let mut links = OpenLinks::new(GOOD_FOR);
        links.add("one".into(), guest(), now);
        links.add("two".into(), guest(), now);
        assert!(links.take("three", now).is_none());
        assert!(links.take("one", now).is_some());
        assert!(links.take("one", now).is_none(), "once");
        assert!(links.take("two", now + GOOD_FOR).is_none(), "late");
    }

    #[test]
    fn links_do_not_pile_up() {
        let now = Instant::now();
        let mut links = OpenLinks::new(GOOD_FOR);
        (0..=MOST).for_each(|number| links.add(number.to_string(), guest(), now));
        assert!(links.take("0", now).is_none() && links.take("1", now).is_some());
    }
}
