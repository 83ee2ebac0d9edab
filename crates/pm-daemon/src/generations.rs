//! Two sockets at one address, each with runs of its own: in a reload a new run gets one beside that of the old one, and new
//! connections go where nobody is about to leave. So a server that cuts off whoever it has accepted and not heard, as
//! many do when they are told to end, has nobody of that kind left by then.
//!
//! The kernel divides callers of a TCP port between the two; those of a path go to the one whose file has the name.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;

use pm_core::RunId;
use pm_node::Maker;
use pm_os::errno::words;
use pm_os::listener::SocketFileId;
use pm_os::{one_path, steering};
use pm_spec::{AppSpec, ListenAddress, ListenSocket};
use rustix::io::Errno;

use crate::open_socket::{OpenSocket, Remembered, backlog};
use crate::{daemon_log, plan};

/// Opens a second socket where a run is to be made beside one that has the first. `None`: it is there, or can't be, and then
/// they share the first.
pub(crate) fn second(
    open: &[OpenSocket],
    socket: &ListenSocket,
    (old, app): (RunId, &AppSpec),
) -> Option<(Remembered, OwnedFd)> {
    let mut there = open.iter().filter(|one| one.known.socket.at == socket.at);
    let (Some(first), None) = (there.next(), there.next()) else { return None };
    // Callers of a path can't be divided: a version that is watched would have none, or those of all instances.
    let is_watched = app.instances > 1 && app.reload.monitor.as_millis() > 0;
    let is_path = matches!(socket.at, ListenAddress::Unix(_));
    if !first.known.has(old) || (is_path && is_watched) {
        return None;
    }
    let made = join(first, socket);
    let known = Remembered {
        file: made.as_ref().ok().and_then(|(_, file)| *file),
        generation: first.known.generation.saturating_add(1),
        waits: true,
        runs: Some(BTreeSet::new()),
        leaving: BTreeSet::new(),
        aside: BTreeSet::new(),
        ..first.known.clone()
    };
    match made {
        Ok((second, _)) => Some((known, second)),
        Err(errno) => {
            let (at, why) = (&socket.at, words(errno));
            daemon_log::note(format_args!("no second socket on {at} for a reload: {why}"));
            None
        }
    }
}

fn join(
    first: &OpenSocket,
    socket: &ListenSocket,
) -> Result<(OwnedFd, Option<SocketFileId>), Errno> {
    let ListenAddress::Unix(path) = &socket.at else {
        return Ok((steering::join(&first.descriptor, backlog(socket))?, None));
    };
    let known = &first.known;
    let maker = Maker::parse(&known.user).ok_or(Errno::INVAL)?;
    let (path, file) = (plan::path_of(path), known.file.ok_or(Errno::INVAL)?);
    let (second, file) = maker.act(|| one_path::join(&path, file, backlog(socket)))?;
    Ok((second, Some(file)))
}

/// A run is about to leave: no new connection goes to it any more. Those it has still to accept wait at the sockets that are
/// given back; none, if others go on accepting there.
pub(crate) fn leave(open: &mut [OpenSocket], run: RunId) -> Vec<OwnedFd> {
    let left = |one: &OpenSocket| one.known.has(run) && !one.known.waits;
    for one in open.iter_mut().filter(|one| one.known.has(run)) {
        one.known.leaving.insert(run);
        one.remember();
    }
    steer_past(open, run);
    let is_avoided = |one: &&OpenSocket| {
        let at = &one.known.socket.at;
        let mut others = open.iter().filter(|other| other.slot != one.slot);
        left(one) && others.any(|other| other.known.socket.at == *at && other.staying() > 0)
    };
    let waiting = open.iter().filter(is_avoided);
    waiting.filter_map(|one| one.descriptor.try_clone().ok()).collect()
}

/// A newer run takes the callers of this one, which stays.
pub(crate) fn stand_by(open: &mut [OpenSocket], run: RunId) {
    for one in open.iter_mut().filter(|one| one.known.has(run)) {
        one.known.aside.insert(run);
        one.remember();
    }
    steer_past(open, run);
}

/// Whoever came after this run serves, and callers are divided anew.
fn steer_past(open: &mut [OpenSocket], run: RunId) {
    for pair in pairs(open) {
        let [first, second] = pair;
        if open[first].known.has(run) && !open[second].known.has(run) {
            open[second].serve();
        }
        divide(open, pair);
    }
}

/// Some runs are no more: who is left gets their connections. Of two sockets nobody has, the one that serves stays, else the
/// one that somebody has; its slot is among those given back.
pub(crate) fn settle(open: &mut [OpenSocket]) -> BTreeSet<u8> {
    for pair in pairs(open) {
        let [first, second] = pair;
        if open[first].is_free() && !open[second].is_free() {
            open[second].serve();
        }
        divide(open, pair);
    }
    let is_deserted = |one: &OpenSocket, other: &OpenSocket| one.is_free() && other.staying() > 0;
    let lasts = |one: &&OpenSocket| {
        let at = &one.known.socket.at;
        let mut others = open.iter().filter(|it| it.slot != one.slot && it.known.socket.at == *at);
        let gives_way = |other: &OpenSocket| {
            if other.known.generation > one.known.generation {
                other.known.waits || is_deserted(other, one)
            } else {
                !is_deserted(one, other)
            }
        };
        !one.known.waits && others.all(gives_way)
    };
    open.iter().filter(lasts).map(|one| one.slot).collect()
}

/// Where there are two at an address: the first and the second.
fn pairs(open: &[OpenSocket]) -> Vec<[usize; 2]> {
    let indices = 0..open.len();
    let at = |index: usize| &open[index].known.socket.at;
    let all = indices.clone().flat_map(|one| indices.clone().map(move |other| [one, other]));
    let is_pair = |[one, other]: &[usize; 2]| {
        at(*one) == at(*other) && open[*one].known.generation < open[*other].known.generation
    };
    all.filter(is_pair).collect()
}

/// New connections go to both by how many runs accept there, to none where a run is about to leave. If that can't be told
/// to the kernel it goes on as it was told before.
fn divide(open: &[OpenSocket], [first, second]: [usize; 2]) {
    let (first, second) = (&open[first], &open[second]);
    if second.known.waits {
        return;
    }
    let parts = |runs: fn(&OpenSocket) -> u32| {
        let part = |one: &OpenSocket, other: &OpenSocket| {
            let is_left = !one.known.leaving.is_empty() && other.staying() > 0;
            if is_left { 0 } else { runs(one) }
        };
        (part(first, second), part(second, first))
    };
    // Who stands by serves again where nobody else is left.
    let (before, after) = match parts(OpenSocket::serving) {
        (0, 0) => parts(OpenSocket::staying),
        parts => parts,
    };
    if let ListenAddress::Unix(path) = &second.known.socket.at {
        let (to, from) = if after >= before { (second, first) } else { (first, second) };
        give(&plan::path_of(path), &to.known, &from.known);
    } else if before + after > 0 {
        steering::divide(&second.descriptor, (after, before + after)).ok();
    }
}

/// Whoever calls a path gets to this one of two.
fn give(path: &Path, to: &Remembered, from: &Remembered) {
    let known = (Maker::parse(&to.user), to.file, from.file);
    let (Some(maker), Some(one), Some(other)) = known else { return };
    if let Err(errno) = maker.act(|| one_path::give(path, one, other)) {
        let (at, why) = (&to.socket.at, words(errno));
        daemon_log::note(format_args!("callers of {at} go where they went before: {why}"));
    }
}
