//! What the hub is asked, and what it answers.

use std::sync::mpsc::SyncSender;

use pm_client::{CallError, ThreadWaker};
use tokio::sync::oneshot;

use crate::app_pattern::AppPattern;
use crate::ears::{HubNeed, HubNews, LiveEar};
use crate::events::EventNumber;
use crate::listener::EventListener;
use crate::view::AppRow;

/// What the thread is asked.
pub(crate) enum HubCall {
    Join(Box<EventListener>),
    Leave(u64),
    /// Who has this number hears everything from now on, or nothing more.
    Hear(u64, Option<LiveEar>),
    List(AppPattern, HubNeed, oneshot::Sender<Result<HubList, HubTrouble>>),
}

/// All apps that may be seen.
#[derive(Debug)]
pub(crate) struct HubList {
    pub(crate) rows: Vec<AppRow>,
    pub(crate) number: EventNumber,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HubTrouble {
    /// The daemon did not give one.
    Call(CallError),
    /// The thread has more to do than it can.
    Busy,
}

impl From<CallError> for HubTrouble {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// The way to hear everything, whether or not somebody looks.
#[derive(Debug)]
pub(crate) struct HubEar {
    id: u64,
    calls: SyncSender<HubCall>,
    waker: ThreadWaker,
}

impl HubEar {
    pub(crate) fn new(id: u64, calls: SyncSender<HubCall>, waker: ThreadWaker) -> Self {
        Self { id, calls, waker }
    }

    /// From now on everything goes there, beginning with a snapshot.
    pub(crate) fn hear<M: From<HubNews> + Send + 'static>(
        &self,
        need: HubNeed,
        to: &SyncSender<M>,
    ) {
        self.call(Some(LiveEar::new(need, to)));
    }

    /// Nothing more is wanted.
    pub(crate) fn rest(&self) {
        self.call(None);
    }

    fn call(&self, ear: Option<LiveEar>) {
        // The hub waits for nobody: there will be room.
        self.calls.send(HubCall::Hear(self.id, ear)).ok();
        self.waker.wake();
    }
}
