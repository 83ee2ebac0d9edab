//! The client against scripted daemons on a real socket.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper may fail the test")]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pm_client::{CallError, Client, DaemonConnection, Deadline, Feed, Subscription};
use pm_protocol::{
    Change, Code, Done, Frame, Frames, Hello, Home, List, Listing, Outcomes, PROTOCOL, Ping, Pong,
    Refusal, Reload, Stop, encode,
};
use serde_json::value::to_raw_value;

const SOON: Duration = Duration::from_secs(10);

struct Script {
    home: Home,
    _dir: tempfile::TempDir,
    daemon: JoinHandle<()>,
}

/// A daemon that does `script` on a listening socket.
fn daemon(script: impl FnOnce(UnixListener) + Send + 'static) -> Script {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path().into(), None).unwrap();
    let listener = UnixListener::bind(home.socket()).unwrap();
    Script { home, _dir: dir, daemon: thread::spawn(move || script(listener)) }
}

struct Peer(UnixStream, Frames);

impl Peer {
    fn accept(listener: &UnixListener) -> Self {
        Self(listener.accept().unwrap().0, Frames::new())
    }

    fn frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.1.next_frame().unwrap() {
                return frame;
            }
            let mut bytes = [0; 512];
            let count = self.0.read(&mut bytes).unwrap();
            assert!(count > 0, "the client left");
            self.1.push(&bytes[..count]);
        }
    }

    fn say(&mut self, frame: &Frame) {
        self.0.write_all(&encode(frame).unwrap()).unwrap();
    }

    fn greet(&mut self, protocol: u32) -> u64 {
        assert!(matches!(self.frame(), Frame::Hello(hello) if hello.protocol == PROTOCOL));
        let version = "9.9".into();
        self.say(&Frame::Hello(Hello {
            protocol,
            version,
            pid: 1,
            incarnation: 3,
            guardian: 2,
            caller: None,
        }));
        let Frame::Call(number, _) = self.frame() else { panic!("expected a call") };
        number
    }

    fn pong(&mut self, number: u64) {
        let pong = Pong { pid: 7, version: "9.9".into(), uptime: 5 };
        self.say(&Frame::Reply(number, to_raw_value(&pong).unwrap()));
    }
}

#[test]
fn a_call_is_answered_and_the_peer_known() {
    let script = daemon(|listener| {
        let mut peer = Peer::accept(&listener);
        let number = peer.greet(PROTOCOL);
        peer.pong(number + 100); // an answer to something else is not taken for ours
        peer.pong(number);
    });
    let mut connection = DaemonConnection::open(&script.home, SOON).unwrap();
    assert!(connection.peer().is_none());
    let pong = connection.call(Ping {}, Deadline::after(SOON)).unwrap();
    assert_eq!(pong.pid, 7);
    assert_eq!(connection.peer().unwrap().incarnation, 3);
    script.daemon.join().unwrap();
}

#[test]
fn no_daemon_is_told_from_other_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path().into(), None).unwrap();
    assert!(DaemonConnection::open(&home, SOON).unwrap_err().is_no_daemon());
    // A socket nobody listens at, left by a guardian that was killed.
    drop(UnixListener::bind(home.socket()).unwrap());
    assert!(DaemonConnection::open(&home, SOON).unwrap_err().is_no_daemon());
    std::fs::remove_file(home.socket()).unwrap();
    std::fs::create_dir(home.socket()).unwrap();
    drop(DaemonConnection::open(&home, SOON).unwrap_err());
}

#[test]
fn another_protocol_is_named() {
    let script = daemon(|listener| {
        Peer::accept(&listener).greet(PROTOCOL + 1);
    });
    let mut client = Client::open(&script.home).unwrap();
    match client.call(&Ping {}, Deadline::after(SOON)) {
        Err(CallError::Version { theirs, version }) => {
            assert_eq!((theirs, version.as_str()), (PROTOCOL + 1, "9.9"));
        }
        other => panic!("{other:?}"),
    }
    script.daemon.join().unwrap();
}

#[test]
fn a_repeatable_call_survives_three_dead_daemons() {
    let script = daemon(|listener| {
        for _ in 0..3 {
            Peer::accept(&listener).greet(PROTOCOL);
        }
        let mut peer = Peer::accept(&listener);
        let number = peer.greet(PROTOCOL);
        peer.pong(number);
    });
    let mut client = Client::open(&script.home).unwrap();
    assert_eq!(client.call(&Ping {}, Deadline::after(SOON)).unwrap().pid, 7);
    script.daemon.join().unwrap();
}

