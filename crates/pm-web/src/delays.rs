//! Guessing takes time: after five failures of a name or from an address each further one makes the next wait, up to a
//! quarter of an hour. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So many failures are a person's.
const FREE: u32 = 5;
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(15);

/// Names and addresses that are remembered; beyond that the one that failed longest ago is forgotten.
const MOST: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self) -> Duration {
        let Some(doublings) = self.count.checked_sub(FREE) else { return Duration::ZERO };
        FIRST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST)
    }
}

/// Who failed how often.
#[derive(Debug, Default)]
pub(crate) struct Delays(BTreeMap<String, Failures>);

impl Delays {
    /// Counts an attempt under these keys as failed, before it is known, so that many at once don't pass; or says how
    /// long none is heard.
    pub(crate) fn attempt(&mut self, keys: [&str; 2], now: Instant) -> Result<(), Duration> {
        let left = |key: &str| {
            let failures = self.0.get(key)?;
            failures.wait().checked_sub(now.saturating_duration_since(failures.last))
        };
        if let Some(left) = keys.into_iter().filter_map(left).max().filter(|left| !left.is_zero()) {
            return Err(left);
        }
        for key in keys {
            let failures = self.0.entry(key.into()).or_insert(Failures { count: 0, last: now });
            // After a quiet hour one begins anew.
            if now.saturating_duration_since(failures.last) > LONGEST * 4 {
                failures.count = 0;
            }
            *failures = Failures { count: failures.count.saturating_add(1), last: now };
        }
        if self.0.len() > MOST {
            let oldest = self.0.iter().min_by_key(|(_, failures)| failures.last);
            let oldest = oldest.map(|(key, _)| key.clone()).unwrap_or_default();
            self.0.remove(&oldest);
        }
        Ok(())
    }

    /// An attempt under these keys was right after all.
    pub(crate) fn succeeded(&mut self, keys: [&str; 2]) {
        for key in keys {
            self.0.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_free_then_it_takes_longer_and_longer() {
        let start = Instant::now();
        let mut delays = Delays::default();
        let keys = ["name ann", "from 1"];
        for _ in 0..5 {
            delays.attempt(keys, start).unwrap();
        }
        assert_eq!(delays.attempt(keys, start), Err(FIRST));
        let other = ["name bob", "from 1"];
        assert_eq!(delays.attempt(other, start), Err(FIRST), "by address");
        assert_eq!(delays.attempt(["name ann", "from 2"], start), Err(FIRST), "by name");
        assert_eq!(delays.attempt(["name bob", "from 2"], start), Ok(()));
        let mut now = start + FIRST;
        for _ in 0..20 {
            delays.attempt(keys, now).unwrap();
            now += delays.attempt(keys, now).unwrap_err();
        }
        delays.attempt(keys, now).unwrap();
        assert_eq!(delays.attempt(keys, now), Err(LONGEST), "no longer than that");
        delays.succeeded(keys);
        assert_eq!(delays.attempt(keys, now), Ok(()));
    }
}
