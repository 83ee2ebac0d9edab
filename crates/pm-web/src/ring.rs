//! Figures of one instance in a file that never grows: a ring for each of three steps of time. A step's place is its number
//! since 1970, so that nothing is ever moved. What is written comes before the header that says so: who is killed in between
//! has not written it. Pure but for the file.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::step::{StepRecord, StepSum};

/// The shortest step, in ms since 1970.
pub(crate) const STEP_MS: u64 = 30_000;

const MAGIC: &[u8; 8] = b"pmhist1\n";
const HEADER: usize = 64;
/// A file has this size from the beginning, and takes what is written of it.
const SIZE: u64 = 235_072;

/// How far apart the points of a ring are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryTier {
    /// 30 s, for 24 h.
    Fine,
    /// 5 min, for 14 days.
    Middle,
    /// 2 h, for 400 days.
    Coarse,
}

impl HistoryTier {
    /// All of them, finest first.
    pub const ALL: [Self; 3] = [Self::Fine, Self::Middle, Self::Coarse];

    /// How many of the shortest steps one of these has.
    pub(crate) const fn steps(self) -> u64 {
        match self {
            Self::Fine => 1,
            Self::Middle => 10,
            Self::Coarse => 240,
        }
    }

    /// Of one point, in ms.
    pub const fn step_ms(self) -> u64 {
        self.steps() * STEP_MS
    }

    /// Places of the ring.
    pub(crate) const fn places(self) -> u64 {
        match self {
            Self::Fine => 2880,
            Self::Middle => 4032,
            Self::Coarse => 4800,
        }
    }

    /// The oldest places may hold what a writer that was killed had begun: they are not read.
    const fn margin(self) -> u64 {
        match self {
            Self::Fine => 24,
            Self::Middle => 4,
            Self::Coarse => 2,
        }
    }

    /// Bytes of one place.
    const fn record(self) -> usize {
        match self {
            Self::Fine => 8,
            Self::Middle | Self::Coarse => 24,
        }
    }

    /// Where the ring is in the file.
    pub(crate) const fn area(self) -> Range<u64> {
        let (begin, end) = match self {
            Self::Fine => (64, 23_104),
            Self::Middle => (23_104, 119_872),
            Self::Coarse => (119_872, SIZE),
        };
        begin..end
    }
}

/// Why a file was begun anew, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BegunAnew {
    /// There was none.
    Missing,
    /// It was no ring, or half of one.
    Garbled,
}

/// An open ring.
#[derive(Debug)]
pub(crate) struct RingFile {
    file: File,
    /// The last of the shortest steps that was written; 0: none.
    last: u64,
}

