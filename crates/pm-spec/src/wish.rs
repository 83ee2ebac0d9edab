//! What goes with a wish to have apps up.

use serde::{Deserialize, Serialize};

/// What to do with an app that exists already under that name and namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Take over the new spec and restart what is up (PM2 with a config file).
    Restart,
    /// Take over the new spec and reload what is up, one instance after the other (PM2: `reload FILE`).
    Reload,
    /// Take over the new spec, and restart only what can't be changed while it runs (`apply`).
    Converge,
    /// Start what is down; refuse if it is up (PM2 with a script: "already launched").
    Refuse,
    /// Start what is down, leave alone what is up.
    Keep,
    /// Make another app of the same name (PM2: `--force`).
    Duplicate,
}

/// What "up" means for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patience {
    /// The program was executed.
    Spawned,
    /// And has lived for the smaller of `min_uptime` and one second, or ended well for good before that.
    Settled,
}
