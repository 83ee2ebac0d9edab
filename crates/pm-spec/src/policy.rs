//! When an app is restarted, how it is stopped, and how one that is to end is run.

use alloc::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Bytes, RestartRule, Signal, Span};

/// What follows an end nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// Whether a new run follows (PM2: `autorestart`).
    pub autorestart: bool,
    /// So many runs in a row shorter than `min_uptime` make the app `errored` (PM2: `max_restarts`, 16).
    pub max_restarts: u32,
    /// A run at least this long counts as a success (PM2: `min_uptime`, 1 s).
    pub min_uptime: Span,
    /// The pause before the next run.
    pub delay: Delay,
    /// Exit codes after which the app stays stopped (PM2: `stop_exit_codes`); a signal is no code.
    pub stop_exit_codes: BTreeSet<u8>,
    /// The word from which that follows, if one was said (Compose: `restart`).
    #[serde(default, skip_serializing_if = "RestartRule::is_unsaid")]
    pub rule: RestartRule,
    /// So many further tries of a run shorter than `min_uptime`, however it ended, each after a pause one second longer; longer
    /// runs are followed at once, without end (Supervisor: `startretries`). `None`: the fields above count alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_retries: Option<u32>,
    /// So many runs in a row that were short or failed are called out, once.
    #[serde(
        default = "RestartPolicy::flapping",
        skip_serializing_if = "RestartPolicy::is_usual_flapping"
    )]
    pub flapping_limit: u32,
}

impl RestartPolicy {
    const fn flapping() -> u32 {
        10
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn is_usual_flapping(limit: &u32) -> bool {
        *limit == Self::flapping()
    }

    /// What one word says, before the keys that say more.
    pub fn follow(&mut self, rule: RestartRule) {
        self.rule = rule;
        match rule {
            RestartRule::Unsaid => return,
            RestartRule::No => {}
            RestartRule::Always | RestartRule::UnlessStopped => self.max_restarts = Self::NO_END,
            RestartRule::OnFailure(most) => {
                self.stop_exit_codes.insert(0);
                // The first run is no restart.
                self.max_restarts = most.map_or(Self::NO_END, |most| most.saturating_add(1));
            }
        }
        self.autorestart = rule != RestartRule::No;
    }

    const NO_END: u32 = u32::MAX;

    /// After how many short runs in a row it is given up, if ever.
    pub fn gives_up_after(&self) -> Option<u32> {
        // The first try is none of the further ones.
        let tries = self.start_retries.map(|retries| retries.saturating_add(1));
        tries.or(Some(self.max_restarts)).filter(|runs| *runs != Self::NO_END)
    }
}

/// The pause before a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delay {
    /// At once after an end with code 0 and after few failures in a row, growing after more: what you get when you set nothing.
    Automatic,
    /// Always the same (PM2: `restart_delay`).
    Fixed(Span),
    /// This, then 1.5 times the last up to 15 s; forgotten after 30 s up (PM2: `exp_backoff_restart_delay`).
    Exponential(Span),
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            autorestart: true,
            max_restarts: 16,
            min_uptime: Span::from_secs(1),
            delay: Delay::Automatic,
            stop_exit_codes: BTreeSet::new(),
            rule: RestartRule::Unsaid,
            start_retries: None,
            flapping_limit: Self::flapping(),
        }
    }
}

/// How an app is asked to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopPolicy {
    /// The signal that asks (PM2: `kill_signal`, SIGINT).
    pub signal: Signal,
    /// After so long it is killed (PM2: `kill_timeout`, 1.6 s).
    pub timeout: Span,
    /// Whether the whole tree is signalled, not only the main process (PM2: `treekill`).
    pub tree: bool,
    /// Whether a Node app is asked by a message instead of the signal (PM2: `shutdown_with_message`).
    pub by_message: bool,
}

impl Default for StopPolicy {
    fn default() -> Self {
        Self {
            signal: Signal::INT,
            timeout: Span::from_millis(1600),
            tree: true,
            by_message: false,
        }
    }
}

/// What makes us restart an app that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Resident memory of the whole tree (PM2: `max_memory_restart`).
    pub memory: Option<Bytes>,
}

/// How runs that are to end are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobPolicy {
    /// What becomes of a time that comes while it still runs.
    pub overlap: Overlap,
    /// A run that takes longer is ended and has failed (systemd: `RuntimeMaxSec=`).
    pub time_limit: Option<Span>,
    /// So often one that failed is tried again.
    pub retries: u32,
}

impl JobPolicy {
    /// Whether nothing is as another app has it.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a time that comes while the job still runs (Kubernetes: `concurrencyPolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is left out, and counted.
    #[default]
    Skip,
    /// The job is begun again as soon as it has ended; once, however many times have come.
    Queue,
    /// The run is ended, and another one begun.
    Kill,
}
