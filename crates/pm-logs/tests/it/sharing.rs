//! One log has one way of writing, whoever writes to it: the only raw stream goes straight into it, several go over a
//! spool each; and nobody's bytes are taken for unfinished ones of ours.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pm_logs::stamp::StampFormat;
use pm_logs::{
    LineFormat, LogRotation, LogWriter, LogWriterPlan, Notice, Sink, StreamKey, StreamTarget,
    WriterLimits,
};

use crate::fixture::{DEADLINE, Fixture, key, raw, read, start, until};

/// A log writer that goes back to the short way at once.
fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let (sender, notices) = channel();
    let limits = WriterLimits { calm: Duration::ZERO, ..WriterLimits::STANDARD };
    let plan = LogWriterPlan { state_dir: folder.path().join("state"), limits };
    let tell = Box::new(move |notice| drop(sender.send(notice)));
    Fixture { writer: LogWriter::start(&plan, tell).unwrap().0, folder, notices }
}

fn inode(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().ino()
}

/// The file to which this stream moves, if it says that.
fn moved_to(notice: Notice, key: StreamKey) -> Option<u64> {
    match notice {
        Notice::Moved { keys, fd } if keys == [key] => {
            Some(File::from(fd).metadata().unwrap().ino())
        }
        _ => None,
    }
}

/// The file to which this stream moves next.
fn moved(fixture: &Fixture, key: StreamKey) -> u64 {
    fixture.notice(|notice| moved_to(notice, key))
}

fn spool(fixture: &Fixture, key: StreamKey) -> u64 {
    inode(&fixture.path(&format!("state/spool/{:x}.{}", key.tag, key.stream.word())))
}

/// So it is for the blink of a rotation, too.
#[test]
fn a_log_that_is_a_link_to_nothing_yet_is_what_the_link_means() {
    let fixture = fixture();
    std::fs::create_dir(fixture.path("there")).unwrap();
    symlink("there/second", fixture.path("first")).unwrap();
    symlink("a.log", fixture.path("there/second")).unwrap();
    let mut one = fixture.open(key(1), raw(&fixture.path("first")));
    one.write_all(b"one\n").unwrap();
    until("one", || read(&fixture.path("there/a.log")) == b"one\n");
    symlink("round", fixture.path("round")).unwrap();
    let error = fixture.writer.prepare(key(2), &raw(&fixture.path("round"))).expect_err("a circle");
    assert!(error.to_string().contains("Too many levels"), "{error}");
}

/// Two raw streams into one file, which the second one knows by the name `other`.
fn share(fixture: &Fixture, other: &Path) {
    let log = fixture.path("a.log");
    let mut one = fixture.open(key(1), raw(&log));
    one.write_all(b"one\n").unwrap();
    until("one", || read(&log) == b"one\n");

    let mut two = fixture.open(key(2), raw(other));
    fixture.writer.settle();
    // Before the second one can write, both go where no line is divided.
    let told = fixture.notices.try_iter().filter_map(|notice| moved_to(notice, key(2))).last();
    assert_eq!(told, Some(spool(fixture, key(2))));
    two.write_all(b"two\n").unwrap();
    assert_eq!(moved(fixture, key(1)), spool(fixture, key(1)));
    until("two", || read(&log) == b"one\ntwo\n");
    drop(two);
    fixture.ended(key(2));
    one.write_all(b"five\n").unwrap();
    assert_eq!(moved(fixture, key(1)), inode(&log));
    one.write_all(b"six\n").unwrap();
    until("six", || read(&log).ends_with(b"five\nsix\n"));
    let left = std::fs::read_dir(fixture.path("state/spool")).unwrap().count();
    assert_eq!(left, 0, "spools that nobody needs");
}

#[test]
fn a_raw_log_is_spliced_into_by_its_only_writer() {
    let fixture = fixture();
    share(&fixture, &fixture.path("a.log"));
}

#[test]
fn a_symbolic_link_is_the_same_log() {
    let fixture = fixture();
    std::fs::write(fixture.path("a.log"), "").unwrap();
    symlink("a.log", fixture.path("link.log")).unwrap();
    share(&fixture, &fixture.path("link.log"));
}

#[test]
fn so_is_a_hard_link() {
    let fixture = fixture();
    std::fs::write(fixture.path("a.log"), "").unwrap();
    std::fs::hard_link(fixture.path("a.log"), fixture.path("link.log")).unwrap();
    share(&fixture, &fixture.path("link.log"));
}

