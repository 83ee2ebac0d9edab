//! What a new daemon does first: learn what the one before left behind, and never start a second copy of anything.
//!
//! The order matters (supervision.md, traps 2 to 4): the journal, then a scan for marked processes, then the
//! guardian's list. Only what is in neither was never started.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::os::unix::process::parent_id;

use pm_core::{
    AppId, Core, Counters, Ending, Fact, InstanceId, InstanceRecord, JobRecord, Record, RunId,
    SavedPhase, SpawnFailure, Want,
};
use pm_guardian::{FromGuardian, ItemKind, LeaderExit, Link, LinkError, StartReason, ToGuardian};
use pm_logs::{Stream, StreamKey};
use pm_os::identity::{NotOurs, ProcIdentity};
use pm_os::tag::Tag;
use pm_os::tree::{ProcEntry, ProcScan};

use crate::runs::{Life, Run, Told};
use crate::slots::{Address, CHANNEL_SLOT, ChannelEnd, NOTICE_SLOT, PIDFD_SLOT, stream_of};
use crate::strangers::{self, Strangers};
use crate::{clock, daemon_log, node};

mod main_process;

use main_process::{MainTraces, main_process};

/// Pipes and files by stream, and whose they are; without a file where descriptors were short.
pub(crate) type KeptStreams = BTreeMap<StreamKey, (OwnedFd, Option<OwnedFd>, Option<Address>)>;

/// What the guardian keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Leaders by run.
    pidfds: BTreeMap<RunId, (i32, OwnedFd)>,
    pub(crate) streams: KeptStreams,
    /// Channels of Node apps with their notes, by run.
    channels: BTreeMap<RunId, ChannelEnd>,
    /// Sockets over which runs say how they are.
    pub(crate) notices: BTreeMap<RunId, OwnedFd>,
    /// Listening sockets of cluster workers with their notes, by app and number.
    pub(crate) sockets: BTreeMap<(AppId, u8), ChannelEnd>,
    /// Whose runs the items belong to.
    owners: BTreeMap<RunId, Address>,
    /// Ends not acknowledged yet.
    pub(crate) exits: Vec<LeaderExit>,
    /// The listening socket.
    pub(crate) listener: Option<OwnedFd>,
    /// Which incarnation we are.
    pub(crate) incarnation: u32,
    /// Whether no daemon of this guardian was before us.
    pub(crate) is_first: bool,
}

/// Asks the guardian for everything it keeps. Blocks until it has told all.
pub(crate) fn ask(link: &Link, home_id: u32) -> Result<Kept, LinkError> {
    link.send(&ToGuardian::List, &[])?;
    let mut kept = Kept::default();
    loop {
        let (message, descriptors) = link.receive()?.ok_or(LinkError::Gone)?;
        let mut descriptors = descriptors.into_iter();
        match message {
            FromGuardian::Incarnation { number, why } => {
                kept.incarnation = number;
                kept.is_first = why == StartReason::First;
            }
            FromGuardian::Listener => kept.listener = descriptors.next(),
            FromGuardian::EndOfList => return Ok(kept),
            // Only a daemon that has said it is ready is asked.
            FromGuardian::Ping => {}
            FromGuardian::Exit(exit) => kept.exits.push(exit),
            FromGuardian::Item { tag, slot, kind, name } => {
                let ours = Tag::from_raw(tag).filter(|tag| tag.home() == home_id);
                let (Some(tag), Some(first)) = (ours, descriptors.next()) else { continue };
                if let Some(app) = node::app_of(tag) {
                    let second = descriptors.next();
                    kept.sockets.extend(second.map(|note| ((app, slot), (first, note))));
                    continue;
                }
                let owner = Address::parse(name);
                kept.owners.extend(owner.map(|owner| (RunId(tag.run()), owner)));
                match (kind, stream_of(slot), descriptors.next()) {
                    (ItemKind::Pidfd { pid }, _, _) => {
                        kept.pidfds.insert(RunId(tag.run()), (pid, first));
                    }
                    (ItemKind::Stream | ItemKind::Other, Some(stream), file) => {
                        let key = StreamKey { tag: tag.raw(), stream };
                        kept.streams.insert(key, (first, file, owner));
                    }
                    (ItemKind::Other, None, Some(note)) if slot == CHANNEL_SLOT => {
                        kept.channels.insert(RunId(tag.run()), (first, note));
                    }
                    (ItemKind::Other, None, None) if slot == NOTICE_SLOT => {
                        kept.notices.insert(RunId(tag.run()), first);
                    }
                    (ItemKind::Stream | ItemKind::Other, _, _) => {}
                }
            }
        }
    }
}

