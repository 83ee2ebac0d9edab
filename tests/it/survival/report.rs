//! What became of many attempts, and the line about it in the report of `fixtures/faults/run`.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use pm_testkit::Home;

/// Attempts of one kind.
#[derive(Debug)]
pub(super) struct Report {
    name: String,
    survived: u32,
    /// What was lost in which attempt.
    lost: Vec<String>,
    kills: u32,
    until: Option<Instant>,
}

/// Whether everything is to be tried: `PM_FAULTS` says for how many minutes each kind of fault.
pub(super) fn minutes() -> Option<u64> {
    std::env::var("PM_FAULTS").ok()?.parse().ok()
}

impl Report {
    pub(super) fn new(name: &str) -> Self {
        let until = minutes().map(|minutes| Instant::now() + Duration::from_secs(minutes * 60));
        Self { name: name.into(), survived: 0, lost: Vec::new(), kills: 0, until }
    }

    /// Whether its time is over.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    /// An attempt after which all was as it should be.
    pub(super) fn survived(&mut self) {
        self.survived += 1;
    }

    /// So many more SIGKILLs.
    pub(super) fn killed(&mut self, kills: u32) {
        self.kills += kills;
    }

    /// An attempt after which it was not; the home is left to be looked at.
    #[expect(clippy::print_stderr, reason = "shown when the test fails")]
    pub(super) fn lost(&mut self, what: &str, why: &str, home: &Home) {
        eprintln!("{what}: {why}\nin {}", home.home().root().display());
        home.keep();
        self.lost.push(format!("{what}: {why}"));
    }

    /// Tells it, and fails if anything was lost.
    pub(super) fn end(self) {
        let Self { name, survived, lost, kills, .. } = self;
        if let Some(path) = std::env::var_os("PM_FAULTS_REPORT") {
            let tried = survived as usize + lost.len();
            let line = format!("{name}\t{tried}\t{survived}\t{}\t{kills}\n", lost.len());
            let file = OpenOptions::new().append(true).create(true).open(path);
            file.and_then(|mut file| file.write_all(line.as_bytes())).unwrap();
        }
        assert!(
            lost.is_empty(),
            "{} of {} were lost:\n{}",
            lost.len(),
            survived as usize + lost.len(),
            lost.join("\n")
        );
    }
}