#[test]
fn a_call_that_can_not_be_repeated_is_asked_once() {
    let script = daemon(|listener| {
        Peer::accept(&listener).greet(PROTOCOL);
        let mut peer = Peer::accept(&listener);
        let number = peer.greet(PROTOCOL);
        let listing =
            Listing { rows: Vec::<pm_protocol::Row>::new(), now: 1, host: None, warning: None };
        peer.say(&Frame::Reply(number, to_raw_value(&listing).unwrap()));
    });
    let mut client = Client::open(&script.home).unwrap();
    let reload = Reload { select: vec![], env: None, force: false, again: None };
    assert!(matches!(client.call(&reload, Deadline::after(SOON)), Err(CallError::Lost)));
    // The same client goes on over a fresh connection.
    let list = List { select: vec![], usage: false, host: false };
    assert_eq!(client.call(&list, Deadline::after(SOON)).unwrap().now, 1);
    script.daemon.join().unwrap();
}

#[test]
fn a_refusal_is_handed_on() {
    let script = daemon(|listener| {
        let mut peer = Peer::accept(&listener);
        let number = peer.greet(PROTOCOL);
        let refusal = Refusal { code: Code::NotFound, message: "no app".into(), hint: None };
        peer.say(&Frame::Refused(number, refusal));
    });
    let mut client = Client::open(&script.home).unwrap();
    match client.call(&Stop { select: vec![] }, Deadline::after(SOON)) {
        Err(CallError::Refused(refusal)) => assert_eq!(refusal.code, Code::NotFound),
        other => panic!("{other:?}"),
    }
    script.daemon.join().unwrap();
}

#[test]
fn a_refusal_of_the_whole_connection_is_an_answer_and_the_next_call_gets_another_one() {
    let script = daemon(|listener| {
        let refusal = || Refusal { code: Code::BadRequest, message: "what?".into(), hint: None };
        let mut peer = Peer::accept(&listener);
        peer.greet(PROTOCOL);
        peer.say(&Frame::Refused(0, refusal()));
        let mut peer = Peer::accept(&listener);
        let number = peer.greet(PROTOCOL);
        peer.say(&Frame::Reply(number, to_raw_value(&Outcomes::default()).unwrap()));
        let mut peer = Peer::accept(&listener);
        let number = peer.greet(PROTOCOL);
        peer.say(&Frame::Reply(number, to_raw_value(&Done {}).unwrap()));
        peer.say(&Frame::Refused(number, refusal()));
    });
    let mut client = Client::open(&script.home).unwrap();
    let reload = Reload { select: vec![], env: None, force: false, again: None };
    match client.call(&reload, Deadline::after(SOON)) {
        Err(CallError::Refused(refusal)) => assert_eq!(refusal.code, Code::BadRequest),
        other => panic!("{other:?}"),
    }
    // Not to be repeated, so it must not be tried on a connection that is over.
    assert_eq!(client.call(&reload, Deadline::after(SOON)).unwrap(), Outcomes::default());
    let mut news = Subscription::open(&script.home, None).unwrap();
    let told = news.next_before(Deadline::after(SOON));
    assert!(matches!(told, Err(CallError::Refused(_))), "{told:?}");
    script.daemon.join().unwrap();
}

#[test]
fn a_silent_daemon_does_not_hang_us() {
    let script = daemon(|listener| {
        let mut peer = Peer::accept(&listener);
        peer.greet(PROTOCOL);
        // Stays silent until the client leaves.
        let mut rest = Vec::new();
        peer.0.read_to_end(&mut rest).unwrap();
    });
    let mut client = Client::open(&script.home).unwrap();
    let limit = Deadline::after(Duration::from_millis(50));
    assert!(matches!(client.call(&Ping {}, limit), Err(CallError::Late)));
    drop(client);
    script.daemon.join().unwrap();
}

#[test]
fn a_big_call_does_not_need_a_big_buffer() {
    let script = daemon(|listener| {
        let mut peer = Peer::accept(&listener);
        let number = peer.greet(PROTOCOL);
        peer.pong(number);
    });
    let name = "x".repeat(8 << 20);
    let mut connection = DaemonConnection::open(&script.home, SOON).unwrap();
    let select = vec![pm_spec::Select::Word(name)];
    // The answer is of another kind on purpose: it must be an error, no panic.
    let answer = connection.call(Stop { select }, Deadline::after(SOON));
    assert!(matches!(answer, Err(CallError::Answer(_))), "{answer:?}");
    script.daemon.join().unwrap();
}

#[test]
fn a_subscription_outlives_its_daemon() {
    let script = daemon(|listener| {
        for round in 0..2 {
            let mut peer = Peer::accept(&listener);
            let number = peer.greet(PROTOCOL);
            peer.say(&Frame::Reply(number, to_raw_value(&Done {}).unwrap()));
            peer.say(&Frame::News(number, Change::Snapshot(vec![])));
            peer.say(&Frame::News(number, Change::Removed(round)));
        }
    });
    let feed: Vec<_> = Subscription::open(&script.home, None).unwrap().take(6).collect();
    assert_eq!(
        feed,
        [
            Feed::Change(Change::Snapshot(vec![])),
            Feed::Change(Change::Removed(0)),
            Feed::Reconnecting,
            Feed::Change(Change::Snapshot(vec![])),
            Feed::Change(Change::Removed(1)),
            Feed::Reconnecting,
        ]
    );
    script.daemon.join().unwrap();
}
