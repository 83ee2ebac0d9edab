//! Which ways through the program an input takes: the counters LLVM puts at each edge when it is told to
//! (`fixtures/fuzz/rustc`). A build without them has none, and is led by nothing.
#![expect(unsafe_code, reason = "the counters are memory that the compiler set aside")]

use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};

static FIRST: AtomicPtr<AtomicU8> = AtomicPtr::new(std::ptr::null_mut());
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Called before `main` by each instrumented part, with the bounds of all counters of the program.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(first: *mut AtomicU8, end: *mut AtomicU8) {
    FIRST.store(first, Ordering::Relaxed);
    COUNT.store((end as usize).saturating_sub(first as usize), Ordering::Relaxed);
}

fn counters() -> &'static [AtomicU8] {
    let first = FIRST.load(Ordering::Relaxed);
    if first.is_null() {
        return &[];
    }
    // SAFETY: the linker made these bytes one section, which lives as long as the program and is only counted up in;
    // all of its values are valid.
    unsafe { std::slice::from_raw_parts(first, COUNT.load(Ordering::Relaxed)) }
}

/// What all inputs so far have reached: for each edge which numbers of passings were seen, a bit each.
#[derive(Debug)]
pub(crate) struct Reached(Vec<u8>);

impl Reached {
    pub(crate) fn nothing() -> Self {
        Self(vec![0; counters().len()])
    }

    /// Whether this build counts.
    pub(crate) fn is_counted(&self) -> bool {
        !self.0.is_empty()
    }

    /// How many edges were reached.
    pub(crate) fn edges(&self) -> usize {
        self.0.iter().filter(|bits| **bits != 0).count()
    }

    /// Forgets what was counted before an input.
    pub(crate) fn begin() {
        for counter in counters() {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// Adds what was counted since; whether some of it is new.
    pub(crate) fn add(&mut self) -> bool {
        let mut is_new = false;
        for (seen, counter) in self.0.iter_mut().zip(counters()) {
            let bit = bucket(counter.load(Ordering::Relaxed));
            is_new |= bit & !*seen != 0;
            *seen |= bit;
        }
        is_new
    }
}

/// Once, twice, and then by ranges: a loop that runs 40 times instead of 41 is nothing new.
const fn bucket(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        4..=7 => 8,
        8..=15 => 16,
        16..=31 => 32,
        32..=127 => 64,
        128..=255 => 128,
    }
}
