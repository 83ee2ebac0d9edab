//! What the kernel is told about an app's processes: how much of each resource they may use, and who goes first.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{ByteString, Bytes, CpuSet, Cpus, Span};

/// What the kernel is told about each process of an app before its program runs; what is not set stays as the daemon's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelRules {
    /// Resource limits, `setrlimit(2)` (Compose: `ulimits`, systemd: `LimitNOFILE=` and the like).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rlimits: BTreeMap<ResourceKind, ResourceLimit>,
    /// Its turn at disks, `ioprio_set(2)` (systemd: `IOSchedulingClass=`, `IOSchedulingPriority=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ioprio: Option<IoPriority>,
    /// How early it is killed when memory is short, -1000 (never) to 1000, `proc(5)` (Compose: `oom_score_adj`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i16>,
    /// Memory of all processes of a run together; who takes more is killed by the kernel (Compose: `mem_limit`, systemd:
    /// `MemoryMax=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_limit: Option<Bytes>,
    /// CPU time of all of them together (Compose: `cpus`, systemd: `CPUQuota=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Cpus>,
    /// On which CPUs its processes run (Compose: `cpuset`, systemd: `CPUAffinity=`).
    #[serde(default, skip_serializing_if = "CpuSet::is_empty")]
    pub cpuset: CpuSet,
    /// How many processes and threads a run may have (Compose: `pids_limit`, systemd: `TasksMax=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids_limit: Option<u32>,
    /// What its processes can't reach, whoever they run as.
    #[serde(default, skip_serializing_if = "Isolate::is_none")]
    pub isolate: Isolate,
    /// What an isolated app may write, besides its folder, `/tmp` and `/var/tmp` (systemd: `ReadWritePaths=`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write_paths: Vec<ByteString>,
    /// Whether its `/tmp` and `/var/tmp` are its own (systemd: `PrivateTmp=`).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub private_tmp: bool,
    /// Whether it may make other than local sockets (systemd: `PrivateNetwork=`, `RestrictAddressFamilies=`).
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub network: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_yes(yes: &bool) -> bool {
    *yes
}

impl Default for KernelRules {
    fn default() -> Self {
        Self {
            rlimits: BTreeMap::new(),
            ioprio: None,
            oom_score_adj: None,
            mem_limit: None,
            cpus: None,
            cpuset: CpuSet::default(),
            pids_limit: None,
            isolate: Isolate::None,
            write_paths: Vec::new(),
            private_tmp: false,
            network: true,
        }
    }
}

impl KernelRules {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a run is kept within limits of all its processes together: it has a cgroup of its own.
    pub fn has_group(&self) -> bool {
        self.mem_limit.is_some() || self.cpus.is_some() || self.pids_limit.is_some()
    }
}

/// How far an app is kept from the rest of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolate {
    /// Not at all.
    #[default]
    None,
    /// It changes no file but its own, and gets no other user's rights (systemd: `ProtectSystem=strict`,
    /// `NoNewPrivileges=`).
    Basic,
    /// And it does nothing to the machine or to others' processes (systemd: `SystemCallFilter=`).
    Strict,
}

impl Isolate {
    /// Whether it is not kept from anything.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// The resources the kernel can limit, under their names of `prlimit(1)`. `locks` is not among them: Linux ignores it,
/// and `pm` marks processes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceKind {
    /// Address space of a process, bytes.
    As,
    /// The largest file a dump of memory may be, bytes.
    Core,
    /// CPU time of a process, seconds.
    Cpu,
    /// Data segment of a process, bytes.
    Data,
    /// The largest file it may write, bytes.
    Fsize,
    /// Memory a process may lock, bytes.
    Memlock,
    /// POSIX message queues of the user, bytes.
    Msgqueue,
    /// 20 less the lowest niceness it may give itself.
    Nice,
    /// Open files of a process.
    Nofile,
    /// Processes and threads of the user; root has no such limit.
    Nproc,
    /// Resident memory, bytes; Linux ignores it.
    Rss,
    /// The highest real-time priority it may give itself.
    Rtprio,
    /// Real-time CPU time without a pause, microseconds.
    Rttime,
    /// Signals of the user that wait to be delivered.
    Sigpending,
    /// Stack of a process, bytes.
    Stack,
}

/// All of them by name.
const RESOURCES: [(&str, ResourceKind); 15] = [
    ("as", ResourceKind::As),
    ("core", ResourceKind::Core),
    ("cpu", ResourceKind::Cpu),
    ("data", ResourceKind::Data),
    ("fsize", ResourceKind::Fsize),
    ("memlock", ResourceKind::Memlock),
    ("msgqueue", ResourceKind::Msgqueue),
    ("nice", ResourceKind::Nice),
    ("nofile", ResourceKind::Nofile),
    ("nproc", ResourceKind::Nproc),
    ("rss", ResourceKind::Rss),
    ("rtprio", ResourceKind::Rtprio),
    ("rttime", ResourceKind::Rttime),
    ("sigpending", ResourceKind::Sigpending),
    ("stack", ResourceKind::Stack),
];

