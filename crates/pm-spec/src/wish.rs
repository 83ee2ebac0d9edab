//! What people wish of apps, as it goes over the wire and into the core.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{AppName, AppSpec, Environment, Select};

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
    /// And is ready, or has lived for the smaller of `min_uptime` and one second (all of it with `start_retries`), or ended well
    /// for good before that.
    Settled,
}

/// Bring these apps up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The apps, complete.
    #[serde(deserialize_with = "crate::read_apps")]
    pub apps: Vec<AppSpec>,
    /// What to do with those that exist.
    pub existing: Existing,
    /// When to answer.
    pub wait: Patience,
    /// Whether they begin at once, whatever they depend on.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub no_deps: bool,
}

/// Take down and up again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restart {
    /// Which.
    pub select: Vec<Select>,
    /// The shell that takes the place of the one it was started from (PM2: `--update-env`).
    pub env: Option<Environment>,
    /// When to answer.
    pub wait: Patience,
    /// Whether they begin at once, whatever they depend on, and nobody who depends on them is restarted with them.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub no_deps: bool,
}

/// Restart instance after instance; cluster workers are replaced by ones that serve before the old ones go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reload {
    /// Which.
    pub select: Vec<Select>,
    /// The shell that takes the place of the one it was started from.
    pub env: Option<Environment>,
    /// Also while another reload of them is under way.
    #[serde(default)]
    pub force: bool,
    /// It was asked at this time (ms of `CLOCK_MONOTONIC`) of a daemon that did not live to answer: who was begun anew since
    /// is only waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<u64>,
}

/// Have this many instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Of which apps.
    pub select: Vec<Select>,
    /// How many, 1 to 65535.
    pub to: u16,
}

/// Call an app something else; its instances run on and keep their numbers (PM2: `restart ID --name NEW`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Which app, by any of its instances.
    pub select: Vec<Select>,
    /// Its name from now on.
    pub name: AppName,
    /// Its namespace from now on.
    pub namespace: AppName,
}
