//! How an app's processes are reached: as what they run, over which channel, and when they count as up.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Span;

/// `listen_timeout` where nobody says anything (PM2).
pub(crate) const LISTEN_TIMEOUT: Span = Span::from_secs(3);

/// How an app serves, and how it talks to its manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the config")]
pub struct Serving {
    /// Separate processes, or Node cluster workers (PM2: `exec_mode`).
    pub mode: Mode,
    /// How cluster workers share a port.
    pub sched: Sched,
    /// Whether it gets Node's channel (`NODE_CHANNEL_FD`): Node, Bun and Deno apps, and who asks for it.
    pub channel: bool,
    /// Whether cluster workers load our script that lets them leave without cutting off a request.
    pub preload: bool,
    /// Whether it is up only when it has sent `ready` over its channel (PM2: `wait_ready`).
    pub wait_ready: bool,
    /// So long a new process may take to listen or to be ready (PM2: `listen_timeout`, 3 s).
    pub listen_timeout: Span,
    /// Whether Node shows errors in the terms of the source that was translated (PM2: unless
    /// `disable_source_map_support`).
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub source_maps: bool,
    /// Which instances people marked for PM2's hosted dashboard, or took the mark from (PM2: `monitor`), by slot: shown,
    /// and nothing else.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub marks: BTreeMap<u16, bool>,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            mode: Mode::Fork,
            sched: Sched::RoundRobin,
            channel: false,
            preload: true,
            wait_ready: false,
            listen_timeout: LISTEN_TIMEOUT,
            source_maps: false,
            marks: BTreeMap::new(),
        }
    }
}

/// As what an app's processes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Each on its own.
    #[default]
    Fork,
    /// As workers of Node's cluster, which share their listening sockets.
    Cluster,
}

impl Mode {
    /// As PM2 shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Cluster => "cluster",
        }
    }
}

/// How cluster workers share a TCP port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sched {
    /// The daemon accepts and hands each connection to the next worker (Node's and PM2's way).
    #[default]
    RoundRobin,
    /// Each slot has a listening socket of its own (`SO_REUSEPORT`) on which its worker accepts.
    Slot,
}
