//! Why a process could not be made, in words that help: which step, which path, whose fault.

use std::ffi::{CStr, OsStr};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;

use super::kernel::Denied;
use super::plan::{MOST_HANDED, SpawnRequest};
use super::step::{SpawnStep, StepFailure};
use crate::errno;

/// Why a file could not be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecCause {
    /// There is no such file.
    #[error("no such file")]
    NoSuchFile,
    /// It is a folder.
    #[error("it is a folder")]
    IsFolder,
    /// It lacks the permission to be executed (`chmod +x`).
    #[error("permission denied: the file is not executable")]
    NotExecutable,
    /// It may be executable, but a folder on the way, its mount or its interpreter forbids it.
    #[error("permission denied")]
    PermissionDenied,
    /// Its first line names an interpreter that doesn't exist.
    #[error("bad interpreter: {}", .0.display().to_string().escape_default())]
    BadInterpreter(PathBuf),
    /// It is a program whose dynamic loader (or an interpreter's) doesn't exist here.
    #[error("its dynamic loader is missing")]
    NoLoader,
    /// It is neither a script nor a program for this machine.
    #[error("exec format error: neither a script nor a program")]
    NotAProgram,
    /// Somebody is writing it at this moment.
    #[error("the file is being written")]
    Busy,
    /// Arguments and environment together are too long.
    #[error("arguments and environment are too long")]
    TooLong,
    /// Anything else, in the kernel's words.
    #[error("{}", errno::words(*.0))]
    Other(Errno),
}

/// A process could not be made; none is left over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// Its folder can't be entered.
    #[error("enter the folder {}: {}", path.display(), errno::words(*errno))]
    Cwd {
        /// The folder.
        path: PathBuf,
        /// `ENOENT`, `ENOTDIR`, `EACCES`, ...
        errno: Errno,
    },
    /// The kernel will not be told something about it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// We may not become that user.
    #[error("run as user {uid}, group {gid}: {}", errno::words(*errno))]
    User {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
        /// `EPERM` unless we are root.
        errno: Errno,
    },
    /// Its file can't be executed.
    #[error("run {}: {cause}", path.display())]
    Exec {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: ExecCause,
        /// What the kernel said.
        errno: Errno,
    },
    /// It can't have a view of its own.
    #[error(
        "give it a /tmp of its own (private_tmp): {}; it takes root (in a container `CAP_SYS_ADMIN`), or a kernel that lets users \
         have namespaces (user_namespaces(7))",
        errno::words(*errno)
    )]
    NoPrivateTmp {
        /// What the kernel said.
        errno: Errno,
    },
    /// Too many descriptors to hand over.
    #[error("hand {count} descriptors to a process: at most {}", MOST_HANDED)]
    TooManyHanded {
        /// How many were wanted.
        count: usize,
    },
    /// Any other step.
    #[error("{step}: {}", errno::words(*errno))]
    Step {
        /// Which.
        step: SpawnStep,
        /// What the kernel said.
        errno: Errno,
    },
}