impl ResourceKind {
    /// All their names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        RESOURCES.iter().map(|(name, _)| *name)
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<Self> {
        RESOURCES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        RESOURCES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| *name)
    }

    /// One number of it: bytes also with their unit, seconds of CPU also as a length of time.
    fn number(self, text: &str) -> Option<u64> {
        if matches!(text, "unlimited" | "infinity" | "-1") {
            return Some(ResourceLimit::UNLIMITED);
        }
        let plain = text.parse().ok().filter(|number| *number != ResourceLimit::UNLIMITED);
        plain.or_else(|| match self {
            Self::As
            | Self::Core
            | Self::Data
            | Self::Fsize
            | Self::Memlock
            | Self::Msgqueue
            | Self::Rss
            | Self::Stack => Bytes::parse(text).ok().map(Bytes::get),
            // A number alone is seconds.
            Self::Cpu if text.ends_with(|last: char| last.is_ascii_alphabetic()) => {
                Span::parse(text).ok().map(|span| span.as_millis().div_ceil(1000))
            }
            Self::Cpu
            | Self::Nice
            | Self::Nofile
            | Self::Nproc
            | Self::Rtprio
            | Self::Rttime
            | Self::Sigpending => None,
        })
    }
}

/// How much of a resource: up to the soft limit, which a process may raise up to the hard one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    /// In force; `None`: the daemon's own, as far as the hard one permits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<u64>,
    /// As far as the soft one may be raised; `None`: the daemon's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hard: Option<u64>,
}

impl ResourceLimit {
    /// No limit.
    pub const UNLIMITED: u64 = u64::MAX;

    /// Reads what `prlimit(1)` takes: `1024` (both), `1024:2048`, `1024:` (soft), `:2048` (hard).
    pub fn parse(kind: ResourceKind, text: &str) -> Option<Self> {
        let part = |text: &str| match text.trim() {
            "" => Some(None),
            text => kind.number(text).map(Some),
        };
        let (soft, hard) = match text.split_once(':') {
            Some((soft, hard)) => (part(soft)?, part(hard)?),
            None => (part(text)?, part(text)?),
        };
        Self { soft, hard }.possible()
    }

    /// It, unless it limits nothing or its soft part is above its hard one.
    pub fn possible(self) -> Option<Self> {
        let ResourceLimit { soft, hard } = self;
        let fits = soft.zip(hard).is_none_or(|(soft, hard)| soft <= hard);
        (fits && (soft.is_some() || hard.is_some())).then_some(self)
    }
}

/// As `prlimit(1)` takes it.
impl fmt::Display for ResourceLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |part: Option<u64>| match part {
            None => String::new(),
            Some(Self::UNLIMITED) => "unlimited".into(),
            Some(number) => number.to_string(),
        };
        if self.soft == self.hard {
            return f.write_str(&word(self.soft));
        }
        write!(f, "{}:{}", word(self.soft), word(self.hard))
    }
}

/// A process's turn at disks, where their scheduler (bfq) knows turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IoPriority {
    /// Before all others, 0 (first) to 7; needs root.
    Realtime(u8),
    /// As usual, 0 (first) to 7.
    BestEffort(u8),
    /// When nobody else wants the disk.
    Idle,
}

impl IoPriority {
    /// Reads `idle`, `best-effort`, `best-effort:7`, `realtime:0`; 4 where no number is said, as `ionice(1)` does.
    pub fn parse(text: &str) -> Option<Self> {
        let (class, level) = match text.split_once(':') {
            Some((class, level)) => (class, level.trim().parse().ok().filter(|level| *level <= 7)?),
            None => (text, 4),
        };
        match class.trim() {
            "realtime" => Some(Self::Realtime(level)),
            "best-effort" => Some(Self::BestEffort(level)),
            "idle" if class == text => Some(Self::Idle),
            _ => None,
        }
    }
}

impl fmt::Display for IoPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Realtime(level) => write!(f, "realtime:{level}"),
            Self::BestEffort(level) => write!(f, "best-effort:{level}"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_prlimit_reads_them() {
        let both = |number| (Some(number), Some(number));
        for (kind, text, limit) in [
            ("nofile", "1024", both(1024)),
            ("nofile", "1024:2048", (Some(1024), Some(2048))),
            ("nofile", " 1024 : ", (Some(1024), None)),
            ("nofile", ":2048", (None, Some(2048))),
            ("core", "0", both(0)),
            ("as", "1.5G", both(3 << 29)),
            ("memlock", "unlimited", both(u64::MAX)),
            ("memlock", "64M:infinity", (Some(64 << 20), Some(u64::MAX))),
            ("stack", "-1", both(u64::MAX)),
            ("cpu", "60", both(60)),
            ("cpu", "1.5m", both(90)),
        ] {
            let kind = ResourceKind::parse(kind).unwrap();
            let read = ResourceLimit::parse(kind, text).unwrap();
            assert_eq!((read.soft, read.hard), limit, "{text}");
            assert_eq!(ResourceLimit::parse(kind, &read.to_string()), Some(read), "{text}");
        }
        for text in ["", ":", "x", "1G", "-2", "2048:1024", "unlimited:1", "1:2:3", "1.5"] {
            assert_eq!(ResourceLimit::parse(ResourceKind::Nofile, text), None, "{text}");
        }
        assert_eq!(ResourceKind::parse("locks"), None, "it is the mark of our processes");
    }

    #[test]
    fn turns_at_disks_are_read_and_shown() {
        for (text, turn) in [
            ("idle", IoPriority::Idle),
            ("best-effort", IoPriority::BestEffort(4)),
            ("best-effort:0", IoPriority::BestEffort(0)),
            ("realtime:7", IoPriority::Realtime(7)),
        ] {
            assert_eq!(IoPriority::parse(text), Some(turn), "{text}");
            assert_eq!(IoPriority::parse(&turn.to_string()), Some(turn), "{text}");
        }
        for text in ["", "idle:3", "best-effort:8", "realtime:-1", "4", "best"] {
            assert_eq!(IoPriority::parse(text), None, "{text}");
        }
    }
}
