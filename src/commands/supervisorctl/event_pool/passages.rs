//! From how processes stood to how they stand: the events Supervisor tells of on the way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::processes::{Supervised, SupervisorState};
use super::backlog::{PoolEvent, ProgramStanding};

use SupervisorState::{Backoff, Exited, Fatal, Running, Starting, Stopped, Stopping};

/// The events between how they stood and how they stand, which is kept.
pub(super) fn between(
    standings: &mut BTreeMap<u32, ProgramStanding>,
    all: &[Supervised],
) -> Vec<PoolEvent> {
    let mut events = Vec::new();
    let groups = |standings: &BTreeMap<u32, ProgramStanding>| -> BTreeSet<String> {
        standings.values().map(|one| one.group.clone()).collect()
    };
    let before = groups(standings);
    let known: BTreeSet<u32> = all.iter().map(|one| one.id).collect();
    standings.retain(|id, _| known.contains(id));
    let mut passages = Vec::new();
    for one in all {
        let group = one.group.clone();
        let new = ProgramStanding { group, state: one.state, pid: one.run };
        let old = standings.insert(one.id, new.clone());
        let old = old.unwrap_or(ProgramStanding { state: Stopped, pid: 0, ..new });
        passages.extend(of_one(&old, one));
    }
    let after = groups(standings);
    let group = |kind: &str, name: &String| PoolEvent::new(kind, format!("groupname:{name}\n"));
    events.extend(after.difference(&before).map(|name| group("PROCESS_GROUP_ADDED", name)));
    events.extend(passages);
    events.extend(before.difference(&after).map(|name| group("PROCESS_GROUP_REMOVED", name)));
    events
}

/// The states a process went through.
fn way(old: &ProgramStanding, one: &Supervised) -> Vec<SupervisorState> {
    let mut way = Vec::new();
    let mut at = old.state;
    // A run we have not seen begin: the one before has ended in between.
    if one.run != old.pid && one.run != 0 {
        way.extend(match at {
            Starting => Some(Backoff),
            Running => Some(Exited),
            Stopping => Some(Stopped),
            Stopped | Exited | Fatal | Backoff => None,
        });
        way.push(Starting);
        at = Starting;
    }
    let rest: &[SupervisorState] = match (at, one.state) {
        (Starting, Running) => &[Running],
        (Starting | Running | Backoff, Stopping) => &[Stopping],
        (Starting, Backoff) => &[Backoff],
        (Starting, Fatal) => &[Backoff, Fatal],
        (Fatal, Fatal) => &[],
        (_, Fatal) => &[Fatal],
        (Starting, Exited) => &[Running, Exited],
        // Or it waits for its next run after a good one.
        (Running, Exited | Backoff) => &[Exited],
        (Starting | Running, Stopped) => &[Stopping, Stopped],
        (Stopping | Backoff, Stopped) => &[Stopped],
        _ => &[],
    };
    way.extend(rest);
    way
}

fn of_one(old: &ProgramStanding, one: &Supervised) -> Vec<PoolEvent> {
    let mut from = old.state;
    let way = way(old, one);
    let mut pid = old.pid;
    let events = way.into_iter().map(|to| {
        if to == Starting {
            pid = one.run;
        }
        let payload = format!(
            "processname:{} groupname:{} from_state:{}",
            one.process,
            one.group,
            from.word()
        );
        let more = match to {
            Starting | Backoff => format!(" tries:{}", one.tries),
            Running | Stopping | Stopped => format!(" pid:{pid}"),
            Exited => format!(" expected:{} pid:{pid}", u8::from(one.is_expected)),
            Fatal => String::new(),
        };
        from = to;
        PoolEvent::new(&format!("PROCESS_STATE_{}", to.word()), payload + &more)
    });
    events.collect()
}