impl RingFile {
    /// Opens one to read it; `None`: it is none.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let last = header(&file)?;
        Ok(last.map(|last| Self { file, last }))
    }

    /// Opens one to write it; what can't be one is begun anew.
    pub(crate) fn to_write(path: &Path) -> io::Result<(Self, Option<BegunAnew>)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path)?;
        if let Some(last) = header(&file)? {
            return Ok((Self { file, last }, None));
        }
        let why = if file.metadata()?.len() == 0 { BegunAnew::Missing } else { BegunAnew::Garbled };
        file.set_len(0)?;
        file.set_len(SIZE)?;
        Ok((Self { file, last: 0 }, Some(why)))
    }

    /// Writes what was seen, in the order in which it was seen. A clock that was put back takes with it what had been
    /// written of the time that has not come; of the step into which it was put back nothing is taken away.
    pub(crate) fn write(&mut self, seen: &[(u64, StepSum)]) -> io::Result<()> {
        for run in seen.chunk_by(|(before, _), (after, _)| before < after) {
            let (Some((first, _)), Some((newest, _))) = (run.first(), run.last()) else { continue };
            for tier in HistoryTier::ALL {
                self.forget(tier, *first)?;
            }
            self.last = self.last.min(*first);
            for tier in HistoryTier::ALL {
                self.write_tier(tier, run)?;
            }
            self.last = *newest;
        }
        self.file.write_all_at(&written_header(self.last), 0)
    }

    /// Clears what is later than this step.
    fn forget(&self, tier: HistoryTier, first: u64) -> io::Result<()> {
        let (now, until) = (first / tier.steps(), self.last / tier.steps());
        let later = until.saturating_sub(now).min(tier.places());
        if later == 0 {
            return Ok(());
        }
        self.put(tier, until + 1 - later, &vec![0; len(later) * tier.record()])
    }

    fn write_tier(&self, tier: HistoryTier, run: &[(u64, StepSum)]) -> io::Result<()> {
        let place = |step: u64| step / tier.steps();
        let (first, newest) = (place(run[0].0), place(run[run.len() - 1].0));
        let known = if self.last == 0 { None } else { Some(place(self.last)) };
        // What nobody saw is a gap.
        let begin = known.map_or(first, |known| first.min(known + 1));
        let begin = begin.max((newest + 1).saturating_sub(tier.places()));
        let mut sums = vec![StepSum::default(); len(newest + 1 - begin)];
        if first >= begin
            && known.is_some_and(|known| known >= first)
            && let Some(record) = self.records(tier, first..first + 1)?.pop()
        {
            sums[len(first - begin)] = StepSum::from(record);
        }
        for (step, sum) in run {
            if let Some(index) = place(*step).checked_sub(begin) {
                sums[len(index)].join(sum);
            }
        }
        let bytes: Vec<u8> = match tier {
            HistoryTier::Fine => sums.iter().flat_map(|it| it.record().to_fine()).collect(),
            HistoryTier::Middle | HistoryTier::Coarse => {
                sums.iter().flat_map(|it| it.record().to_bytes()).collect()
            }
        };
        self.put(tier, begin, &bytes)
    }

    /// Writes records from this place on, around the end of the ring if need be.
    fn put(&self, tier: HistoryTier, place: u64, bytes: &[u8]) -> io::Result<()> {
        let at = place % tier.places();
        let room = len(tier.places() - at) * tier.record();
        let (here, over) = bytes.split_at(room.min(bytes.len()));
        self.file.write_all_at(here, offset(tier, at))?;
        if over.is_empty() { Ok(()) } else { self.file.write_all_at(over, offset(tier, 0)) }
    }

    /// The records of these places, which are at most as many as there are.
    fn records(&self, tier: HistoryTier, places: Range<u64>) -> io::Result<Vec<StepRecord>> {
        let mut bytes = vec![0; len(places.end - places.start) * tier.record()];
        let at = places.start % tier.places();
        let room = (len(tier.places() - at) * tier.record()).min(bytes.len());
        let (here, over) = bytes.split_at_mut(room);
        self.file.read_exact_at(here, offset(tier, at))?;
        if !over.is_empty() {
            self.file.read_exact_at(over, offset(tier, 0))?;
        }
        let record = |bytes: &[u8]| match tier {
            HistoryTier::Fine => StepRecord::from_fine(bytes),
            HistoryTier::Middle | HistoryTier::Coarse => StepRecord::from_bytes(bytes),
        };
        Ok(bytes.chunks_exact(tier.record()).map(record).collect())
    }

    /// The places of this time that are known; none before the oldest or after the last.
    pub(crate) fn known(&self, tier: HistoryTier, steps: Range<u64>) -> Range<u64> {
        let newest = self.last / tier.steps();
        let oldest = (newest + 1).saturating_sub(tier.places() - tier.margin());
        let begin = (steps.start / tier.steps()).max(oldest);
        let end = if self.last == 0 { 0 } else { steps.end.div_ceil(tier.steps()).min(newest + 1) };
        begin..end.max(begin)
    }

    /// What is known of them.
    pub(crate) fn read(
        &self,
        tier: HistoryTier,
        places: Range<u64>,
    ) -> io::Result<Vec<StepRecord>> {
        self.records(tier, places)
    }
}

/// The last step of a ring; `None`: it is none.
fn header(file: &File) -> io::Result<Option<u64>> {
    if file.metadata()?.len() != SIZE {
        return Ok(None);
    }
    let mut bytes = [0; HEADER];
    file.read_exact_at(&mut bytes, 0)?;
    let mut last = [0; 8];
    last.copy_from_slice(&bytes[8..16]);
    let last = u64::from_le_bytes(last);
    // Numbers so far off are no time.
    Ok((bytes == written_header(last) && last < u64::MAX / STEP_MS).then_some(last))
}

fn written_header(last: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&last.to_le_bytes());
    bytes[16..24].copy_from_slice(&(!last).to_le_bytes());
    bytes
}

const fn offset(tier: HistoryTier, place: u64) -> u64 {
    tier.area().start + place * tier.record() as u64
}

