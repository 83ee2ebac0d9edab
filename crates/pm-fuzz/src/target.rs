//! One decoder and what has to be true of it, whatever it is given.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::corpus;
use crate::coverage::Reached;
use crate::memory;
use crate::mutate::Mutator;

/// An input that takes longer than this in the long form is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A failing input is made smaller in so many attempts at most.
const SHRINKS: usize = 3000;

/// A decoder under hostile input. Environment: `PM_FUZZ_SEED` (a number), `PM_FUZZ_RUNS` (mutations), and
/// `PM_FUZZ_MINUTES` (the long form, which keeps what it finds).
#[derive(Debug)]
pub struct FuzzTarget {
    name: &'static str,
    samples: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
    longest: usize,
    runs: usize,
    memory: (usize, usize),
}

/// Why an input is a failure.
type InputVerdict = Result<(), String>;

impl FuzzTarget {
    /// A target with the samples of its name in `fixtures/fuzz`, one of which is empty.
    pub fn new(name: &'static str) -> Self {
        let mut samples = vec![Vec::new()];
        for kind in ["crashes", "corpus"] {
            samples.extend(corpus::read(&corpus::folder(kind, name)));
        }
        Self { name, samples, words: Vec::new(), longest: 4096, runs: 2000, memory: (64, 1 << 20) }
    }

    /// One more sample.
    #[must_use]
    pub fn sample(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.samples.push(bytes.as_ref().to_vec());
        self
    }

    /// A file, or the files of a folder, seen from the root of the repository.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn samples_in(mut self, path: &str) -> Self {
        let found = corpus::read(&corpus::root().join(path));
        assert!(!found.is_empty(), "there are no samples in {path}");
        self.samples.extend(found);
        self
    }

    /// Words of the format, parted by blanks.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        self.words.extend(words.split_whitespace().map(|word| word.as_bytes().to_vec()));
        self
    }

    /// The longest input, in bytes; 4096 if nothing is said.
    #[must_use]
    pub fn longest(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// How many mutations the short form makes; 2000 if nothing is said.
    #[must_use]
    pub fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// An input may take so many bytes for each of its own, and so many besides; 64 and 1 MiB if nothing is said.
    #[must_use]
    pub fn memory(mut self, each: usize, besides: usize) -> Self {
        self.memory = (each, besides);
        self
    }

    /// Gives the decoder all samples and what mutations make of them. It fails by a panic; what it gives back is dropped
    /// within the measure.
    ///
    /// # Panics
    /// With the input that broke it, made as small as it could be made.
    pub fn run<R>(self, decode: impl Fn(&[u8]) -> R) {
        let one = |bytes: &[u8]| self.one(bytes, &decode);
        for sample in &self.samples {
            self.judge(sample, one(sample), &one);
        }
        if let Some(minutes) = number("PM_FUZZ_MINUTES") {
            return self.search(Duration::from_secs(minutes * 60), &one);
        }
        let mut mutator = self.mutator(number("PM_FUZZ_SEED").unwrap_or(1));
        let runs = number("PM_FUZZ_RUNS").and_then(|runs| usize::try_from(runs).ok());
        for _ in 0..runs.unwrap_or(self.runs) {
            let input = mutator.next(&self.samples);
            self.judge(&input, one(&input), &one);
        }
    }

    fn mutator(&self, seed: u64) -> Mutator {
        Mutator::new(seed, self.words.clone(), self.longest)
    }

    /// One input: no panic, and no more memory than it is worth.
    fn one<R>(&self, bytes: &[u8], decode: &impl Fn(&[u8]) -> R) -> InputVerdict {
        let work = || catch_unwind(AssertUnwindSafe(|| drop(decode(bytes))));
        let (ended, peak) = memory::peak(work);
        if let Err(why) = ended {
            let text = why.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| why.downcast_ref::<&str>().copied());
            return Err(format!("it panicked: {}", text.unwrap_or("without a word")));
        }
        let most = self.memory.0 * bytes.len() + self.memory.1;
        if peak > most {
            return Err(format!("{} bytes took {peak} of memory, more than {most}", bytes.len()));
        }
        Ok(())
    }

    /// Fails the test with a failing input, and keeps it where the next tests find it if this is the long form.
    fn judge(&self, bytes: &[u8], verdict: InputVerdict, one: &impl Fn(&[u8]) -> InputVerdict) {
        let Err(why) = verdict else { return };
        let small = smaller(bytes.to_vec(), one);
        let why = one(&small).err().unwrap_or(why);
        let mut kept = String::new();
        if number("PM_FUZZ_MINUTES").is_some() {
            let folder = corpus::folder("crashes", self.name);
            let path = folder.join(corpus::name(&small));
            let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, &small));
            kept = format!("\nkept as {}: {written:?}", path.display());
        }
        panic!("{}: {why}\ninput: b\"{}\"{kept}", self.name, small.escape_ascii());
    }

    /// The long form: until the time is over, what reaches something new is varied further, and kept.
    fn search(&self, time: Duration, one: &impl Fn(&[u8]) -> InputVerdict) {
        let end = Instant::now() + time;
        let mut reached = Reached::nothing();
        let mut pool = Vec::new();
        for sample in &self.samples {
            Reached::begin();
            drop(one(sample));
            if reached.add() || pool.is_empty() {
                pool.push(sample.clone());
            }
        }
        let (edges, seed) = (reached.edges(), number("PM_FUZZ_SEED").unwrap_or_else(now));
        let mut mutator = self.mutator(seed);
        let (guard, runs) = (HangGuard::new(self.name), &mut 0_u64);
        while Instant::now() < end {
            let input = mutator.next(&pool);
            guard.begin(&input);
            Reached::begin();
            let verdict = one(&input);
            *runs += 1;
            self.judge(&input, verdict, one);
            if reached.add() {
                pool.push(input);
            }
        }
        println!(
            "{}: seed {seed}, {runs} inputs, {edges} edges at first, {} at last, {} samples that differ",
            self.name,
            reached.edges(),
            pool.len()
        );
        if reached.is_counted() {
            let kept = corpus::replace(&corpus::folder("corpus", self.name), &few(pool, one));
            assert!(kept.is_ok(), "could not keep the corpus: {kept:?}");
        }
    }
}

