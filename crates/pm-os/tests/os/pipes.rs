//! Pipes that outlive us: fresh ends, who may open them, what is left in them.

use std::io::Write as _;

use pm_os::identity::ProcIdentity;
use pm_os::stdio::{self, PipeError, PipeOwner};
use pm_os::wait::Termination;
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;

use crate::support::{Order, is_root, stranger};

#[test]
fn the_ends_are_what_they_should_be() {
    let (reader, app) = stdio::app_pipe(None, None).unwrap();
    let ours = fcntl_getfl(&reader).unwrap();
    let theirs = fcntl_getfl(&app).unwrap();
    assert!(ours.contains(OFlags::NONBLOCK) && !theirs.contains(OFlags::NONBLOCK));
    assert_eq!(theirs & OFlags::RWMODE, OFlags::RDWR);
    for fd in [&reader, &app] {
        let flags = rustix::io::fcntl_getfd(fd).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }
    let mut byte = [0];
    assert_eq!(rustix::io::read(&reader, &mut byte), Err(Errno::AGAIN));
    drop(app);
    assert_eq!(rustix::io::read(&reader, &mut byte), Ok(0), "the last one has closed");
}

#[test]
fn a_flag_set_by_one_run_does_not_reach_the_next() {
    let (reader, first) = stdio::app_pipe(None, None).unwrap();
    rustix::fs::fcntl_setfl(&first, OFlags::NONBLOCK).unwrap();
    let second = stdio::reopen_child_end(&reader).unwrap();
    assert!(!fcntl_getfl(&second).unwrap().contains(OFlags::NONBLOCK));
    drop(first);
    rustix::io::write(&second, b"x").unwrap();
    let mut byte = [0];
    assert_eq!(rustix::io::read(&reader, &mut byte), Ok(1));
}

#[test]
fn a_size_is_granted_and_an_impossible_one_is_forgiven() {
    let (reader, _app) = stdio::app_pipe(None, Some(256 << 10)).unwrap();
    assert_eq!(rustix::pipe::fcntl_getpipe_size(&reader).unwrap(), 256 << 10);
    let (reader, _app) = stdio::app_pipe(None, Some(usize::MAX)).unwrap();
    assert!(rustix::pipe::fcntl_getpipe_size(&reader).unwrap() >= 4096);
}

#[test]
fn a_pipe_is_given_to_the_user_or_refused() {
    match stdio::app_pipe(Some(PipeOwner { uid: 65534, gid: 65534 }), None) {
        Ok((reader, _app)) => assert_eq!(rustix::fs::fstat(&reader).unwrap().st_uid, 65534),
        Err(error) => {
            assert!(!is_root() && matches!(error, PipeError::Own { uid: 65534, .. }), "{error}");
        }
    }
}

#[test]
fn the_death_of_the_reader_is_no_business_of_the_app() {
    let mut app =
        Order::shell("echo one; read x; echo two && echo three && exit 3").start().unwrap();
    assert_eq!(app.line(), "one");
    app.out = None;
    app.tap.as_mut().unwrap().write_all(b"go\n").unwrap();
    assert_eq!(app.ending(), Termination::Exited(3), "no SIGPIPE, no EPIPE");
}

#[test]
fn the_end_comes_when_the_last_holder_is_gone() {
    let mut app = Order::fixture(&["--fork", "1", "--ready-after", "0"]).start().unwrap();
    assert_eq!(app.line(), "ready");
    assert_eq!(app.ending(), Termination::Exited(0));
    let out = app.out.as_ref().unwrap();
    let mut byte = [0];
    assert_eq!(rustix::io::read(out, &mut byte), Err(Errno::AGAIN), "a child still holds it");
    assert_eq!(crate::support::sweep(&[app.run()]), 1);
    assert_eq!(app.read_all(), "");
}

#[test]
fn a_lost_reader_is_opened_again_from_the_app() {
    let mut app = Order::shell("echo lost; read x; echo found; read y").start().unwrap();
    assert_eq!(app.line(), "lost");
    app.out = None;
    let reader = stdio::reopen_reader(&app.born.identity, 1).unwrap();
    app.out = Some(reader.into());
    app.tap.as_mut().unwrap().write_all(b"go\n").unwrap();
    assert_eq!(app.line(), "found");
}

#[test]
fn only_pipes_of_the_right_process_are_opened() {
    // In a subshell: while a shell itself runs `echo >&2`, its descriptor 1 is the pipe for a moment.
    let mut app = Order::shell("echo up; exec >/dev/null; (echo x >&2); read x").start().unwrap();
    assert_eq!((app.line(), app.line()), ("up".into(), "x".into()));
    let identity = app.born.identity;
    let result = stdio::reopen_reader(&identity, 1);
    assert!(matches!(result, Err(PipeError::NotAPipe { fd: 1, .. })), "{result:?}");
    let stranger = ProcIdentity { started: identity.started + 1, inode: 0, ..identity };
    let result = stdio::reopen_reader(&stranger, 2);
    assert!(matches!(result, Err(PipeError::NotOurs(_))), "{result:?}");
}

#[test]
fn pipes_that_are_not_ours_are_left_to_their_readers() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    let fifo = std::fs::File::options().read(true).write(true).open(fifo).unwrap();
    for out in [std::process::Stdio::piped(), fifo.into()] {
        let mut command = std::process::Command::new("sleep");
        command.arg("60").stdout(out);
        let mut child = stranger(command);
        let identity = pm_os::identity::of(child.id().cast_signed()).unwrap();
        let result = stdio::reopen_reader(&identity, 1);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(matches!(result, Err(PipeError::NotAPipe { fd: 1, .. })), "{result:?}");
    }
}
