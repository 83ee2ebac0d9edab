//! Numbers that can be had again.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator (splitmix64): small, and the same everywhere.
#[derive(Clone, Debug)]
pub(super) struct Seed(u64);

impl Seed {
    /// `PM_SEED`, else the clock; printed, for the day it is needed.
    #[expect(clippy::print_stderr, reason = "shown when the test fails")]
    pub(super) fn new() -> Self {
        let given = std::env::var("PM_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            now.as_secs() << 20 ^ u64::from(now.subsec_nanos())
        });
        eprintln!("seed: PM_SEED={seed}");
        Self(seed)
    }

    /// Another generator, independent of this one from now on.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` up to but not including `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }
}
