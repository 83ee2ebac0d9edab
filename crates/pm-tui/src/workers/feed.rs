//! The daemon's news, over as many daemons as it takes.

use std::sync::mpsc::SyncSender;
use std::thread::Builder;
use std::time::Duration;

use pm_client::{CallError, DaemonConnection, Deadline, Feed, Subscription, pause};
use pm_protocol::Home;

use crate::error::TuiError;
use crate::message::{LinkState, Msg};

/// Figures once a second, as often as a sparkline moves.
const USAGE_EVERY: u32 = 1000;
/// How often to look for a daemon where none runs: nobody announces the first one.
const LOOK: Duration = Duration::from_millis(500);
/// A replacement takes milliseconds; after so long it is worth asking whether any daemon is left.
const PATIENCE: Duration = Duration::from_secs(3);

/// Starts the thread; it ends when nobody takes its messages any more.
pub(super) fn start(home: Home, sender: SyncSender<Msg>) -> Result<(), TuiError> {
    let thread = Builder::new().name("feed".into());
    let work = move || {
        while let Some(link) = subscribed(&home, &sender) {
            let over = matches!(link, LinkState::Broken(_));
            if sender.send(Msg::Link(link)).is_err() || over {
                return;
            }
            pause(LOOK, Deadline::NEVER);
        }
    };
    thread.spawn(work).map(drop).map_err(|error| TuiError::Thread("the daemon's news", error))
}

/// One subscription to its end. `None`: nobody listens to us.
fn subscribed(home: &Home, sender: &SyncSender<Msg>) -> Option<LinkState> {
    let mut feed = match Subscription::open(home, Some(USAGE_EVERY)) {
        Ok(feed) => feed,
        Err(error) => return Some(link_after(&error)),
    };
    let mut away = false;
    loop {
        let deadline = if away { Deadline::after(PATIENCE) } else { Deadline::NEVER };
        let msg = match feed.next_before(deadline) {
            Ok(Some(Feed::Change(change))) => {
                away = false;
                Msg::News(change)
            }
            Ok(Some(Feed::Reconnecting)) => {
                away = true;
                Msg::Link(LinkState::Reconnecting)
            }
            Ok(None) => match DaemonConnection::open(home, PATIENCE) {
                Err(error) if error.is_no_daemon() => Msg::Link(LinkState::NoDaemon),
                Ok(_) | Err(_) => continue,
            },
            Err(error) => return Some(link_after(&error)),
        };
        sender.send(msg).ok()?;
    }
}

fn link_after(error: &CallError) -> LinkState {
    if matches!(error, CallError::Connect(error) if error.is_no_daemon()) {
        LinkState::NoDaemon
    } else if matches!(error, CallError::Lost | CallError::Late) {
        LinkState::Reconnecting
    } else {
        LinkState::Broken(format!("could not {error}"))
    }
}
