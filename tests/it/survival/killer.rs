//! A thread that sends SIGKILL to each daemon of a guardian a random while after its birth.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pm_client::{CallError, Client, ConnectError, Deadline};
use pm_protocol::Ping;
use pm_testkit::Home;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::seed::Seed;

/// No daemon takes longer to be replaced, whatever the machine is busy with; a disk that others keep busy has made one
/// wait for more than 20 s.
const LIMIT: Duration = Duration::from_mins(3);

/// How often a daemon is killed: so often, or as `PM_KILLS` says.
pub(super) fn kills(usually: u32) -> u32 {
    std::env::var("PM_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(usually)
}

/// What the killer saw.
#[derive(Debug, Default)]
pub(super) struct Toll {
    /// Daemons that died by our signal.
    pub(super) killed: u32,
    /// Daemons that ended before it; a daemon has no reason to.
    pub(super) ended_alone: Vec<u32>,
    /// Why no daemon was there within the limit, if so.
    pub(super) deserted: Option<String>,
}

#[derive(Debug)]
pub(super) struct Killer {
    stop: Arc<AtomicBool>,
    killed: Arc<AtomicU32>,
    thread: JoinHandle<Toll>,
}

impl Killer {
    pub(super) fn start(home: &Home, seed: Seed) -> Self {
        let (guardian, home) = (home.hello().guardian, home.home().clone());
        let stop = Arc::new(AtomicBool::new(false));
        let killed = Arc::new(AtomicU32::new(0));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&killed));
        let thread = std::thread::spawn(move || kill((guardian, &home), seed, &stopped, &count));
        Self { stop, killed, thread }
    }

    pub(super) fn killed(&self) -> u32 {
        self.killed.load(Ordering::Relaxed)
    }

    /// Whether it goes on; it stops by itself only when no daemon comes any more.
    pub(super) fn is_at_it(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Lets the next daemon live.
    pub(super) fn stop(self) -> Toll {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn kill(
    (guardian, home): (u32, &pm_protocol::Home),
    mut seed: Seed,
    stop: &AtomicBool,
    count: &AtomicU32,
) -> Toll {
    let mut toll = Toll::default();
    let mut spotter = Spotter::new(guardian);
    while !stop.load(Ordering::Relaxed) {
        let Some(daemon) = spotter.next() else {
            toll.deserted = Some(format!("no daemon came within {LIMIT:?}\n{}", scene(guardian)));
            return toll;
        };
        let Ok(pidfd) = pidfd_open(pid_of(daemon), PidfdFlags::empty()) else {
            toll.ended_alone.push(daemon);
            continue;
        };
        let moment = Moment::choose(&mut seed);
        if moment.is_at_work
            && let Err(error) = answers(home)
        {
            let scene = scene(guardian);
            toll.deserted = Some(format!("the daemon {daemon} did not answer: {error}\n{scene}"));
            return toll;
        }
        if ends_within(&pidfd, moment.pause) {
            toll.ended_alone.push(daemon);
            continue;
        }
        pidfd_send_signal(&pidfd, Signal::KILL).unwrap();
        assert!(ends_within(&pidfd, LIMIT), "SIGKILL did not end the daemon {daemon}");
        toll.killed += 1;
        count.store(toll.killed, Ordering::Relaxed);
    }
    toll
}

/// When a daemon is killed.
struct Moment {
    /// Whether it may become ready first, however long a slow machine needs for that: without such daemons nothing
    /// would ever be done.
    is_at_work: bool,
    pause: Duration,
}

impl Moment {
    /// Right away, during its start, later, or in the middle of its work.
    fn choose(seed: &mut Seed) -> Self {
        let (is_at_work, low, high) = match seed.between(0, 10) {
            0..2 => (false, 0, 500),
            2..6 => (false, 500, 15_000),
            6..8 => (false, 5_000, 40_000),
            _ => (true, 0, 20_000),
        };
        Self { is_at_work, pause: Duration::from_micros(seed.between(low, high)) }
    }
}

/// Waits until the daemon serves its clients. A client gives up sooner than we do.
fn answers(home: &pm_protocol::Home) -> Result<(), CallError> {
    let limit = Deadline::after(LIMIT);
    loop {
        match Client::open(home)?.call(&Ping {}, limit) {
            Err(CallError::Connect(ConnectError::NoHello { .. })) if !limit.is_over() => {}
            other => return other.map(drop),
        }
    }
}

/// What a guardian and its daemons are doing at this moment, as far as the system tells.
fn scene(guardian: u32) -> String {
    let children = fs::read_to_string(format!("/proc/{guardian}/task/{guardian}/children"));
    let children = children.unwrap_or_default();
    let mut scene = vec![format!("children of the guardian {guardian}: {children}")];
    for pid in children.split_whitespace().chain([guardian.to_string().as_str()]) {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if !matches!(line.split(|byte| *byte == 0).nth(1), Some(b"daemon" | b"guardian")) {
            continue;
        }
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for thread in threads.map(|entry| entry.path()) {
            let read = |name| fs::read_to_string(thread.join(name)).unwrap_or_default();
            let status = read("status");
            let state = status.lines().find(|line| line.starts_with("State")).unwrap_or_default();
            let (name, call, stack) = (read("comm"), read("syscall"), read("stack"));
            scene.push(format!("{} {name}{state}\n{call}{stack}", thread.display()));
        }
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().count();
        scene.push(format!("{pid} has {open} open descriptors"));
    }
    scene.join("\n")
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Whether a process ends within this time: waits for that, or the time.
fn ends_within(pidfd: &OwnedFd, time: Duration) -> bool {
    let until = Instant::now() + time;
    loop {
        let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).unwrap();
        match poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&left)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(_) => {}
        }
    }
}

