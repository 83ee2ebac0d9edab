//! A command beside an app: what is wanted of the thread that makes processes.

use pm_core::{InstanceId, RunId};
use pm_spec::{AppSpec, ByteString, Serving};
use tokio::sync::oneshot;

use crate::short_command::ShortCommand;

/// A command to be begun by the thread that makes processes.
#[derive(Debug)]
pub(crate) struct CommandJob {
    /// The app, with the command in the place of its own.
    pub(crate) app: AppSpec,
    /// Its instance, the slot and how often that was restarted.
    pub(crate) numbers: (InstanceId, u16, u32),
    /// The run it asks: it is of its tree and under its limits, and is heard. Else only what it complains of is.
    pub(crate) run: Option<RunId>,
    /// What it reads.
    pub(crate) input: Option<String>,
    pub(crate) reply: oneshot::Sender<Result<ShortCommand, String>>,
}

/// An app with another command in the place of its own, which has neither its channel nor its sockets.
pub(crate) fn in_place_of(app: &AppSpec, program: ByteString, args: Vec<ByteString>) -> AppSpec {
    let (serving, listen) = (Serving::default(), Vec::new());
    AppSpec { interpreter: None, script: program, args, serving, listen, ..app.clone() }
}
