//! How apps are asked to go that have something to let go of before: Node apps, and who found its sockets open.

use pm_core::{Reach, RunSignal};
use pm_os::signal::SignalNumber;
use pm_spec::Mode;

use crate::node::Node;
use crate::runs::{Life, Run};

/// Whether this signal waits until no new connection goes to a run that found its sockets open, and it has accepted those
/// that were under way.
pub(super) fn leaves_sockets(run: &mut Run, sent: RunSignal, held: (SignalNumber, Reach)) -> bool {
    let alive = matches!(run.life, Life::Alive) && !run.app.listen.is_empty();
    let leaves = alive && matches!(sent, RunSignal::Drain(..));
    if leaves {
        run.waiting = Some(held);
    }
    leaves
}

/// Whether this signal waits until a Node app has done what it does by itself: one that is asked by a message, or a
/// worker that is replaced and lets its connections run out. One that gets its signal at once gets no new connections
/// any more.
pub(super) fn is_begun(
    node: &Node,
    run: &mut Run,
    sent: RunSignal,
    held: (SignalNumber, Reach),
) -> bool {
    let alive = matches!(run.life, Life::Alive) && run.app.serving.channel;
    let Some(exchange) = node.begun().filter(|_| alive) else { return false };
    let tag = run.tag.raw();
    let is_worker = run.app.serving.mode == Mode::Cluster;
    match sent {
        RunSignal::Drain(..) if is_worker => exchange.drain(tag),
        RunSignal::Stop(..) | RunSignal::Drain(..) if run.app.stop.by_message => {
            exchange.shutdown(tag);
        }
        RunSignal::Stop(..) | RunSignal::Drain(..) => {
            exchange.hold(tag);
            return false;
        }
        RunSignal::Kill(_)
        | RunSignal::Replace(..)
        | RunSignal::StandBy
        | RunSignal::Forward(_) => return false,
    }
    run.waiting = Some(held);
    true
}
