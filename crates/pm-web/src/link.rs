//! One-time links: made by who has a shell, good for ten minutes and one use, kept in memory only.

use std::time::{Duration, Instant};

use crate::app_pattern::AppPattern;
use crate::roles::Role;
use crate::secret::is_same;

/// So long a link is good.
pub(crate) const GOOD_FOR: Duration = Duration::from_mins(10);

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
struct OpenLink {
    digest: String,
    guest: LinkGuest,
    until: Instant,
}

/// The links nobody has used yet.
#[derive(Debug, Default)]
pub(crate) struct OpenLinks(Vec<OpenLink>);

impl OpenLinks {
    /// One more.
    pub(crate) fn add(&mut self, digest: String, guest: LinkGuest, now: Instant) {
        self.0.retain(|link| now < link.until);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(OpenLink { digest, guest, until: now + GOOD_FOR });
    }

    /// Uses one up. All are compared, whichever it is.
    pub(crate) fn take(&mut self, digest: &str, now: Instant) -> Option<LinkGuest> {
        self.0.retain(|link| now < link.until);
        let mut found = None;
        for (index, link) in self.0.iter().enumerate() {
            if is_same(link.digest.as_bytes(), digest.as_bytes()) {
                found = Some(index);
            }
        }
        found.map(|index| self.0.remove(index).guest)
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
        let mut links = OpenLinks::default();
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
        let mut links = OpenLinks::default();
        (0..=MOST).for_each(|number| links.add(number.to_string(), guest(), now));
        assert!(links.take("0", now).is_none() && links.take("1", now).is_some());
    }
}
