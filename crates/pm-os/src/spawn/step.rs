//! The steps between clone and exec, any of which may fail.

use std::fmt;

use rustix::io::Errno;

/// A step between clone and exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum SpawnStep {
    /// The clone itself.
    Clone = 1,
    /// A session of its own.
    Session,
    /// Putting descriptors in their places.
    Descriptors,
    /// Giving the limit of open files back.
    Nofile,
    /// Its niceness.
    Nice,
    /// Becoming another user.
    User,
    /// Entering the folder.
    Cwd,
    /// Executing the file.
    Exec,
}

impl SpawnStep {
    const ALL: [Self; 8] = [
        Self::Clone,
        Self::Session,
        Self::Descriptors,
        Self::Nofile,
        Self::Nice,
        Self::User,
        Self::Cwd,
        Self::Exec,
    ];

    pub(super) fn number(self) -> u32 {
        self as u32
    }

    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.number() == number)
    }
}

impl fmt::Display for SpawnStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clone => "make a process",
            Self::Session => "give the process its own session",
            Self::Descriptors => "hand the process its descriptors",
            Self::Nofile => "restore the limit of open files",
            Self::Nice => "set its niceness",
            Self::User => "become the user",
            Self::Cwd => "enter the folder",
            Self::Exec => "execute the program",
        })
    }
}

/// A step that failed; no process is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepFailure {
    pub(super) step: SpawnStep,
    pub(super) errno: Errno,
}
