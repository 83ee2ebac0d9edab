//! The signs by which servers and workers that are known show that they are up.

use std::net::SocketAddr;
use std::time::Duration;

use pm_os::signal::SignalNumber;
use pm_os::{accepting, listening, tree};
use pm_spec::{AppSpec, Preset};

/// By then a main process has made its workers.
const UNKNOWN: Duration = Duration::from_secs(5);

/// By then one that does not get its port has given up: gunicorn tries for five seconds.
const UNSEEN: Duration = Duration::from_secs(10);

/// Whether there are such signs of an app that is seen to serve. Who is given sockets is seen to take callers of them.
pub(super) fn are_of(app: &AppSpec) -> bool {
    matches!(app.preset, Preset::Gunicorn | Preset::Celery) || app.is_up_when_it_listens()
}

/// What one lacks that has lived for so long; nothing of one that is up. It may have been begun by another program.
pub(super) fn what_lacks(preset: Preset, main: u32, lived: Duration) -> Option<&'static str> {
    match preset {
        Preset::Gunicorn => lacks_of_gunicorn(main, lived),
        Preset::Celery => lacks_of_celery(&descent(main)),
        Preset::None
        | Preset::Uvicorn
        | Preset::Hypercorn
        | Preset::Granian
        | Preset::Daphne
        | Preset::Uwsgi
        | Preset::Django
        | Preset::Flask
        | Preset::Go => lacks_port(&descent(main), lived),
    }
}

/// Where one listens for which that is all there is to see.
pub(super) fn listens(app: &AppSpec, main: Option<u32>) -> Vec<SocketAddr> {
    let main = main.filter(|_| app.is_up_when_it_listens());
    main.map(|main| listening::addresses_of(&descent(main))).unwrap_or_default()
}

fn descent(main: u32) -> Vec<i32> {
    tree::descent(main.try_into().unwrap_or(i32::MAX))
}

/// A worker has to have loaded the app. One that gives no sign at all is of an unknown kind, and counts when it listens: until
/// then it may be waiting for a port that is taken.
fn lacks_of_gunicorn(main: u32, lived: Duration) -> Option<&'static str> {
    const NO_APP: &str = "no worker has loaded the app yet";
    let others =
        || descent(main).into_iter().filter_map(|pid| pm_probe::has_loaded(pid.try_into().ok()?));
    match pm_probe::has_loaded(main).or_else(|| others().reduce(|any, one| any | one)) {
        Some(has_loaded) => (!has_loaded).then_some(NO_APP),
        None if lived <= UNKNOWN => Some(NO_APP),
        None => lacks_port(&descent(main), lived),
    }
}

fn lacks_port(all: &[i32], lived: Duration) -> Option<&'static str> {
    match listening::is_any_listening(all) {
        Some(listens) => (!listens).then_some("nobody of it listens yet"),
        None => (lived <= UNSEEN).then_some("nobody can see whether it listens"),
    }
}

/// It takes over these signals when it has loaded the app. Then it has an event loop, in which it waits for its broker once it is
/// connected; without one its broker is no server (a folder, memory), or it is of a kind that waits in another way.
fn lacks_of_celery(all: &[i32]) -> Option<&'static str> {
    let own = [SignalNumber::TERM, SignalNumber::USR1];
    let Some(main) = all.iter().find(|pid| tree::catches(**pid, &own)) else {
        return Some("it has not loaded the app yet");
    };
    let waits = accepting::awaits_own_sockets(*main);
    (waits == Some(false)).then_some("it has no connection to its broker yet")
}
