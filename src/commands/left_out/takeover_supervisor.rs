//! `pm takeover supervisor` in a build that does not speak XML-RPC.

use std::path::{Path, PathBuf};

use super::former::{Candidate, Former, ThereProcess};
use crate::cli::FormerKind;
use crate::prelude::{Failure, Session};

/// There is none.
pub(super) enum LiveSupervisor {}

impl LiveSupervisor {
    pub(super) fn find(_: &Session, _: Option<&Path>) -> Result<Self, Failure> {
        Err(Failure::left_out("panel"))
    }
}

impl Former for LiveSupervisor {
    fn kind(&self) -> FormerKind {
        match *self {}
    }

    fn place(&self) -> PathBuf {
        match *self {}
    }

    fn programs(&mut self, _: &Session) -> Result<Vec<Candidate>, Failure> {
        match *self {}
    }

    fn stop(&mut self, _: &ThereProcess) -> Result<(), Failure> {
        match *self {}
    }

    fn start(&mut self, _: &ThereProcess) -> Result<(), Failure> {
        match *self {}
    }

    fn farewell(&self) -> Vec<String> {
        match *self {}
    }
}