/// The smallest of these that together reach what all of them do, or nearly.
fn few(mut pool: Vec<Vec<u8>>, one: &impl Fn(&[u8]) -> InputVerdict) -> Vec<Vec<u8>> {
    pool.sort_by_key(Vec::len);
    pool.dedup();
    let mut reached = Reached::nothing();
    pool.retain(|input| {
        Reached::begin();
        drop(one(input));
        reached.add()
    });
    pool
}

/// The input without whatever can be left out of it.
fn smaller(mut bytes: Vec<u8>, one: &impl Fn(&[u8]) -> InputVerdict) -> Vec<u8> {
    let mut left = SHRINKS;
    let mut piece = bytes.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < bytes.len() && left > 0 {
            left -= 1;
            let mut less = bytes.clone();
            less.drain(at..bytes.len().min(at + piece));
            if one(&less).is_err() {
                bytes = less;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    bytes
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
}

/// What can't be caught is found afterwards: an input that ends the process, or that takes for ever, is in a file.
struct HangGuard {
    path: PathBuf,
    begun: Arc<AtomicU64>,
    _alive: mpsc::Sender<()>,
}

impl HangGuard {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pm-fuzz-{}-{name}", std::process::id()));
        let (alive, ended) = mpsc::channel::<()>();
        let begun = Arc::new(AtomicU64::new(0));
        let (seen, shown) = (Arc::clone(&begun), path.display().to_string());
        thread::spawn(move || {
            let mut last = 0;
            while ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let now = seen.load(Ordering::Relaxed);
                if now == last {
                    eprintln!("an input takes longer than {PATIENCE:?}; it is in {shown}");
                    std::process::abort();
                }
                last = now;
            }
        });
        Self { path, begun, _alive: alive }
    }

    fn begin(&self, input: &[u8]) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        // Without it only the seed says which input it was.
        fs::write(&self.path, input).ok();
    }
}

impl Drop for HangGuard {
    fn drop(&mut self) {
        if !thread::panicking() {
            fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(target: FuzzTarget, decode: impl Fn(&[u8])) -> String {
        let ended = catch_unwind(AssertUnwindSafe(|| target.run(decode)));
        *ended.unwrap_err().downcast::<String>().unwrap()
    }

    #[test]
    fn a_decoder_that_breaks_is_told_with_the_smallest_input() {
        let target = FuzzTarget::new("none").sample("{\"apps\": [1, 2, 3]}").words("null");
        let told = failure(target, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            assert!(!text.contains("null"), "found it");
        });
        assert_eq!(told, "none: it panicked: found it\ninput: b\"null\"");
    }

    #[test]
    fn an_input_that_takes_more_memory_than_it_is_worth_is_told() {
        let target = FuzzTarget::new("none").sample("9").memory(10, 1000);
        let told = failure(target, |bytes| {
            let count = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
            drop(std::hint::black_box(vec![0_u8; count * 2000]));
        });
        assert_eq!(told, "none: 1 bytes took 2000 of memory, more than 1010\ninput: b\"9\"");
    }

    #[test]
    fn what_holds_for_all_passes() {
        FuzzTarget::new("none").samples_in("fixtures/wire").longest(99).run(<[u8]>::len);
    }
}
