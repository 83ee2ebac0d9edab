//! Starts a program that outlives whoever starts it: its own session, `/` as its folder, nothing of
//! its starter's left open, so that `out=$(pm start x)` returns and a closing terminal harms nobody
//! (pain 64). It reports by pipe when it is ready; nobody polls. Who is to be started, and whether,
//! is decided elsewhere.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, FromRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::FdFlags;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::clock;
use crate::poll;
use crate::spawn::{self, SpawnError, SpawnRequest};
use crate::stdio;

/// The descriptor on which a launched program reports: a zero byte when it is ready, or what went wrong (completing "could not ...").
pub const READY_FD: i32 = 3;

/// The most we read of an error text.
const TEXT: usize = 16 << 10;

/// What to launch.
#[derive(Debug, Clone)]
pub struct Launch<'p> {
    /// Absolute path of the program.
    pub program: CString,
    /// Its arguments, its own name first.
    pub argv: Vec<CString>,
    /// Its environment, `NAME=value`; the cookie of an app we may be called from is taken out.
    pub env: Vec<CString>,
    /// Where its stderr is appended; `None`: nowhere.
    pub log: Option<&'p Path>,
}

/// A launched program that hasn't reported yet. Dropping it waits for nothing and kills nothing.
#[derive(Debug)]
pub struct Launched {
    /// Its number.
    pub pid: i32,
    /// Refers to it.
    pub pidfd: OwnedFd,
    ready: File,
}

/// A program could not be launched, or didn't become ready.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Its log or `/dev/null` can't be opened.
    #[error("open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No pipe for its report.
    #[error("hear from the program")]
    Pipe(#[source] io::Error),
    /// It can't be executed.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// It reported what went wrong.
    #[error("{0}")]
    Told(String),
    /// It ended without a word.
    #[error("start process {pid}: it ended before it was ready")]
    Died {
        /// Its number.
        pid: i32,
    },
    /// It didn't report in time. It may still do so.
    #[error("start process {pid}: not ready after {} ms", patience.as_millis())]
    Late {
        /// Its number.
        pid: i32,
        /// How long we waited.
        patience: Duration,
    },
}

/// Starts a program in the way of a daemon; returns as soon as it executes.
pub fn launch(launch: &Launch<'_>) -> Result<Launched, LaunchError> {
    let open = |path: &Path| {
        let path = path.to_owned();
        move |source| LaunchError::Open { path, source }
    };
    let null = stdio::null().map_err(open(Path::new("/dev/null")))?;
    let log = match launch.log {
        Some(path) => {
            let file = File::options().append(true).create(true).mode(0o600).open(path);
            OwnedFd::from(file.map_err(open(path))?)
        }
        None => null.try_clone().map_err(LaunchError::Pipe)?,
    };
    let pipe = pipe_with(PipeFlags::CLOEXEC).map_err(|errno| LaunchError::Pipe(errno.into()));
    let (ready, report) = pipe?;
    let (argv, env) = (launch.argv.clone(), launch.env.clone());
    let stdio = [null.as_fd(), null.as_fd(), log.as_fd()];
    let mut plan = SpawnRequest::new(launch.program.clone(), argv, env, stdio);
    plan.handed.push(report.as_fd());
    let born = spawn::spawn(&plan)?;
    Ok(Launched { pid: born.pid, pidfd: born.pidfd, ready: File::from(ready) })
}

impl Launched {
    /// Waits until the program reports, ends, or patience does.
    pub fn wait(mut self, patience: Duration) -> Result<(), LaunchError> {
        let pid = self.pid;
        let pipe = |error: io::Error| LaunchError::Pipe(error);
        let until = clock::monotonic() + patience;
        let mut text = Vec::new();
        let mut piece = [0; 4096];
        loop {
            // The rest of an error text comes at once or never, so patience is one for all of it.
            let rest = until.saturating_sub(clock::monotonic());
            let is_readable = poll::ready(&self.ready, PollFlags::IN, rest);
            if !is_readable.map_err(|errno| pipe(errno.into()))? {
                break if text.is_empty() {
                    Err(LaunchError::Late { pid, patience })
                } else {
                    told(&text)
                };
            }
            let length = self.ready.read(&mut piece).map_err(pipe)?;
            text.extend_from_slice(piece.get(..length).unwrap_or_default());
            match text.first() {
                None => break Err(LaunchError::Died { pid }),
                Some(0) => break Ok(()),
                Some(_) if length == 0 || text.len() > TEXT => break told(&text),
                Some(_) => {}
            }
        }
    }
}

fn told(text: &[u8]) -> Result<(), LaunchError> {
    Err(LaunchError::Told(String::from_utf8_lossy(text).trim_end().to_owned()))
}

/// Takes over a descriptor this program was started with, once, and makes it close-on-exec;
/// `None` if it isn't open or was taken before. To be called first thing in `main`, before anything
/// else opens files. Accepts 3 to 63.
#[expect(unsafe_code, reason = "descriptors cross exec as bare numbers")]
pub fn inherited(fd: i32) -> Option<OwnedFd> {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let bit = u32::try_from(fd).ok().filter(|fd| (3..64).contains(fd)).map(|fd| 1_u64 << fd)?;
    if TAKEN.fetch_or(bit, Ordering::AcqRel) & bit != 0 {
        return None;
    }
    // SAFETY: only looks at and marks a number; if it isn't open the kernel says so.
    let found = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    // What is close-on-exec already can't have come through an exec: it is somebody's in here.
    if rustix::io::fcntl_getfd(found) != Ok(FdFlags::empty()) {
        return None;
    }
    rustix::io::fcntl_setfd(found, FdFlags::CLOEXEC).ok()?;
    // SAFETY: open, not made by this program (all it makes is close-on-exec), given away once.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}