/// Whoever attaches a stream waits for the thread only where two would write to one log.
#[test]
fn a_log_of_its_own_is_settled_although_the_thread_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let (sender, notices) = channel();
    let (go_on, told) = channel();
    let hear = Box::new(move |notice| {
        sender.send(notice).ok();
        assert_ne!(told.recv_timeout(DEADLINE), Err(RecvTimeoutError::Timeout));
    });
    let plan =
        LogWriterPlan { state_dir: folder.path().join("state"), limits: WriterLimits::STANDARD };
    let fixture = Fixture { writer: LogWriter::start(&plan, hear).unwrap().0, folder, notices };
    drop(fixture.open(key(1), raw(&fixture.path("a.log"))));
    // Now the thread waits for us.
    fixture.ended(key(1));
    let _own = fixture.open(key(2), raw(&fixture.path("b.log")));
    fixture.writer.settle();
    let _shared = fixture.open(key(3), raw(&fixture.path("b.log")));
    let (sender, settled) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fixture.writer.settle();
            sender.send(()).unwrap();
        });
        // The thread says where the third stream goes, and waits for us again.
        go_on.send(()).unwrap();
        assert_eq!(moved(&fixture, key(3)), spool(&fixture, key(3)));
        settled.try_recv().expect_err("nobody has settled it");
        drop(go_on);
        settled.recv_timeout(DEADLINE).unwrap();
    });
}

/// Not from what the daemon before knew, and not by the name it had before a rotation.
#[test]
fn a_log_that_was_kept_or_rotated_is_known_to_be_anothers() {
    let fixture = fixture();
    let rotation = LogRotation { max_size: 10, ..LogRotation::STANDARD };
    let sink = Sink { rotation, ..raw(&fixture.path("a.log")) };
    let (reader, mut one) = std::io::pipe().unwrap();
    let kept = File::create(fixture.path("a.log")).unwrap();
    fixture.writer.attach(
        key(1),
        reader.into(),
        StreamTarget::kept(Some(kept.into())),
        sink.clone(),
    );
    let second = fixture.open(key(2), sink.clone());
    fixture.writer.settle();
    let moves = |key| fixture.notices.try_iter().filter_map(|notice| moved_to(notice, key)).last();
    assert_eq!(moves(key(2)), Some(spool(&fixture, key(2))));
    drop(second);
    fixture.ended(key(2));
    one.write_all(b"longer than ten\n").unwrap();
    let before = moved(&fixture, key(1));
    one.write_all(b"and another\n").unwrap();
    let rotated = moved(&fixture, key(1));
    assert!(before != rotated && rotated == inode(&fixture.path("a.log")));
    let _third = fixture.open(key(3), sink);
    fixture.writer.settle();
    assert_eq!(moves(key(3)), Some(spool(&fixture, key(3))));
}

/// The next daemon may hear of it by its other name first.
#[test]
fn a_log_with_two_names_is_known_by_either_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (log, link) = (folder.path().join("a.log"), folder.path().join("link.log"));
    std::fs::write(&log, "").unwrap();
    std::fs::hard_link(&log, &link).unwrap();
    let (reader, mut pipe) = std::io::pipe().unwrap();
    for (path, line) in [(&log, b"one\n"), (&link, b"two\n"), (&log, b"six\n")] {
        let sink = Sink { format: LineFormat::Stamped(StampFormat::new("[S]")), ..raw(path) };
        let (writer, _notices) = start(&folder.path().join("state"));
        let target = writer.prepare(key(1), &sink).unwrap();
        writer.attach(key(1), reader.try_clone().unwrap().into(), target, sink);
        pipe.write_all(line).unwrap();
        until("the line", || read(&log).ends_with(line));
        writer.hand_over();
    }
    assert_eq!(read(&log), b"S: one\nS: two\nS: six\n");
    assert_eq!(std::fs::read_dir(folder.path().join("state/ledger")).unwrap().count(), 1);
}

#[test]
fn what_others_wrote_meanwhile_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (log, state) = (folder.path().join("a.log"), folder.path().join("state"));
    let sink = Sink { format: LineFormat::Stamped(StampFormat::new("[S]")), ..raw(&log) };
    let (reader, mut pipe) = std::io::pipe().unwrap();
    let (writer, _notices) = start(&state);
    let target = writer.prepare(key(1), &sink).unwrap();
    writer.attach(key(1), reader.try_clone().unwrap().into(), target, sink.clone());
    pipe.write_all(b"one\n").unwrap();
    until("one", || read(&log) == b"S: one\n");
    // Now no daemon runs: the guardian goes on moving output to the spool, and somebody writes to the log.
    writer.hand_over();
    let append = |path: &Path, bytes: &[u8]| {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
    };
    append(&state.join("spool/1.out"), b"two\n");
    append(&log, b"theirs\n");
    let (writer, _notices) = start(&state);
    let target = writer.prepare(key(1), &sink).unwrap();
    writer.attach(key(1), reader.into(), target, sink);
    until("two", || read(&log).ends_with(b"S: two\n"));
    assert_eq!(read(&log), b"S: one\ntheirs\nS: two\n");
    writer.stop();
}