/// What is to be done about what the daemon before left.
#[derive(Debug, Default)]
pub(crate) struct Inheritance {
    /// Runs that live, or whose end the core has not been told.
    pub(crate) runs: Vec<(RunId, Run)>,
    /// To be told to the core first.
    pub(crate) facts: Vec<Fact>,
    /// Runs that ended while nobody was there to see how.
    pub(crate) vanished: Vec<RunId>,
    /// Trees whose main process is known to have ended; somebody must look who is left.
    pub(crate) sweeping: Vec<RunId>,
    /// Living runs whose main process the guardian does not keep, since it is new or got only a part of everything.
    pub(crate) unkept: Vec<RunId>,
    /// Channels of runs that live.
    pub(crate) channels: Vec<(RunId, ChannelEnd)>,
    /// Runs that never began; whatever the guardian keeps of them can go.
    pub(crate) never: Vec<RunId>,
    /// Runs that live, and that the journal has lost.
    pub(crate) strangers: Strangers,
}

/// Puts together what the journal, the scan and the guardian know, to go on from.
pub(crate) fn inherit(
    mut records: Vec<Record>,
    scan: &ProcScan,
    kept: &mut Kept,
    (home_id, has_lost): (u32, bool),
) -> (Core, Inheritance) {
    let mut marked: BTreeMap<RunId, Vec<ProcEntry>> = BTreeMap::new();
    for (tag, seen) in scan.of_home(home_id) {
        marked.entry(RunId(tag.run())).or_default().push(*seen);
    }
    if has_lost {
        find_again(&mut records, &marked, kept);
    }
    catch_up(&mut records, &marked, kept);
    let going = going(&records);
    raise_counters(&mut records, &marked, kept);
    let core = Core::restore(clock::now(), records);
    let mut inheritance = Inheritance::default();
    for (instance, (id, identity)) in living(&core) {
        let tag = Tag::new(home_id, id.0);
        let address = Address { app: instance.app_id, instance: instance.id };
        let mut run =
            Run::expected(tag, address, instance.slot, std::sync::Arc::clone(instance.app));
        let seen = marked.get(&id).map_or(&[][..], Vec::as_slice);
        let exited = kept.exits.iter().find(|exit| exit.tag == tag.raw()).map(|exit| exit.pid);
        let traces = MainTraces { seen, kept: kept.pidfds.get(&id), exited };
        let Some(known) = main_process(tag, identity, &traces, &mut inheritance.facts) else {
            inheritance.facts.push(Fact::NotSpawned(id, SpawnFailure::Interrupted));
            inheritance.never.push(id);
            continue;
        };
        run.identity = Some(known);
        run.life = Life::Alive;
        run.open = [Stream::Out, Stream::Err]
            .into_iter()
            .filter(|stream| {
                kept.streams.contains_key(&StreamKey { tag: tag.raw(), stream: *stream })
            })
            .collect();
        let stored = kept.pidfds.remove(&id).filter(|(pid, _)| *pid == known.pid);
        if stored.is_none() {
            inheritance.unkept.push(id);
        }
        let opened = stored.map_or_else(|| known.open(), |(_, pidfd)| Ok(pidfd));
        let is_gone = matches!(opened, Err(NotOurs::Gone { .. } | NotOurs::Stranger { .. }));
        let is_gone = is_gone && is_orphan(scan, known, parent_id());
        run.pidfd = opened.ok();
        let told = kept.exits.iter().any(|exit| exit.tag == tag.raw() && exit.pid == known.pid);
        let there = scan
            .find(known.pid)
            .is_some_and(|seen| seen.started == known.started || known.started == 0);
        if let Some(channel) = kept.channels.remove(&id) {
            inheritance.channels.push((id, channel));
        }
        if going.contains(&id) {
            run.life = Life::Ended(Ending::Unknown, Told::Yes);
            inheritance.sweeping.push(id);
        } else if !told && (!there || is_gone) {
            inheritance.vanished.push(id);
        }
        run.find_group();
        inheritance.runs.push((id, run));
    }
    if has_lost {
        let runs = inheritance.runs.iter().map(|(id, _)| *id);
        let known = runs.chain(inheritance.never.iter().copied()).collect();
        inheritance.strangers = Strangers::among(&marked, &known, home_id);
        if let Some(warning) = inheritance.strangers.warning() {
            daemon_log::note(format_args!("{warning}"));
        }
    }
    (core, inheritance)
}

/// Whether nobody would tell us of its end: process 1 reaps it, whenever it likes, and not the guardian, our parent.
fn is_orphan(scan: &ProcScan, known: ProcIdentity, guardian: u32) -> bool {
    scan.find(known.pid).is_some_and(|seen| u32::try_from(seen.ppid) != Ok(guardian))
}

