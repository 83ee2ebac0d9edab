//! `TICK_5` and its like: nothing wakes for them where nobody wants them.

use super::backlog::PoolEvent;

/// The kinds there are, and the seconds of each.
const KINDS: [(&str, u64); 3] = [("TICK_5", 5), ("TICK_60", 60), ("TICK_3600", 3600)];

/// Those that are wanted, each with its next moment, in s since 1970.
#[derive(Debug)]
pub(super) struct PoolTicks(Vec<(&'static str, u64, u64)>);

impl PoolTicks {
    pub(super) fn of(wanted: &[String], now: u64) -> Self {
        let is_wanted =
            |kind: &str| wanted.iter().any(|it| it == kind || it == "TICK" || it == "EVENT");
        let all = KINDS.into_iter().filter(|(kind, _)| is_wanted(kind));
        Self(all.map(|(kind, period)| (kind, period, after(now, period))).collect())
    }

    /// When the next one is, in ms since 1970.
    pub(super) fn next(&self) -> Option<u64> {
        self.0.iter().map(|(_, _, at)| at * 1000).min()
    }

    /// Those whose time has come.
    pub(super) fn due(&mut self, now: u64) -> Vec<PoolEvent> {
        let due = self.0.iter_mut().filter(|(_, _, at)| at * 1000 <= now);
        let due = due.map(|(kind, period, at)| {
            let last = now / 1000 / *period * *period;
            *at = after(now, *period);
            PoolEvent::new(kind, format!("when:{last}"))
        });
        due.collect()
    }
}

const fn after(now: u64, period: u64) -> u64 {
    (now / 1000 / period + 1) * period
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_at_multiples_of_their_periods() {
        let mut ticks = PoolTicks::of(&["TICK_5".into(), "TICK_60".into()], 57_300);
        assert_eq!(ticks.next(), Some(60_000));
        assert!(ticks.due(59_999).is_empty());
        let due: Vec<_> = ticks.due(61_000).into_iter().map(|it| (it.kind, it.payload)).collect();
        assert_eq!(
            due,
            [("TICK_5".into(), "when:60".into()), ("TICK_60".into(), "when:60".into())]
        );
        assert_eq!(ticks.next(), Some(65_000));
        assert_eq!(PoolTicks::of(&["PROCESS_STATE".into()], 0).next(), None);
    }
}
