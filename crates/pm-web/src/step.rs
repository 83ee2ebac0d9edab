//! What was seen within one step of time, and how it is written down. Pure.

/// Figures of one instance at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsageSample {
    /// Tenths of a per cent of one core.
    pub(crate) cpu: u16,
    /// KiB.
    pub(crate) memory: u32,
    pub(crate) processes: u16,
}

/// The least, the mean and the most of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// The least that was seen.
    pub min: u32,
    /// The mean.
    pub avg: u32,
    /// The most.
    pub max: u32,
}

/// What is known of one step of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepRecord {
    /// How often somebody looked; 0: a gap.
    pub samples: u16,
    /// How often it was started again; the finest steps don't say it.
    pub restarts: u16,
    /// The most processes.
    pub processes: u16,
    /// Tenths of a per cent of one core.
    pub cpu: Spread,
    /// KiB.
    pub memory: Spread,
}

/// A sum in the making.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepSum {
    samples: u64,
    restarts: u64,
    processes: u16,
    cpu: Sum,
    memory: Sum,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    min: u32,
    all: u64,
    max: u32,
}

impl Sum {
    fn one(value: u32) -> Self {
        Self { min: value, all: value.into(), max: value }
    }

    fn of(spread: Spread, samples: u64) -> Self {
        Self { min: spread.min, all: u64::from(spread.avg) * samples, max: spread.max }
    }

    fn spread(self, samples: u64) -> Spread {
        let mean = (self.all + samples / 2).checked_div(samples).unwrap_or(0);
        let avg = u32::try_from(mean).unwrap_or(u32::MAX).clamp(self.min, self.max.max(self.min));
        Spread { min: self.min, avg, max: self.max }
    }
}

impl StepSum {
    /// One look.
    pub(crate) fn of(sample: UsageSample) -> Self {
        Self {
            samples: 1,
            restarts: 0,
            processes: sample.processes,
            cpu: Sum::one(sample.cpu.into()),
            memory: Sum::one(sample.memory),
        }
    }

    /// So many starts, which nobody has to have looked at.
    pub(crate) fn restarts(restarts: u32) -> Self {
        Self { restarts: restarts.into(), ..Self::default() }
    }

    /// Both together.
    pub(crate) fn join(&mut self, other: &Self) {
        let (mine, theirs) = (self.samples, other.samples);
        let joined = |a: Sum, b: Sum| match (mine, theirs) {
            (0, _) => b,
            (_, 0) => a,
            _ => Sum {
                min: a.min.min(b.min),
                all: a.all.saturating_add(b.all),
                max: a.max.max(b.max),
            },
        };
        (self.cpu, self.memory) = (joined(self.cpu, other.cpu), joined(self.memory, other.memory));
        self.samples = mine.saturating_add(theirs);
        self.restarts = self.restarts.saturating_add(other.restarts);
        self.processes = self.processes.max(other.processes);
    }

    /// As it is written down.
    pub(crate) fn record(&self) -> StepRecord {
        let short = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
        StepRecord {
            samples: short(self.samples),
            restarts: short(self.restarts),
            processes: self.processes,
            cpu: self.cpu.spread(self.samples),
            memory: self.memory.spread(self.samples),
        }
    }
}

impl From<StepRecord> for StepSum {
    fn from(record: StepRecord) -> Self {
        let samples = record.samples.into();
        Self {
            samples,
            restarts: record.restarts.into(),
            processes: record.processes,
            cpu: Sum::of(record.cpu, samples),
            memory: Sum::of(record.memory, samples),
        }
    }
}

impl StepRecord {
    /// Mean CPU, mean memory and processes; those of nobody are 0.
    pub(crate) fn to_fine(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..2].copy_from_slice(&short(self.cpu.avg));
        bytes[2..6].copy_from_slice(&self.memory.avg.to_le_bytes());
        // Who was looked at has a process at least.
        let processes = if self.samples == 0 { 0 } else { self.processes.max(1) };
        bytes[6..].copy_from_slice(&processes.to_le_bytes());
        bytes
    }

    /// Reads what `to_fine` wrote, or whatever stands there.
    pub(crate) fn from_fine(bytes: &[u8]) -> Self {
        let (cpu, memory) = (u32::from(two(bytes, 0)), four(bytes, 2));
        let processes = two(bytes, 6);
        if processes == 0 {
            return Self::default();
        }
        let flat = |value| Spread { min: value, avg: value, max: value };
        Self { samples: 1, restarts: 0, processes, cpu: flat(cpu), memory: flat(memory) }
    }

    pub(crate) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        let short_ones = [self.cpu.min, self.cpu.avg, self.cpu.max];
        for (at, value) in short_ones.into_iter().enumerate() {
            bytes[2 * at..][..2].copy_from_slice(&short(value));
        }
        for (at, value) in [self.memory.min, self.memory.avg, self.memory.max].iter().enumerate() {
            bytes[6 + 4 * at..][..4].copy_from_slice(&value.to_le_bytes());
        }
        for (at, value) in [self.restarts, self.samples, self.processes].iter().enumerate() {
            bytes[18 + 2 * at..][..2].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Reads what `to_bytes` wrote, or whatever stands there: it makes sense at least.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let sound = |min: u32, avg: u32, max: u32| {
            let max = max.max(min);
            Spread { min, avg: avg.clamp(min, max), max }
        };
        let cpu = |at| u32::from(two(bytes, at));
        let (restarts, samples) = (two(bytes, 18), two(bytes, 20));
        if samples == 0 {
            return Self { restarts, ..Self::default() };
        }
        Self {
            samples,
            restarts,
            processes: two(bytes, 22),
            cpu: sound(cpu(0), cpu(2), cpu(4)),
            memory: sound(four(bytes, 6), four(bytes, 10), four(bytes, 14)),
        }
    }
}

fn short(value: u32) -> [u8; 2] {
    u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes()
}

fn two(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|it| it.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn four(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_le_bytes)
}
