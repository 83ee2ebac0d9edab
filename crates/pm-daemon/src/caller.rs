//! Who asked, and what it is answered.

use std::sync::Arc;

use pm_core::{Ask, Author, Time};
use pm_protocol::{Change, Existing, Outcome, Outcomes, Refusal, Start};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::clock;

/// What a connection gets for a call.
#[derive(Debug)]
pub(crate) enum CallAnswer {
    /// The reply, encoded.
    Reply(Box<RawValue>),
    /// A refusal.
    Refused(Refusal),
    /// The reply to a `Watch`, and the news that follow.
    Feed(Box<RawValue>, mpsc::Receiver<Arc<Change>>),
}

/// Somebody who is owed an answer.
#[derive(Debug)]
pub(crate) struct Caller {
    reply: oneshot::Sender<CallAnswer>,
    /// Who it is.
    author: Option<Author>,
    /// Since when.
    asked: Time,
    /// What it should know besides.
    warning: Option<String>,
    /// Whether it asked for a reload.
    reloads: bool,
}

impl Caller {
    /// Owed an answer through this.
    pub(crate) fn new(reply: oneshot::Sender<CallAnswer>, author: Option<Author>) -> Self {
        Self { reply, author, asked: clock::now(), warning: None, reloads: false }
    }

    /// Who it is, in words.
    pub(crate) fn author(&self) -> Option<&Author> {
        self.author.as_ref()
    }

    /// When it asked.
    pub(crate) fn asked(&self) -> Time {
        self.asked
    }

    /// The same, who asked for this.
    pub(crate) fn asking(self, ask: &Ask) -> Self {
        let reloads =
            matches!(ask, Ask::Reload(_) | Ask::Start(Start { existing: Existing::Reload, .. }));
        Self { reloads, ..self }
    }

    /// Whether it asked for a reload.
    pub(crate) fn reloads(&self) -> bool {
        self.reloads
    }

    /// The same, to be told this besides.
    pub(crate) fn warned(self, warning: Option<String>) -> Self {
        Self { warning, ..self }
    }

    /// Answers; whoever asked may be gone.
    pub(crate) fn answer(self, answer: CallAnswer) {
        self.reply.send(answer).ok();
    }

    /// Answers with what became of the instances.
    pub(crate) fn outcomes(mut self, outcomes: Vec<Outcome>) {
        let warning = self.warning.take();
        self.reply(&Outcomes { outcomes, warning });
    }

    /// Answers with a value.
    pub(crate) fn reply<R: serde::Serialize>(self, reply: &R) {
        self.answer(encoded(reply));
    }

    /// Refuses.
    pub(crate) fn refuse(self, refusal: Refusal) {
        self.answer(CallAnswer::Refused(refusal));
    }
}

/// A reply as it goes over the wire.
fn encoded<R: serde::Serialize>(reply: &R) -> CallAnswer {
    match serde_json::value::to_raw_value(reply) {
        Ok(raw) => CallAnswer::Reply(raw),
        Err(error) => CallAnswer::Refused(Refusal {
            code: pm_protocol::Code::System,
            message: format!("the answer could not be written down: {error}"),
            hint: None,
        }),
    }
}
