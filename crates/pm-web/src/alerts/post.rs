//! Makes messages of news: what comes within half a minute is one, at night none, and no more than so many a day. Pure.

use serde::{Deserialize, Serialize};

use super::watchman::AlertNews;

/// So long a message waits for more, in ms.
const TOGETHER: u64 = 30_000;

/// A message has so many lines; the rest is a number.
const MOST: usize = 50;

/// When not to disturb, in minutes of the day, and how many messages a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PostRules {
    pub(crate) quiet: Option<(u16, u16)>,
    pub(crate) cap: u32,
}

/// The time of the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalMoment {
    /// Days, from any beginning.
    pub(crate) day: i64,
    /// Of the day.
    pub(crate) minute: u16,
}

/// What is to be said at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AlertMessage {
    pub(crate) news: Vec<AlertNews>,
    /// News that are not told, because there were too many.
    pub(crate) left_out: u32,
    /// No more is said today.
    pub(crate) is_last: bool,
}

/// What waits, and what was said today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct AlertPost {
    #[serde(default)]
    waiting: Vec<AlertNews>,
    #[serde(default)]
    since_ms: u64,
    #[serde(default)]
    day: i64,
    #[serde(default)]
    sent: u32,
    #[serde(default)]
    left_out: u32,
}

impl AlertPost {
    /// More to tell.
    pub(crate) fn add(&mut self, news: Vec<AlertNews>, now_ms: u64) {
        if self.waiting.is_empty() && !news.is_empty() {
            self.since_ms = now_ms;
        }
        self.waiting.extend(news);
    }

    /// The message that is due.
    pub(crate) fn due(
        &mut self,
        rules: PostRules,
        now_ms: u64,
        now: LocalMoment,
    ) -> Option<AlertMessage> {
        // A clock that was set back makes nobody wait.
        self.since_ms = self.since_ms.min(now_ms);
        if self.next_at(rules, now_ms, now)? > now_ms {
            return None;
        }
        if self.day != now.day {
            (self.day, self.sent) = (now.day, 0);
        }
        let mut news = std::mem::take(&mut self.waiting);
        let count = |all: usize| u32::try_from(all).unwrap_or(u32::MAX);
        if self.sent >= rules.cap {
            self.left_out = self.left_out.saturating_add(count(news.len()));
            return None;
        }
        self.sent += 1;
        let more = count(news.len().saturating_sub(MOST));
        news.truncate(MOST);
        let left_out = std::mem::take(&mut self.left_out).saturating_add(more);
        Some(AlertMessage { news, left_out, is_last: self.sent == rules.cap })
    }

    /// When there is something to say, in ms since 1970.
    pub(crate) fn next_at(&self, rules: PostRules, now_ms: u64, now: LocalMoment) -> Option<u64> {
        if self.waiting.is_empty() {
            return None;
        }
        let together = self.since_ms.min(now_ms) + TOGETHER;
        let quiet = rules.quiet.map_or(0, |quiet| minutes_left(quiet, now.minute));
        let awake = if quiet > 0 { now_ms + u64::from(quiet) * 60_000 } else { 0 };
        Some(together.max(awake))
    }
}

/// How long it is still quiet; a time that ends before it begins goes over midnight.
fn minutes_left((from, to): (u16, u16), minute: u16) -> u16 {
    const DAY: u16 = 24 * 60;
    let length = (to + DAY - from) % DAY;
    let into = (minute + DAY - from) % DAY;
    length.saturating_sub(into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(count: usize) -> Vec<AlertNews> {
        let one = AlertNews {
            rule: "errored".into(),
            app: "web".into(),
            namespace: "default".into(),
            id: 0,
            is_raised: true,
            detail: String::new(),
            at_ms: 0,
            since_ms: 0,
        };
        vec![one; count]
    }

    const NOON: LocalMoment = LocalMoment { day: 1, minute: 720 };
    const RULES: PostRules = PostRules { quiet: None, cap: 3 };

    #[test]
    fn what_comes_together_is_one_message() {
        let mut post = AlertPost::default();
        assert_eq!(post.next_at(RULES, 0, NOON), None);
        post.add(news(1), 1000);
        post.add(news(2), 20_000);
        assert_eq!(post.due(RULES, 30_999, NOON), None);
        assert_eq!(post.next_at(RULES, 30_999, NOON), Some(31_000));
        assert_eq!(post.due(RULES, 31_000, NOON).unwrap().news.len(), 3);
        assert_eq!(post.due(RULES, 99_000, NOON), None);
        post.add(news(80), 100_000);
        let flood = post.due(RULES, 130_000, NOON).unwrap();
        assert_eq!((flood.news.len(), flood.left_out), (MOST, 30));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait() {
        let mut post = AlertPost::default();
        post.add(news(1), 90_000_000);
        assert_eq!(post.due(RULES, 1000, NOON), None);
        assert_eq!(post.due(RULES, 1000 + TOGETHER, NOON).unwrap().news.len(), 1);
    }

    #[test]
    fn the_last_one_of_a_day_says_so_and_the_next_day_what_was_left_out() {
        let mut post = AlertPost::default();
        let said = |post: &mut AlertPost, at: u64, day: i64| {
            post.add(news(2), at);
            post.due(RULES, at + TOGETHER, LocalMoment { day, minute: 0 })
                .map(|message| (message.left_out, message.is_last))
        };
        assert_eq!(said(&mut post, 0, 1), Some((0, false)));
        assert_eq!(said(&mut post, 100_000, 1), Some((0, false)));
        assert_eq!(said(&mut post, 200_000, 1), Some((0, true)));
        assert_eq!(said(&mut post, 300_000, 1), None);
        assert_eq!(said(&mut post, 400_000, 1), None);
        assert_eq!(said(&mut post, 500_000, 2), Some((4, false)));
    }

    #[test]
    fn at_night_news_waits() {
        let quiet = PostRules { quiet: Some((23 * 60, 7 * 60)), ..RULES };
        for (minute, left) in [(22 * 60 + 59, 0), (23 * 60, 480), (0, 420), (419, 1), (420, 0)] {
            assert_eq!(minutes_left((23 * 60, 7 * 60), minute), left, "{minute}");
        }
        assert_eq!(minutes_left((60, 120), 90), 30);
        assert_eq!(minutes_left((60, 60), 60), 0, "no time at all");
        let mut post = AlertPost::default();
        post.add(news(1), 0);
        let night = LocalMoment { day: 1, minute: 6 * 60 };
        assert_eq!(post.due(quiet, 40_000, night), None);
        assert_eq!(post.next_at(quiet, 40_000, night), Some(40_000 + 3_600_000));
        let morning = LocalMoment { day: 1, minute: 7 * 60 };
        assert!(post.due(quiet, 40_000 + 3_600_000, morning).is_some());
    }
}
