//! What an instance is told of the apps it depends on and of those that depend on it: plain data.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pm_spec::{AppName, Condition, Status};

use crate::end::Cause;

/// How an app stands to a condition of those that depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it has to be.
    Met,
    /// Not yet, but on its way; the word for where it is.
    Coming(Status),
    /// Not on its way, though it may come: a person stopped it, or it pauses after a failure. Who waits for an answer
    /// gets this one.
    Stuck(Cause),
    /// It does not come until a person does something.
    Failed(Cause),
}

/// An app that an instance waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The app.
    pub on: AppName,
    /// What it has to be.
    pub condition: Condition,
    /// How it stands; not `Met`.
    pub standing: Standing,
}

impl Obstacle {
    /// Whose cause names the app it depends on: the last one of a chain.
    pub(crate) fn new(on: AppName, condition: Condition, standing: Standing) -> Self {
        let named = |why| {
            let is_named = matches!(why, Cause::Dependency { .. });
            if is_named { why } else { Cause::Dependency { on: on.clone(), why: Box::new(why) } }
        };
        let standing = match standing {
            Standing::Stuck(cause) => Standing::Stuck(named(cause)),
            Standing::Failed(cause) => Standing::Failed(named(cause)),
            Standing::Met | Standing::Coming(_) => standing,
        };
        Self { on, condition, standing }
    }

    /// Why it does not come by itself.
    pub(crate) const fn cause(&self) -> Option<&Cause> {
        match &self.standing {
            Standing::Stuck(cause) | Standing::Failed(cause) => Some(cause),
            Standing::Met | Standing::Coming(_) => None,
        }
    }
}

/// What an instance was told of its neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    /// What keeps it from beginning.
    pub(crate) obstacles: Vec<Obstacle>,
    /// Somebody who depends on it is on the way out with it, and goes first.
    pub(crate) is_held: bool,
    /// Somebody waits for it to be ready.
    pub(crate) is_needed: bool,
    /// A person wants it to begin whatever it depends on.
    pub(crate) is_open: bool,
}

/// How an instance looks to its neighbours; they look again when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) standings: [Standing; 4],
    pub(crate) is_leaving: bool,
}