impl SpawnError {
    /// What the kernel said, if it was asked.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Denied(Denied { errno, .. })
            | Self::Cwd { errno, .. }
            | Self::User { errno, .. }
            | Self::Exec { errno, .. }
            | Self::NoPrivateTmp { errno }
            | Self::Step { errno, .. } => Some(*errno),
            Self::TooManyHanded { .. } => None,
        }
    }

    /// Whether trying again later may help: memory, process or file limits were reached.
    pub fn is_shortage(&self) -> bool {
        self.errno().is_some_and(errno::is_shortage)
    }

    pub(super) fn from_child(
        failure: StepFailure,
        plan: &SpawnRequest<'_>,
        program: &CStr,
    ) -> Self {
        let StepFailure { step, errno } = failure;
        match (step, &plan.user) {
            (
                SpawnStep::Nice
                | SpawnStep::Rlimit
                | SpawnStep::Ioprio
                | SpawnStep::Cpus
                | SpawnStep::OomScore,
                _,
            ) => plan.kernel.denied().map_or(Self::Step { step, errno }, Self::Denied),
            (SpawnStep::Cwd, _) => Self::Cwd { path: path_of(&plan.cwd).to_owned(), errno },
            (SpawnStep::User, Some(user)) => Self::User { uid: user.uid, gid: user.gid, errno },
            (SpawnStep::Exec, _) => {
                let path = path_of(program).to_owned();
                let cause = diagnose(&path_of(&plan.cwd).join(&path), errno);
                Self::Exec { path, cause, errno }
            }
            (SpawnStep::PrivateTmp, _) => Self::NoPrivateTmp { errno },
            (
                step @ (SpawnStep::Clone
                | SpawnStep::Session
                | SpawnStep::Descriptors
                | SpawnStep::Nofile
                | SpawnStep::User
                | SpawnStep::Isolate
                | SpawnStep::Cgroup),
                _,
            ) => Self::Step { step, errno },
        }
    }

    /// Whether the kernel refused a text that a shell would run.
    pub(super) fn is_shell_text(&self) -> bool {
        matches!(self, Self::Exec { errno: Errno::NOEXEC, cause, .. } if *cause == ExecCause::Other(Errno::NOEXEC))
    }
}

fn path_of(text: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(text.to_bytes()))
}

/// Looks at a file the kernel would not execute, to say why.
fn diagnose(path: &Path, errno: Errno) -> ExecCause {
    match errno {
        Errno::NOENT => missing(path),
        Errno::ACCESS => forbidden(path),
        Errno::NOEXEC if is_text(path) => ExecCause::Other(errno),
        Errno::NOEXEC => ExecCause::NotAProgram,
        Errno::TXTBSY => ExecCause::Busy,
        Errno::TOOBIG => ExecCause::TooLong,
        other => ExecCause::Other(other),
    }
}

fn missing(path: &Path) -> ExecCause {
    if !path.exists() {
        return ExecCause::NoSuchFile;
    }
    // The file is there, so something it needs isn't.
    match interpreter(path) {
        Some(interpreter) if !interpreter.exists() => ExecCause::BadInterpreter(interpreter),
        Some(_) | None => ExecCause::NoLoader,
    }
}

fn forbidden(path: &Path) -> ExecCause {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(found) = fs::metadata(path) else { return ExecCause::PermissionDenied };
    if found.is_dir() {
        return ExecCause::IsFolder;
    }
    if found.permissions().mode() & 0o111 == 0 {
        return ExecCause::NotExecutable;
    }
    match interpreter(path) {
        Some(interpreter) if fs::metadata(&interpreter).is_ok_and(|at| !at.is_file()) => {
            ExecCause::BadInterpreter(interpreter)
        }
        Some(_) | None => ExecCause::PermissionDenied,
    }
}

/// The interpreter a script's first line names; a carriage return stays part of it, as it does
/// for the kernel.
fn interpreter(path: &Path) -> Option<PathBuf> {
    let start = head(path)?;
    let line = start.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let line = line.trim_ascii_start();
    let word = line.split(|&byte| byte == b' ' || byte == b'\t').next()?;
    (!word.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(word)))
}

/// Whether a shell would take the file for a script: no NUL before the end of its first line.
fn is_text(path: &Path) -> bool {
    head(path).is_some_and(|start| {
        let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        !line.contains(&0) && !start.starts_with(b"\x7fELF")
    })
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::with_capacity(256);
    // Only regular files: opening a pipe or a device to diagnose it could hang or do harm. What is looked at is what is
    // opened, for whose program it is may put something else in its place.
    let handle = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let found = fstat(&handle).ok()?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return None;
    }
    let itself = format!("/proc/self/fd/{}", handle.as_raw_fd());
    File::open(itself).ok()?.take(256).read_to_end(&mut start).ok()?;
    Some(start)
}
