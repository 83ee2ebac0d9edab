//! The steps between clone and exec, any of which may fail.

use rustix::io::Errno;

macro_rules! steps {
    ($($(#[$about:meta])+ $step:ident,)+) => {
        /// A step between clone and exec.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum SpawnStep {
            $($(#[$about])+ $step,)+
        }

        impl SpawnStep {
            const ALL: &[Self] = &[$(Self::$step),+];
        }
    };
}

steps! {
    /// The clone itself.
    #[error("make a process")]
    Clone,
    /// A session of its own.
    #[error("give the process its own session")]
    Session,
    /// Putting descriptors in their places.
    #[error("hand the process its descriptors")]
    Descriptors,
    /// Giving the limit of open files back.
    #[error("restore the limit of open files")]
    Nofile,
    /// Its niceness.
    #[error("set its niceness")]
    Nice,
    /// A limit of its own.
    #[error("limit what it may use")]
    Rlimit,
    /// Its turn at disks.
    #[error("set its turn at disks")]
    Ioprio,
    /// The CPUs it runs on.
    #[error("run it on the CPUs of `cpuset`, all of which its container or cgroup must have")]
    Cpus,
    /// How early it is killed when memory is short.
    #[error("set its oom_score_adj")]
    OomScore,
    /// Becoming another user.
    #[error("become the user")]
    User,
    /// Entering the folder.
    #[error("enter the folder")]
    Cwd,
    /// Keeping it from what it can't reach.
    #[error("isolate it")]
    Isolate,
    /// A `/tmp` of its own.
    #[error("give it a /tmp of its own")]
    PrivateTmp,
    /// Entering its control group.
    #[error("enter its cgroup")]
    Cgroup,
    /// Executing the file.
    #[error("execute the program")]
    Exec,
}

impl SpawnStep {
    /// From 1 on.
    pub(super) fn number(self) -> u32 {
        self as u32 + 1
    }

    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| step.number() == number)
    }
}

/// A step that failed; no process is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepFailure {
    pub(super) step: SpawnStep,
    pub(super) errno: Errno,
}
