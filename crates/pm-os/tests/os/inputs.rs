//! Words for an app's standard input.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pm_os::identity::{self, ProcIdentity};
use pm_os::input::{self, InputError};
use pm_os::stdio::PipeOwner;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use crate::support::{PATIENCE, is_root, stranger, wait_until};

/// A program with such a standard input, and who it is.
fn reader(script: &str, out: Stdio) -> (Child, ProcIdentity) {
    let stdin = input::pipe(None).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).stdin(stdin).stdout(out);
    let child = stranger(command);
    let identity = identity::of(child.id().cast_signed()).unwrap();
    (child, identity)
}

fn end(mut child: Child) -> String {
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_app_reads_what_is_said_by_whoever_says_it_and_never_an_end() {
    let (child, app) = reader("read a; read b; read c; echo $a-$b-$c", Stdio::piped());
    input::write(&app, b"one\ntw", PATIENCE).unwrap();
    input::write(&app, b"o\n", PATIENCE).unwrap();
    input::write(&app, b"three\n", PATIENCE).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "one-two-three\n");
    let gone = input::write(&app, b"x", PATIENCE).unwrap_err();
    assert!(matches!(gone, InputError::NotOurs(_)), "{gone:?}");
}

#[test]
fn who_does_not_read_is_told_no_more_and_lines_stay_whole() {
    let stdin = input::pipe(None).unwrap();
    let (copy, mut command) = (stdin.try_clone().unwrap(), Command::new("sleep"));
    command.arg("1000").stdin(stdin);
    let child = stranger(command);
    let app = identity::of(child.id().cast_signed()).unwrap();
    let line = [b"x".repeat(1000), vec![b'\n']].concat();
    let mut told = 0;
    let full = loop {
        match input::write(&app, &line, Duration::ZERO) {
            Ok(()) => told += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, InputError::Full { written: 0, all: 1001 }), "{full:?}");
    // 16 KiB; nothing said to one app by hand is more.
    assert!((8..=16).contains(&told), "{told}");
    fcntl_setfl(&copy, OFlags::NONBLOCK).unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match rustix::io::read(&copy, &mut buffer) {
            Ok(count) => heard.extend_from_slice(&buffer[..count]),
            Err(Errno::AGAIN) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(heard, line.repeat(told));
    // What is larger than the pipe is taken as far as there is room, and that is said.
    let partly = input::write(&app, &vec![b'y'; 64 << 10], Duration::ZERO).unwrap_err();
    assert!(matches!(partly, InputError::Full { written: 1.., .. }), "{partly:?}");
    end(child);
}

#[test]
fn only_the_input_we_gave_is_written_to() {
    let (child, app) = reader("exec </dev/null; read x; exec sleep 1000", Stdio::null());
    wait_until("it is redirected", || {
        matches!(input::write(&app, b"x", Duration::ZERO), Err(InputError::NotAPipe))
    });
    end(child);
    // The pipe of another program, a terminal, a file: whoever made those says what comes through them.
    let mut other = Command::new("sleep");
    other.arg("1000").stdin(Stdio::piped());
    let mut other = stranger(other);
    let identity = identity::of(other.id().cast_signed()).unwrap();
    let refused = input::write(&identity, b"x", Duration::ZERO).unwrap_err();
    assert!(matches!(refused, InputError::NotAPipe), "{refused:?}");
    let stranger = ProcIdentity { started: identity.started + 1, inode: 0, ..identity };
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(input::write(&stranger, b"x", Duration::ZERO).is_err());
    let (child, app) = reader("exec sleep 1000", Stdio::null());
    let stranger = ProcIdentity { started: app.started + 1, inode: 0, ..app };
    let refused = input::write(&stranger, b"x", Duration::ZERO).unwrap_err();
    assert!(matches!(refused, InputError::NotOurs(_)), "{refused:?}");
    end(child);
}

#[test]
fn it_is_small_belongs_to_its_user_and_is_fresh() {
    let pipe = input::pipe(None).unwrap();
    assert_eq!(rustix::pipe::fcntl_getpipe_size(&pipe).unwrap(), 16 << 10);
    let flags = fcntl_getfl(&pipe).unwrap();
    assert!(flags.contains(OFlags::RDWR) && !flags.contains(OFlags::NONBLOCK));
    if is_root() {
        let pipe = input::pipe(Some(PipeOwner { uid: 65534, gid: 65534 })).unwrap();
        assert_eq!(rustix::fs::fstat(&pipe).unwrap().st_uid, 65534);
    }
}
