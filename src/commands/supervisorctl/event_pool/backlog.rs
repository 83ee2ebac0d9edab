//! Events a listener has not acknowledged, and how everything stood when it was last looked at: in a file, written whenever it changes.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;

use pm_protocol::Home;
use serde::{Deserialize, Serialize};

use super::super::processes::SupervisorState;
use crate::prelude::Failure;

/// An event: what it is called, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PoolEvent {
    pub(super) kind: String,
    pub(super) payload: String,
}

impl PoolEvent {
    pub(super) fn new(kind: &str, payload: String) -> Self {
        Self { kind: kind.to_owned(), payload }
    }
}

/// How a process stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProgramStanding {
    pub(super) group: String,
    pub(super) state: SupervisorState,
    /// Of its last run.
    pub(super) pid: u32,
}

/// The file.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct KeptPool {
    /// Whose child this program was: another one is another life of `pm`.
    guardian: u32,
    /// How many events there were.
    serial: u64,
    events: VecDeque<(u64, PoolEvent)>,
    standings: BTreeMap<u32, ProgramStanding>,
}

/// The events, oldest first.
#[derive(Debug)]
pub(super) struct Backlog {
    file: PathBuf,
    kept: KeptPool,
    saved: Vec<u8>,
    is_new: bool,
    /// How each process stood.
    pub(super) standings: BTreeMap<u32, ProgramStanding>,
}

impl Backlog {
    /// What was left of this pool; what can't be read is as good as nothing.
    pub(super) fn open(home: &Home, pool: &str) -> Self {
        let file = home.root().join("pools").join(format!("{pool}.json"));
        let saved = fs::read(&file).unwrap_or_default();
        let mut kept: KeptPool = serde_json::from_slice(&saved).unwrap_or_default();
        let guardian = std::os::unix::process::parent_id();
        let is_new = kept.guardian != guardian;
        if is_new {
            kept = KeptPool { guardian, ..KeptPool::default() };
        }
        let standings = std::mem::take(&mut kept.standings);
        Self { file, kept, saved, is_new, standings }
    }

    /// Whether it is the first time under this guardian.
    pub(super) fn begins_anew(&self) -> bool {
        self.is_new
    }

    pub(super) fn add(&mut self, event: PoolEvent) {
        self.kept.serial += 1;
        self.kept.events.push_back((self.kept.serial, event));
    }

    /// Drops the oldest if there are more; its name.
    pub(super) fn shrink(&mut self, most: usize) -> Option<String> {
        let is_full = self.kept.events.len() > most;
        is_full.then(|| self.kept.events.pop_front().map(|(_, event)| event.kind)).flatten()
    }

    /// The oldest, as a listener is told it.
    pub(super) fn envelope(&self, server: &str, pool: &str) -> Option<String> {
        let (serial, PoolEvent { kind, payload }) = self.kept.events.front()?;
        // Listeners that read characters and those that read bytes agree as long as it is ASCII, as with Supervisor.
        let length = payload.chars().count();
        Some(format!(
            "ver:3.0 server:{server} serial:{serial} pool:{pool} poolserial:{serial} eventname:{kind} len:{length}\n{payload}"
        ))
    }

    /// The oldest is done.
    pub(super) fn acknowledge(&mut self) {
        self.kept.events.pop_front();
    }

    /// Writes it down, if it has changed.
    pub(super) fn save(&mut self) -> Result<(), Failure> {
        self.kept.standings.clone_from(&self.standings);
        let bytes = serde_json::to_vec(&self.kept).unwrap_or_default();
        if bytes == self.saved {
            return Ok(());
        }
        let write = || {
            let aside = self.file.with_extension("new");
            fs::create_dir_all(self.file.parent().unwrap_or(&self.file))?;
            fs::write(&aside, &bytes)?;
            fs::rename(aside, &self.file)
        };
        write().map_err(|error: std::io::Error| {
            Failure::failed(format!("could not write {}: {error}", self.file.display()))
        })?;
        self.saved = bytes;
        Ok(())
    }
}