/// Finds the daemons of a guardian as soon as they are there.
///
/// An app that is about to execute looks like the daemon that made it, for it still is its memory; but the place of
/// the stack in it is the old daemon's, and random.
#[derive(Debug)]
pub(super) struct Spotter {
    guardian: u32,
    stacks: Vec<String>,
}

impl Spotter {
    pub(super) fn new(guardian: u32) -> Self {
        Self { guardian, stacks: Vec::new() }
    }

    /// The next daemon that wasn't given before; `None`: there is none within the limit.
    pub(super) fn next(&mut self) -> Option<u32> {
        let until = Instant::now() + LIMIT;
        let mut apps = Vec::new();
        while Instant::now() < until {
            let path = format!("/proc/{0}/task/{0}/children", self.guardian);
            let children = fs::read_to_string(path).unwrap_or_default();
            for pid in children.split_whitespace().filter_map(|text| text.parse::<u32>().ok()) {
                if apps.contains(&pid) {
                    continue;
                }
                let Some(stack) = stack_of(pid) else { continue };
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                if stack_of(pid).is_none_or(|now| now != stack) {
                    // It has just executed: the line may be the one from before.
                    continue;
                }
                match line.split(|byte| *byte == 0).nth(1) {
                    Some(b"daemon") if !self.stacks.contains(&stack) => {
                        self.stacks.push(stack);
                        return Some(pid);
                    }
                    // Not yet executed.
                    Some(b"daemon" | b"guardian") | None => {}
                    Some(_) => apps.push(pid),
                }
            }
            let moment = Timespec { tv_sec: 0, tv_nsec: 200_000 };
            poll(&mut [], Some(&moment)).ok();
        }
        None
    }
}

/// Field 28 of `proc_pid_stat(5)`; zero where we may not see it or there is no memory.
fn stack_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let field = stat.rsplit(')').next()?.split_whitespace().nth(25)?;
    (field != "0").then(|| field.to_owned())
}

/// Lets some time pass: for moments that are to be random.
pub(super) fn pause(time: Duration) {
    pm_client::pause(time, Deadline::NEVER);
}

/// SIGKILL to a process that may have ended already.
pub(super) fn kill_if_there(pid: u32) {
    if let Ok(pidfd) = pidfd_open(pid_of(pid), PidfdFlags::empty()) {
        pidfd_send_signal(&pidfd, Signal::KILL).ok();
    }
}
