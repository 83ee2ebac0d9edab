//! Processes that bear the mark of this home and belong to no run we know: a damaged journal lost it. They are shown,
//! not started a second time, and end with everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use pm_core::RunId;
use pm_os::identity::ProcIdentity;
use pm_os::signal::{self, SignalNumber};
use pm_os::tag::Tag;
use pm_os::tree::{Depth, ProcEntry, ProcScan, RunQuery};
use pm_spec::AppSpec;
use rustix::event::{PollFd, PollFlags, poll};

use crate::daemon_log;

/// How long they may take to end when asked.
const GRACE: Duration = Duration::from_millis(1_600);

/// So many are named; a list of hundreds would bury everything else.
const NAMED: usize = 5;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    home_id: u32,
    guardian: i32,
    /// The oldest process of each, as far as it could be seen.
    leaders: BTreeMap<RunId, ProcIdentity>,
}

impl Strangers {
    /// Of the marked runs those that are not known.
    pub(crate) fn among(
        marked: &BTreeMap<RunId, Vec<ProcEntry>>,
        known: &BTreeSet<RunId>,
        home_id: u32,
    ) -> Self {
        let oldest = |seen: &Vec<ProcEntry>| {
            let alive = seen.iter().filter(|seen| seen.alive);
            let first = alive.min_by_key(|seen| (seen.session != seen.pid, seen.started))?;
            let identity = pm_os::identity::of(first.pid).ok()?;
            (identity.started == first.started).then_some(identity)
        };
        let unknown = marked.iter().filter(|(run, _)| !known.contains(run));
        let leaders = unknown.filter_map(|(run, seen)| Some((*run, oldest(seen)?))).collect();
        Self { home_id, guardian: 0, leaders }
    }

    /// The same; the guardian is none of them, nor what it started.
    pub(crate) fn with_guardian(self, guardian: i32) -> Self {
        Self { guardian, ..self }
    }

    pub(crate) fn has(&self, run: RunId) -> bool {
        self.leaders.contains_key(&run)
    }

    fn living(&self) -> Vec<i32> {
        let lives = |identity: &&ProcIdentity| identity.open().is_ok();
        self.leaders.values().filter(lives).map(|identity| identity.pid).collect()
    }

    /// What people are told as long as one of them lives.
    pub(crate) fn warning(&self) -> Option<String> {
        let living = self.living();
        let named =
            living.iter().take(NAMED).map(|pid| format!("unknown (pid {pid}, {})", line(*pid)));
        let named: Vec<_> = named.collect();
        let more = living.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        (!named.is_empty()).then(|| {
            format!(
                "the journal was damaged, and nobody watches what it lost: {}{more}; `pm kill` ends \
                 what is unknown, and so does a signal of yours",
                named.join(", ")
            )
        })
    }

    /// The one that was started as this app, if it lives: its pid.
    pub(crate) fn double_of(&self, app: &AppSpec) -> Option<i32> {
        let entry = |name: &str, value: &str| [name.as_bytes(), b"=", value.as_bytes()].concat();
        let wanted = [entry("name", app.name.as_str()), entry("namespace", app.namespace.as_str())];
        self.living().into_iter().find(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let has = |entry: &Vec<u8>| environment.split(|byte| *byte == 0).any(|it| it == entry);
            wanted.iter().all(has)
        })
    }

    /// Asks all of them to end, and then ends them. Waits for it: nobody waits for the loop any more.
    pub(crate) fn end(&self) {
        let until = Instant::now() + GRACE;
        let mut number = SignalNumber::TERM;
        while !self.leaders.is_empty() {
            let Ok(scan) = ProcScan::take(Depth::Cookies, &[self.guardian]) else { return };
            let runs: Vec<_> = self.leaders.iter().collect();
            let runs: Vec<_> = runs
                .iter()
                .map(|(run, leader)| RunQuery {
                    leader: Some(leader),
                    ..RunQuery::of(Tag::new(self.home_id, run.0))
                })
                .collect();
            let by_run = scan.run_members(&runs);
            let members: Vec<OwnedFd> = by_run
                .values()
                .flatten()
                .filter_map(|member| member.identity.open().ok())
                .collect();
            if members.is_empty() || Instant::now() >= until + GRACE {
                return;
            }
            for member in &members {
                // Who has ended meanwhile needs none.
                signal::send(member, number).ok();
            }
            let left = until.saturating_duration_since(Instant::now());
            wait(&members, left.max(Duration::from_millis(20)));
            number = SignalNumber::KILL;
        }
    }
}

/// Until all of them have ended, or for so long.
fn wait(members: &[OwnedFd], patience: Duration) {
    let until = Instant::now() + patience;
    for member in members {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = rustix::event::Timespec::try_from(left) else { return };
        poll(&mut [PollFd::new(member, PollFlags::IN)], Some(&left)).ok();
    }
}

/// The command line of a process, as one line of at most sixty characters.
fn line(pid: i32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&words).replace('\0', " ");
    let text = text.trim();
    let mut shown: String =
        text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Their output goes on into the files the guardian kept: without a reader they would end by the next line they write.
pub(crate) fn carry_on(mut streams: Vec<(OwnedFd, OwnedFd)>) {
    if streams.is_empty() {
        return;
    }
    let carry = move || {
        while !streams.is_empty() {
            let mut ready: Vec<_> =
                streams.iter().map(|(pipe, _)| PollFd::new(pipe, PollFlags::IN)).collect();
            poll(&mut ready, None).ok();
            let flags: Vec<_> = ready.iter().map(PollFd::revents).collect();
            let mut flags = flags.into_iter();
            streams.retain(|(pipe, file)| match flags.next() {
                Some(flags) if !flags.is_empty() => {
                    drain(pipe, file).is_ok() && !flags.contains(PollFlags::HUP)
                }
                Some(_) | None => true,
            });
        }
    };
    let thread = std::thread::Builder::new().name("pm-strangers".into()).stack_size(128 << 10);
    if let Err(error) = thread.spawn(carry) {
        daemon_log::note(format_args!("could not start a thread: {error}"));
    }
}

/// Moves what is left in a pipe to the end of a file.
pub(crate) fn drain(pipe: &OwnedFd, file: &OwnedFd) -> rustix::io::Result<()> {
    loop {
        let mut end = u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0);
        let flags = rustix::pipe::SpliceFlags::NONBLOCK;
        match rustix::pipe::splice(pipe, None, file, Some(&mut end), 1 << 20, flags) {
            Ok(0) | Err(rustix::io::Errno::AGAIN) => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}
