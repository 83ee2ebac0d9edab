//! One log has one way of writing, whoever writes to it: the only raw stream goes straight into it, several go over a
//! spool each; and nobody's bytes are taken for unfinished ones of ours.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use pm_logs::stamp::StampFormat;
use pm_logs::{Format, Limits, Notice, Scribe, ScribePlan, Sink, StreamKey};

use crate::desk::{Desk, key, raw, read, start, until};

/// A scribe that goes back to the short way at once.
fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let (sender, notices) = channel();
    let limits = Limits { calm: Duration::ZERO, ..Limits::STANDARD };
    let plan = ScribePlan { state_dir: folder.path().join("state"), limits };
    let tell = Box::new(move |notice| drop(sender.send(notice)));
    Desk { scribe: Scribe::start(&plan, tell).unwrap().0, folder, notices }
}

fn inode(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().ino()
}

/// The file to which this stream moves next.
fn moved(desk: &Desk, key: StreamKey) -> u64 {
    desk.notice(|notice| match notice {
        Notice::Moved { keys, fd } if keys == [key] => {
            Some(File::from(fd).metadata().unwrap().ino())
        }
        _ => None,
    })
}

fn spool(desk: &Desk, key: StreamKey) -> u64 {
    inode(&desk.path(&format!("state/spool/{:x}.{}", key.tag, key.stream.word())))
}

/// Two raw streams into one file, which the second one knows by the name `other`.
fn share(desk: &Desk, other: &Path) {
    let log = desk.path("a.log");
    let mut one = desk.open(key(1), raw(&log));
    one.write_all(b"one\n").unwrap();
    until("one", || read(&log) == b"one\n");

    let mut two = desk.open(key(2), raw(other));
    desk.scribe.settle();
    // Before the second one can write, both go where no line is divided.
    assert_eq!(moved(desk, key(2)), spool(desk, key(2)));
    two.write_all(b"two\n").unwrap();
    assert_eq!(moved(desk, key(1)), spool(desk, key(1)));
    until("two", || read(&log) == b"one\ntwo\n");
    drop(two);
    desk.ended(key(2));
    one.write_all(b"five\n").unwrap();
    assert_eq!(moved(desk, key(1)), inode(&log));
    one.write_all(b"six\n").unwrap();
    until("six", || read(&log).ends_with(b"five\nsix\n"));
    let left = std::fs::read_dir(desk.path("state/spool")).unwrap().count();
    assert_eq!(left, 0, "spools that nobody needs");
}

#[test]
fn a_raw_log_is_spliced_into_by_its_only_writer() {
    let desk = desk();
    share(&desk, &desk.path("a.log"));
}

#[test]
fn a_symbolic_link_is_the_same_log() {
    let desk = desk();
    std::fs::write(desk.path("a.log"), "").unwrap();
    symlink("a.log", desk.path("link.log")).unwrap();
    share(&desk, &desk.path("link.log"));
}

#[test]
fn so_is_a_hard_link() {
    let desk = desk();
    std::fs::write(desk.path("a.log"), "").unwrap();
    std::fs::hard_link(desk.path("a.log"), desk.path("link.log")).unwrap();
    share(&desk, &desk.path("link.log"));
}

#[test]
fn what_others_wrote_meanwhile_is_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (log, state) = (folder.path().join("a.log"), folder.path().join("state"));
    let sink = Sink { format: Format::Stamped(StampFormat::new("[S]")), ..raw(&log) };
    let (reader, mut pipe) = std::io::pipe().unwrap();
    let (scribe, _notices) = start(&state);
    let target = scribe.prepare(key(1), &sink).unwrap();
    scribe.attach(key(1), reader.try_clone().unwrap().into(), target, sink.clone());
    pipe.write_all(b"one\n").unwrap();
    until("one", || read(&log) == b"S: one\n");
    // Now no daemon runs: the guardian goes on moving output to the spool, and somebody writes to the log.
    scribe.lend();
    let append = |path: &Path, bytes: &[u8]| {
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
    };
    append(&state.join("spool/1.out"), b"two\n");
    append(&log, b"theirs\n");
    let (scribe, _notices) = start(&state);
    let target = scribe.prepare(key(1), &sink).unwrap();
    scribe.attach(key(1), reader.into(), target, sink);
    until("two", || read(&log).ends_with(b"S: two\n"));
    assert_eq!(read(&log), b"S: one\ntheirs\nS: two\n");
    scribe.stop();
}
