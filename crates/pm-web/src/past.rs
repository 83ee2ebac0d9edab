//! What is known of the past of an instance: read from its ring, by whoever may read the home.

use std::io;
use std::path::{Path, PathBuf};

use pm_protocol::Home;
use pm_spec::AppName;

use crate::ring::{HistoryTier, RingFile, STEP_MS};
use crate::step::{Spread, StepRecord};

/// Points that are shown at once, at most.
const MOST_POINTS: u64 = 3000;

/// Figures over a time, a record for each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageHistory {
    /// How far apart they are.
    pub tier: HistoryTier,
    /// When the first step begins, in ms since 1970.
    pub begin_ms: u64,
    /// Records without samples are gaps.
    pub steps: Vec<StepRecord>,
    /// When it was started again, to five minutes or a step, and how often.
    pub restarts: Vec<(u64, u16)>,
}

/// The folder of the rings.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("web").join("history")
}

/// The file of one instance.
pub(crate) fn file(root: &Path, name: &str, slot: u16) -> Option<PathBuf> {
    let name = AppName::parse(name).ok()?.in_file_names();
    Some(folder(root).join(format!("{name}.{slot}")))
}

impl UsageHistory {
    /// The finest that is known of this time, in as many points as can be shown, so far apart at least; `None`: nothing was
    /// ever written.
    pub fn read(
        home: &Home,
        (name, slot): (&str, u16),
        (since_ms, until_ms): (u64, u64),
        least_step_ms: u64,
    ) -> io::Result<Option<Self>> {
        let Some(path) = file(home.root(), name, slot) else { return Ok(None) };
        let ring = match RingFile::open(&path) {
            Ok(Some(ring)) => ring,
            Ok(None) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let steps = since_ms / STEP_MS..until_ms.div_ceil(STEP_MS);
        let fits = |tier: &HistoryTier| {
            let points = steps.end.saturating_sub(steps.start) / tier.steps();
            // Enough of them, and none that has been written over.
            points <= MOST_POINTS
                && ring.known(*tier, 0..steps.end).start * tier.steps() <= steps.start
        };
        let mut tiers = HistoryTier::ALL.into_iter().filter(|it| it.step_ms() >= least_step_ms);
        let tier = tiers.find(fits).unwrap_or(HistoryTier::Coarse);
        let places = ring.known(tier, steps.clone());
        let begin_ms = places.start * tier.step_ms();
        let counted = if tier == HistoryTier::Fine { HistoryTier::Middle } else { tier };
        let counts = ring.known(counted, steps);
        let restarts = counts.clone().zip(ring.read(counted, counts)?);
        let restarts = restarts.map(|(place, it)| (place * counted.step_ms(), it.restarts));
        let restarts = restarts.filter(|(at, count)| *count > 0 && *at >= since_ms).collect();
        Ok(Some(Self { tier, begin_ms, steps: ring.read(tier, places)?, restarts }))
    }

    /// When the step of this number begins, in ms since 1970.
    pub fn at_ms(&self, index: usize) -> u64 {
        self.begin_ms + u64::try_from(index).unwrap_or(0) * self.tier.step_ms()
    }

    /// Least, mean and most of each step, in per cent of one core; `None`: nobody looked.
    pub fn cpu(&self) -> Vec<Option<[f64; 3]>> {
        self.figures(|it| it.cpu, |tenths| f64::from(tenths) / 10.0)
    }

    /// Least, mean and most of each step, in bytes; `None`: nobody looked.
    pub fn memory(&self) -> Vec<Option<[u64; 3]>> {
        self.figures(|it| it.memory, |kib| u64::from(kib) << 10)
    }

    fn figures<T>(&self, of: fn(&StepRecord) -> Spread, unit: fn(u32) -> T) -> Vec<Option<[T; 3]>> {
        let figure = |it: &StepRecord| {
            let Spread { min, avg, max } = of(it);
            (it.samples > 0).then(|| [min, avg, max].map(unit))
        };
        self.steps.iter().map(figure).collect()
    }
}
