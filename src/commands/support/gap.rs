//! Reloads that leave a gap, for the old process has to end before the new one begins: whose they are is said before, how
//! long nobody listened is measured meanwhile, and said after.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pm_client::Client;
use pm_config::{Given, Typed};
use pm_os::listening;
use pm_protocol::{Describe, List, Row};
use pm_spec::{AppSpec, Select, Signal};

use crate::prelude::{Failure, Session, quick};
use crate::render::outcomes::Gap;
use crate::render::text::safe_text;

/// How often it is looked whether somebody listens.
const OFTEN: Duration = Duration::from_millis(5);

/// How long nobody listened on a port.
type Closed = BTreeMap<u16, Duration>;

/// Apps that are about to be reloaded, and who looks at their ports.
#[derive(Debug)]
pub(crate) struct GapWatch {
    /// Where those listen that are stopped before.
    apart: BTreeMap<u32, Vec<SocketAddr>>,
    /// The signals of those that replace their workers by one.
    signals: BTreeMap<u32, Signal>,
    looker: Option<(SyncSender<()>, JoinHandle<Closed>)>,
}

impl GapWatch {
    /// Begins to look at those that are selected, and says whose gap is sure; at all if it is not known yet who will be. `given` may
    /// take their signal from them.
    pub(crate) fn begin(
        session: &Session,
        client: &mut Client,
        selected: Option<Vec<Select>>,
        given: &Given,
    ) -> Result<Self, Failure> {
        let is_known = selected.is_some() && !session.called_as.is_pm2();
        let select = selected.unwrap_or_default();
        let list = List { select: select.clone(), usage: true, host: false };
        let rows = quick(client, &list)?.rows;
        let described = quick(client, &Describe { select, known: true })?.descriptions;
        let is_alone = |row: &&Row| {
            let same = |other: &&Row| other.name == row.name && other.namespace == row.namespace;
            rows.iter().filter(same).count() == 1 && row.pid != 0
        };
        let spec = |row: &Row| Some(&described.iter().find(|it| it.row.id == row.id)?.spec);
        let is_apart = |row: &&Row| spec(row).is_some_and(stops_before);
        let apart: Vec<&Row> = rows.iter().filter(is_alone).filter(is_apart).collect();
        let keeps_it = given.get("reload_signal") != Some(&Typed::word("none"));
        let signal = |row: &&Row| Some((row.id, spec(row)?.reload_signal.filter(|_| keeps_it)?));
        let signals: BTreeMap<_, _> = apart.iter().filter_map(signal).collect();
        let by_signal = |row: &Row| signals.contains_key(&row.id);
        let sure = apart.iter().filter(|row| !row.usage.listens.is_empty() && !by_signal(row));
        if is_known {
            warn(session, &sure.copied().collect::<Vec<_>>());
        }
        let apart: BTreeMap<_, _> =
            apart.into_iter().map(|row| (row.id, row.usage.listens.clone())).collect();
        let ports: BTreeSet<u16> = apart.values().flatten().map(SocketAddr::port).collect();
        let looker = (!ports.is_empty()).then(|| {
            // Nothing is ever sent: that there is nobody any more who could is the message.
            let (over, end) = sync_channel(0);
            (over, thread::spawn(move || look(&ports, &end)))
        });
        Ok(Self { apart, signals, looker })
    }

    /// What was seen, and the signals that were of no use to who stopped nevertheless.
    pub(crate) fn end(self) -> (BTreeMap<u32, Option<Gap>>, BTreeMap<u32, Signal>) {
        let closed = self.looker.and_then(|(over, looker)| {
            drop(over);
            looker.join().ok()
        });
        let closed = closed.unwrap_or_default();
        let gap = |listens: Vec<SocketAddr>| {
            let gaps = listens.into_iter().map(|at| (closed.get(&at.port()).copied(), at));
            let (span, at) = gaps.max()?;
            Some(Gap { at, span: span.filter(|span| !span.is_zero())? })
        };
        let gaps = self.apart.into_iter().map(|(id, listens)| (id, gap(listens))).collect();
        (gaps, self.signals)
    }
}

/// Whether its old process is stopped before the new one begins.
fn stops_before(spec: &AppSpec) -> bool {
    !spec.may_overlap()
}

fn warn(session: &Session, apps: &[&Row]) {
    let text = match apps {
        [] => return,
        [row] => {
            let (name, at) = (safe_text(&row.name), row.usage.listens.first());
            let at = at.map(SocketAddr::to_string).unwrap_or_default();
            format!("{name} opens its port itself: nobody listens on {at}")
        }
        many => format!("{} apps open their ports themselves: nobody listens there", many.len()),
    };
    session.console.talk(&format!(
        "note: {text} from the end of the old process until the new one does; `listen` has pm open it (docs/python.md)"
    ));
}

/// Looks until it is over.
fn look(ports: &BTreeSet<u16>, end: &Receiver<()>) -> Closed {
    let mut closed = Closed::new();
    let mut before = Instant::now();
    while end.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        // Where the kernel does not tell, nothing is known of a gap.
        if let Ok(open) = listening::open_ports() {
            for port in ports.difference(&open) {
                *closed.entry(*port).or_default() += now.duration_since(before);
            }
        }
        before = now;
    }
    closed
}
