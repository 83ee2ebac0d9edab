//! How a run ended: seen by a parent, by a stranger, and of a pid that is another's by now.

use pm_os::identity;
use pm_os::signal::{self, SignalNumber};
use pm_os::wait::{self, Termination};

use crate::support::{Order, PATIENCE, readable};

#[test]
fn codes_and_signals_of_children() {
    let app = Order::shell("exit 255").start().unwrap();
    assert_eq!(app.ending(), Termination::Exited(255));
    let mut app = Order::shell("echo up; read x").start().unwrap();
    assert_eq!(wait::reap(&app.born.pidfd), Ok(None), "it lives");
    assert_eq!(app.line(), "up");
    let realtime = SignalNumber::from_number(40).unwrap();
    signal::send(&app.born.pidfd, realtime).unwrap();
    assert_eq!(app.ending(), Termination::Signaled { signal: 40, core: false });
}

#[test]
fn a_stranger_tells_how_it_ended_once_it_was_reaped() {
    let script = format!(
        "{} --live 300 --exit 42 & echo $!; wait; echo reaped; read x",
        crate::support::fixture().display()
    );
    let mut app = Order::shell(&script).start().unwrap();
    let pid: i32 = app.line().parse().unwrap();
    let stranger = identity::of(pid).unwrap().open().unwrap();
    assert_eq!(wait::reap(&stranger), Err(wait::WaitError::NotOurChild));
    assert_eq!(wait::of_stranger(&stranger), None, "it lives");
    assert!(readable(&stranger, PATIENCE));
    assert_eq!(app.line(), "reaped");
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let known = (version >= (6, 15)).then_some(42 << 8);
    assert_eq!(wait::of_stranger(&stranger), known, "kernel {release}");
}