/// Places of a ring are few.
fn len(places: u64) -> usize {
    usize::try_from(places).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::UsageSample;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::fs;

    const DAY: u64 = 2880;

    fn seen(step: u64, cpu: u16) -> (u64, StepSum) {
        let memory = 1000 + u32::from(cpu);
        (step, StepSum::of(UsageSample { cpu, memory, processes: 2 }))
    }

    /// What a ring should know: all that was seen, and nothing of a time that was taken back, but for the place into which the clock
    /// was put back: from a sum nothing is taken away.
    #[derive(Debug, Default)]
    struct Model {
        written: [BTreeMap<u64, Vec<u16>>; 3],
        waiting: Vec<(u64, u16)>,
        /// The latest that was ever written: what is a whole ring older was written over by it.
        highest: u64,
    }

    impl Model {
        fn write(&mut self) {
            for (step, cpu) in std::mem::take(&mut self.waiting) {
                self.highest = self.highest.max(step);
                for (tier, written) in HistoryTier::ALL.into_iter().zip(&mut self.written) {
                    written.split_off(&((step / tier.steps() + 1) * tier.steps()));
                    written.entry(step).or_default().push(cpu);
                }
            }
        }

        /// Most, least and number of what was seen in this place.
        fn of(&self, tier: HistoryTier, place: u64) -> Option<(u32, u32, usize)> {
            let steps = place * tier.steps()..(place + 1) * tier.steps();
            let written = &self.written[tier as usize];
            let all: Vec<_> = written.range(steps).flat_map(|(_, all)| all).collect();
            let (min, max) = (**all.iter().min()?, **all.iter().max()?);
            Some((min.into(), max.into(), all.len()))
        }
    }

    #[derive(Clone, Debug)]
    enum Move {
        /// So many steps later this was seen.
        On(u64, u16),
        /// The clock was put back so far, and this was seen.
        Back(u64, u16),
        Write,
        /// The panel is killed: what waited is lost.
        Kill,
        /// It is killed in the middle of a write, before the header.
        KillWriting,
    }

    fn moves() -> impl Strategy<Value = Move> {
        prop_oneof![
            12 => (1..4_u64, 0..6000_u16).prop_map(|(on, cpu)| Move::On(on, cpu)),
            2 => (1..3 * DAY, 0..6000_u16).prop_map(|(on, cpu)| Move::On(on, cpu)),
            1 => (20 * DAY..500 * DAY, 0..6000_u16).prop_map(|(on, cpu)| Move::On(on, cpu)),
            1 => (1..2 * DAY, 0..6000_u16).prop_map(|(back, cpu)| Move::Back(back, cpu)),
            4 => Just(Move::Write),
            1 => Just(Move::Kill),
            1 => Just(Move::KillWriting),
        ]
    }

    /// Whether its last places may know more.
    #[derive(Clone, Copy)]
    struct IsTorn(bool);

    /// Everything a ring says is so, and it says everything that its places hold.
    fn compare(path: &Path, model: &Model, is_torn: IsTorn) {
        let ring = RingFile::open(path).unwrap().unwrap();
        for tier in HistoryTier::ALL {
            let places = ring.known(tier, 0..u64::MAX / STEP_MS);
            let records = ring.read(tier, places.clone()).unwrap();
            assert_eq!(places.end, ring.last / tier.steps() + 1);
            for (place, record) in places.clone().zip(records) {
                let is_gone = place + tier.places() <= model.highest / tier.steps();
                if is_gone || (is_torn.0 && place + 1 == places.end) {
                    continue;
                }
                let (least, most) = (record.cpu.min, record.cpu.max);
                let told = (record.samples > 0).then_some((least, most, record.samples.into()));
                match (tier, model.of(tier, place)) {
                    // The finest steps keep the mean of what was seen in them.
                    (HistoryTier::Fine, Some((min, max, _))) => {
                        assert!(told.is_some() && (min..=max).contains(&record.cpu.avg), "{place}");
                    }
                    (_, expected) => assert_eq!(told, expected, "{tier:?} {place}"),
                }
                assert!((least..=most).contains(&record.cpu.avg));
            }
        }
    }

    #[test]
    fn any_damaged_bit_of_the_header_is_noticed_and_a_cut_file_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.0");
        let (mut ring, _) = RingFile::to_write(&path).unwrap();
        ring.write(&[seen(50_000_000, 7)]).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let good = written_header(50_000_000);
        for (at, bit) in (0..HEADER).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            file.write_all_at(&[good[at] ^ (1 << bit)], at as u64).unwrap();
            assert!(RingFile::open(&path).unwrap().is_none(), "bit {bit} of byte {at}");
            file.write_all_at(&[good[at]], at as u64).unwrap();
        }
        assert!(RingFile::open(&path).unwrap().is_some());
        for length in [0, 1, 63, 64, 65, SIZE / 2, SIZE - 1] {
            file.set_len(length).unwrap();
            assert!(RingFile::open(&path).unwrap().is_none(), "{length} bytes");
        }
        let (_, why) = RingFile::to_write(&path).unwrap();
        assert_eq!(why, Some(BegunAnew::Garbled));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]
        #[test]
        fn a_ring_knows_what_a_model_knows(moves in prop::collection::vec(moves(), 1..80)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("web.0");
            let (mut model, mut now, mut waiting) = (Model::default(), 400 * DAY, Vec::new());
            for one in moves {
                match one {
                    Move::On(on, cpu) | Move::Back(on, cpu) => {
                        now = if matches!(one, Move::Back(..)) { now - on.min(now - 1) } else { now + on };
                        model.waiting.push((now, cpu));
                        waiting.push(seen(now, cpu));
                    }
                    Move::Write => {
                        let (mut ring, _) = RingFile::to_write(&path).unwrap();
                        ring.write(&waiting).unwrap();
                        waiting.clear();
                        model.write();
                        if ring.last > 0 {
                            compare(&path, &model, IsTorn(false));
                        }
                    }
                    Move::Kill => (waiting, model.waiting) = Default::default(),
                    Move::KillWriting => {
                        // As the thread writes: forward, and no more than five minutes.
                        let few = std::mem::take(&mut waiting);
                        model.waiting.clear();
                        let last = RingFile::open(&path).ok().flatten().map_or(0, |ring| ring.last);
                        let is_usual = few.windows(2).all(|two| two[0].0 < two[1].0)
                            && few.iter().all(|(step, _)| (last + 1..last + 20).contains(step));
                        if last > 0 && is_usual {
                            let before = fs::read(&path).unwrap();
                            RingFile::to_write(&path).unwrap().0.write(&few).unwrap();
                            let mut after = fs::read(&path).unwrap();
                            after[..HEADER].copy_from_slice(&before[..HEADER]);
                            fs::write(&path, after).unwrap();
                            compare(&path, &model, IsTorn(true));
                            fs::write(&path, before).unwrap();
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_ring_is_told_and_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.0");
        assert_eq!(RingFile::to_write(&path).unwrap().1, Some(BegunAnew::Missing));
        RingFile::to_write(&path).unwrap().0.write(&[seen(9, 7)]).unwrap();
        assert_eq!(RingFile::to_write(&path).unwrap().1, None);
        let good = fs::read(&path).unwrap();
        let mut garbled = good.clone();
        garbled[9] ^= 1;
        let far = [&written_header(u64::MAX - 1)[..], &good[HEADER..]].concat();
        let long = vec![0; 300_000];
        for bad in [&good[..100], &good[..good.len() - 1], &long, &garbled, &far, b"x"] {
            fs::write(&path, bad).unwrap();
            assert!(RingFile::open(&path).unwrap().is_none());
            let (mut ring, why) = RingFile::to_write(&path).unwrap();
            assert_eq!(why, Some(BegunAnew::Garbled));
            ring.write(&[seen(5, 3)]).unwrap();
            let steps =
                ring.read(HistoryTier::Middle, ring.known(HistoryTier::Middle, 0..9)).unwrap();
            assert_eq!((steps.len(), steps[0].cpu.max), (1, 3));
        }
        // Records that nobody wrote are figures all the same, and no panic.
        let noise: Vec<u8> =
            (0..good.len()).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
        fs::write(&path, [&written_header(1 << 40)[..], &noise[HEADER..]].concat()).unwrap();
        let mut ring = RingFile::to_write(&path).unwrap().0;
        for tier in HistoryTier::ALL {
            let steps = ring.read(tier, ring.known(tier, 0..u64::MAX / STEP_MS)).unwrap();
            assert!(
                steps.iter().all(|it| it.cpu.min <= it.cpu.avg && it.memory.avg <= it.memory.max)
            );
        }
        ring.write(&[seen((1 << 40) + 1, 3)]).unwrap();
    }

    #[test]
    fn one_busy_moment_is_seen_a_year_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.0");
        let mut ring = RingFile::to_write(&path).unwrap().0;
        ring.write(&[seen(1000, 1), seen(1001, 900), seen(1002, 1)]).unwrap();
        ring.write(&[seen(1000 + 365 * DAY, 2)]).unwrap();
        let known = ring.known(HistoryTier::Coarse, 960..1200);
        assert_eq!(ring.read(HistoryTier::Coarse, known).unwrap()[0].cpu.max, 900);
        assert!(ring.known(HistoryTier::Fine, 960..1200).is_empty());
    }
}