/// All runs that live as far as the core knows, with their instances.
fn living(
    core: &Core,
) -> impl Iterator<Item = (pm_core::InstanceView<'_>, (RunId, Option<pm_core::Identity>))> {
    core.instances().flat_map(|instance| {
        let runs = [instance.run, instance.second].into_iter().flatten();
        runs.map(|run| (instance.clone(), run)).collect::<Vec<_>>()
    })
}

/// Runs whose main process has ended and whose tree is being swept.
fn going(records: &[Record]) -> Vec<RunId> {
    let mut last = BTreeMap::new();
    for record in records {
        if let Record::Instance(instance) = record {
            let phases = [Some(&instance.phase), instance.second.as_ref()];
            last.insert(instance.id, phases.map(|phase| phase.and_then(ended)));
        }
    }
    last.into_values().flatten().flatten().collect()
}

/// The run whose main process has ended, if it is one.
fn ended(phase: &SavedPhase) -> Option<RunId> {
    let SavedPhase::Stopping { run, ended: true, .. } = phase else { return None };
    Some(*run)
}

/// A damaged journal may have lost all it said of an instance. Where the app is known, and the guardian tells whose a
/// living run is, it is taken over again; only its history is lost.
fn find_again(records: &mut Vec<Record>, marked: &BTreeMap<RunId, Vec<ProcEntry>>, kept: &Kept) {
    let apps: BTreeSet<AppId> = records.iter().filter_map(known_app).collect();
    let instances: BTreeSet<InstanceId> = records.iter().filter_map(known_instance).collect();
    for (run, owner) in kept.owners.iter().filter(|(run, _)| marked.contains_key(run)) {
        if instances.contains(&owner.instance) || !apps.contains(&owner.app) {
            continue;
        }
        let id = owner.instance.0;
        daemon_log::note(format_args!("the journal lost instance {id}; it is taken over again"));
        records.push(Record::Instance(InstanceRecord {
            by: None,
            id: owner.instance,
            app: owner.app,
            slot: 0,
            want: Want::Up,
            restarts: 0,
            unstable: 0,
            flaps: 0,
            last_delay: 0,
            created: clock::now(),
            resting: false,
            job: JobRecord::default(),
            phase: SavedPhase::Starting(*run),
            worker: false,
            shares_sockets: false,
            // What it was made by is not known.
            outdated: true,
            second: None,
            health: None,
            no_deps: false,
        }));
    }
}

fn known_app(record: &Record) -> Option<AppId> {
    let Record::App(app) = record else { return None };
    Some(app.id)
}

fn known_instance(record: &Record) -> Option<InstanceId> {
    let Record::Instance(instance) = record else { return None };
    Some(instance.id)
}

/// What strangers write goes on into their files; the guardian keeps it for the next daemon.
pub(crate) fn leave_to_themselves(kept: &mut Kept, strangers: &Strangers) {
    let is_theirs =
        |key: &StreamKey| Tag::from_raw(key.tag).is_some_and(|tag| strangers.has(RunId(tag.run())));
    let theirs: Vec<_> = kept.streams.keys().copied().filter(is_theirs).collect();
    let streams = theirs.iter().filter_map(|key| kept.streams.remove(key));
    // Nobody knows any more which file it was that was not kept.
    let file = |file: Option<OwnedFd>| file.or_else(|| pm_os::stdio::null().ok());
    let streams = streams.filter_map(|(pipe, kept, _)| Some((pipe, file(kept)?)));
    strangers::carry_on(streams.collect());
    kept.pidfds.retain(|run, _| !strangers.has(*run));
    kept.channels.retain(|run, _| !strangers.has(*run));
    kept.notices.retain(|run, _| !strangers.has(*run));
}

/// A journal that lost its last lines doesn't know the latest runs, but guardian and processes do: without this
/// their apps would be started a second time.
fn catch_up(records: &mut Vec<Record>, marked: &BTreeMap<RunId, Vec<ProcEntry>>, kept: &Kept) {
    let mut next = RunId(0);
    let mut instances: BTreeMap<InstanceId, InstanceRecord> = BTreeMap::new();
    for record in records.iter() {
        match record {
            Record::Counters(counters) => next = next.max(counters.run),
            Record::Instance(instance) => {
                for phase in instance.phases() {
                    next = next.max(phase.run().map_or(next, |run| RunId(run.0 + 1)));
                }
                instances.insert(instance.id, instance.clone());
            }
            Record::InstanceGone(id) => drop(instances.remove(id)),
            Record::App(_) | Record::AppGone(_) | Record::End(..) => {}
        }
    }
    let exited = kept.exits.iter().filter_map(|exit| Tag::from_raw(exit.tag));
    let exited: BTreeSet<RunId> = exited.map(|tag| RunId(tag.run())).collect();
    let known = marked.keys().copied().chain(kept.pidfds.keys().copied()).chain(exited);
    let unknown: BTreeSet<RunId> = known.filter(|run| *run >= next).collect();
    // In order, so that of several runs of an instance the latest counts.
    for run in unknown {
        let instance = kept.owners.get(&run).and_then(|owner| {
            instances.get(&owner.instance).filter(|instance| instance.app == owner.app)
        });
        match instance {
            Some(instance) => {
                daemon_log::note(format_args!(
                    "the journal lost run {} of instance {}; it is taken over all the same",
                    run.0, instance.id.0
                ));
                let phase = SavedPhase::Starting(run);
                let want = if marked.contains_key(&run) { Want::Up } else { instance.want };
                records.push(Record::Instance(InstanceRecord { phase, want, ..instance.clone() }));
            }
            None => {
                daemon_log::note(format_args!("run {} is of an app nobody knows any more", run.0));
            }
        }
    }
}

/// A run's number is never used twice, even if the journal lost its last lines.
fn raise_counters(
    records: &mut Vec<Record>,
    marked: &BTreeMap<RunId, Vec<ProcEntry>>,
    kept: &Kept,
) {
    let stored = kept.streams.keys().map(|key| key.tag);
    let tags = stored.chain(kept.exits.iter().map(|exit| exit.tag)).filter_map(Tag::from_raw);
    let highest = marked
        .keys()
        .chain(kept.pidfds.keys())
        .copied()
        .chain(tags.map(|tag| RunId(tag.run())))
        .max();
    let last = Record::last_counters(records);
    let Some(highest) = highest else { return };
    let counters = last.unwrap_or_default();
    if counters.run <= highest {
        records.push(Record::Counters(Counters { run: RunId(highest.0 + 1), ..counters }));
    }
}

/// The slots of runs nobody knows any more, to be dropped.
pub(crate) fn leftovers(kept: &Kept) -> impl Iterator<Item = (RunId, u8)> + '_ {
    let channels = kept.channels.keys().map(|run| (*run, CHANNEL_SLOT));
    let notices = kept.notices.keys().map(|run| (*run, NOTICE_SLOT));
    kept.pidfds.keys().map(|run| (*run, PIDFD_SLOT)).chain(channels).chain(notices)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use pm_os::tree::Depth;
    use serde_json::{Value, json};

    use super::*;

    /// It ends with us.
    fn child() -> (Child, ProcIdentity) {
        let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let known = pm_os::identity::of(i32::try_from(child.id()).unwrap()).unwrap();
        (child, known)
    }

    /// What the journal says of run 7, whose main process is this.
    fn written(known: ProcIdentity) -> Vec<Record> {
        let sample = include_str!("../../../fixtures/fuzz/samples/journal");
        let lines = sample.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let app = lines.map(|line| line["record"].clone()).find(|line| line["app"]["id"] == 0);
        let identity = json!({ "pid": known.pid, "started": known.started, "inode": known.inode });
        let alive = json!({ "run": 7, "identity": identity, "since": 1, "up": true });
        let seat = json!({ "seat": {
            "id": 0, "app": 0, "slot": 0, "want": "up", "restarts": 0, "unstable": 0, "flaps": 0, "last_delay": 0,
            "created": 1, "phase": { "alive": alive },
        } });
        [app.unwrap(), seat].map(|record| serde_json::from_value(record).unwrap()).into()
    }

    /// Once its guardian is dead, process 1 reaps it whenever it likes.
    #[test]
    fn who_ends_and_is_reaped_right_after_the_scan_has_ended() {
        let (mut child, known) = child();
        let scan = ProcScan::take(Depth::Tags, &[]).unwrap();
        let us = std::process::id();
        assert!(!is_orphan(&scan, known, us), "who reaps it tells how it ended");
        assert!(is_orphan(&scan, known, us + 1));
        child.kill().unwrap();
        child.wait().unwrap();
        let (_, inheritance) = inherit(written(known), &scan, &mut Kept::default(), (1, false));
        assert_eq!(inheritance.vanished, [RunId(7)]);
    }

    /// The daemon before died between the word to the guardian and that to the journal, dead as the one before may be.
    #[test]
    fn a_main_process_that_a_run_has_named_is_known_by_who_keeps_it() {
        let ((mut before, written_down), (mut child, named)) = (child(), child());
        before.kill().unwrap();
        before.wait().unwrap();
        let scan = ProcScan::take(Depth::Tags, &[]).unwrap();
        let mut kept = Kept::default();
        kept.pidfds.insert(RunId(7), (named.pid, named.open().unwrap()));
        let (_, inheritance) = inherit(written(written_down), &scan, &mut kept, (1, false));
        assert_eq!(inheritance.facts, [Fact::MainProcess(RunId(7), crate::runs::to_core(named))]);
        assert_eq!(inheritance.vanished, []);
        assert_eq!(inheritance.runs[0].1.identity, Some(named));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
