//! What goes in comes out, whatever its shape and whatever others do to the files.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use pm_logs::stamp::StampFormat;
use pm_logs::{FlushReport, LineFormat, LogRotation, Notice, Sink, Stream, StreamKey};

use crate::fixture::{Fixture, key, parts, raw, read, until, whole};

#[test]
fn raw_bytes_arrive_as_they_were_written() {
    let fixture = Fixture::new();
    let log = fixture.path("new/folder/a.log");
    let mut pipe = fixture.open(key(1), raw(&log));
    pipe.write_all(b"nul \0 and \xff\xfe\r\nno end").unwrap();
    until("the bytes", || read(&log) == b"nul \0 and \xff\xfe\r\nno end");
    drop(pipe);
    fixture.ended(key(1));
    let mut pipe = fixture.open(key(2), raw(&log));
    pipe.write_all(b" but more\n").unwrap();
    drop(pipe);
    fixture.ended(key(2));
    assert_eq!(read(&log), b"nul \0 and \xff\xfe\r\nno end but more\n");
}

/// As where an app is deleted, and its logs after it, before its last process has closed its output.
#[test]
fn a_deleted_log_does_not_come_back_with_the_end_of_its_app() {
    for sink in [raw, |path: &Path| stamped(raw(path))] {
        let fixture = Fixture::new();
        let log = fixture.path("a.log");
        let mut pipe = fixture.open(key(1), sink(&log));
        pipe.write_all(b"whole\n").unwrap();
        until("the line", || read(&log).ends_with(b"whole\n"));
        std::fs::remove_file(&log).unwrap();
        drop(pipe);
        fixture.ended(key(1));
        assert!(!log.exists());
    }
}

fn stamped(sink: Sink) -> Sink {
    Sink { format: LineFormat::Stamped(StampFormat::new("[T]YYYY")), ..sink }
}

fn year() -> String {
    use chrono::Datelike;
    chrono::Local::now().year().to_string()
}

#[test]
fn each_line_gets_one_stamp_and_a_partial_one_is_shown_after_silence() {
    let fixture = Fixture::new();
    let log = fixture.path("a.log");
    let mut pipe = fixture.open(key(1), stamped(raw(&log)));
    let year = year();
    pipe.write_all(b"one\ntwo").unwrap();
    let want = format!("T{year}: one\nT{year}: two");
    until("the partial line", || read(&log) == want.as_bytes());
    pipe.write_all(b" is long\n\n\xff").unwrap();
    drop(pipe);
    fixture.ended(key(1));
    let want = format!("T{year}: one\nT{year}: two is long\nT{year}: \nT{year}: ");
    assert_eq!(read(&log), [want.as_bytes(), b"\xff\n"].concat());
    let left = std::fs::read_dir(fixture.path("state/spool")).unwrap().count();
    assert_eq!(left, 0, "spools of ended streams are gone");
}

#[test]
fn json_and_combined_logs_hold_both_streams() {
    let fixture = Fixture::new();
    let format = LineFormat::Json { app: "web".into(), instance: 4, stamp: None };
    let both = fixture.path("both.log");
    let sink = |name: &str| Sink {
        format: format.clone(),
        combined: Some(both.as_path().into()),
        ..raw(&fixture.path(name))
    };
    let mut out = fixture.open(key(1), sink("out.log"));
    let mut err = fixture.open(StreamKey { stream: Stream::Err, tag: 1 }, sink("err.log"));
    out.write_all(b"hello\n").unwrap();
    err.write_all(b"oh \"no\"\n").unwrap();
    drop((out, err));
    fixture.ended(key(1));
    let want = |name: &str| -> Vec<(String, String)> {
        let text = String::from_utf8(read(&fixture.path(name))).unwrap();
        let parse = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let pair = |it: serde_json::Value| {
            (it["type"].as_str().unwrap().to_owned(), it["message"].as_str().unwrap().to_owned())
        };
        let mut pairs: Vec<_> = text.lines().map(|line| pair(parse(line))).collect();
        pairs.sort();
        pairs
    };
    let (hello, oh) = (("out".into(), "hello".into()), ("err".into(), "oh \"no\"".into()));
    until("both streams", || want("both.log").len() == 2 && want("err.log").len() == 1);
    assert_eq!(want("both.log"), [oh, hello.clone()]);
    assert_eq!(want("out.log"), [hello]);
}

#[test]
fn a_raw_log_rotates_at_line_ends_and_keeps_every_line() {
    rotates(|sink| sink, "");
}

#[test]
fn a_stamped_log_rotates_at_line_ends_and_keeps_every_line() {
    rotates(|sink| Sink { format: LineFormat::Stamped(StampFormat::new("[S]")), ..sink }, "S: ");
}

fn rotates(shape: impl Fn(Sink) -> Sink, prefix: &str) {
    let fixture = Fixture::new();
    let log = fixture.path("a.log");
    let rotation = LogRotation { max_size: 20_000, keep: 100, ..LogRotation::STANDARD };
    let mut pipe = fixture.open(key(1), shape(Sink { rotation, ..raw(&log) }));
    let mut want = String::new();
    for number in 0..20_000 {
        writeln!(want, "{prefix}line {number}").unwrap();
        writeln!(pipe, "line {number}").unwrap();
    }
    drop(pipe);
    fixture.ended(key(1));
    let parts = parts(&log);
    assert!(parts.len() >= 10, "{} parts", parts.len());
    for (name, bytes) in parts {
        assert_eq!(bytes.last(), Some(&b'\n'), "{name} ends a line");
        assert!(bytes.len() <= 20_100, "{name} has {} bytes", bytes.len());
    }
    assert_eq!(String::from_utf8(whole(&log)).unwrap(), want);
}

#[test]
fn a_log_removed_moved_or_emptied_by_others_goes_on() {
    for shape in [|sink| sink, stamped as fn(Sink) -> Sink] {
        let fixture = Fixture::new();
        let log = fixture.path("logs/a.log");
        let mut pipe = fixture.open(key(1), shape(raw(&log)));
        let ends = |word: &str| read(&log).ends_with(format!("{word}\n").as_bytes());
        pipe.write_all(b"one\n").unwrap();
        until("one", || ends("one"));
        std::fs::remove_dir_all(fixture.path("logs")).unwrap();
        pipe.write_all(b"two\n").unwrap();
        until("two in a new folder", || ends("two"));
        assert!(!String::from_utf8(read(&log)).unwrap().contains("one"));
        std::fs::write(&log, "").unwrap();
        pipe.write_all(b"three\n").unwrap();
        until("three at the beginning", || ends("three"));
        assert!(!read(&log).contains(&0), "no hole");
        std::fs::rename(&log, fixture.path("logs/moved")).unwrap();
        until("a new file after a foreign rotation", || {
            pipe.write_all(b"four\n").unwrap();
            ends("four")
        });
        assert!(read(&fixture.path("logs/moved")).windows(5).any(|at| at == b"three"));
    }
}

#[test]
fn flush_empties_what_it_says() {
    for shape in [|sink| sink, stamped as fn(Sink) -> Sink] {
        let fixture = Fixture::new();
        let (log, other) = (fixture.path("a.log"), fixture.path("b.log"));
        std::fs::write(&other, "not open").unwrap();
        let mut pipe = fixture.open(key(1), shape(raw(&log)));
        pipe.write_all(b"one\npart").unwrap();
        until("one", || !read(&log).is_empty());
        let (done, failed) = std::sync::mpsc::channel();
        let logs = [log.clone(), other.clone(), fixture.path("missing/c.log")];
        let logs = logs.into_iter().map(|log| (log, None)).collect();
        fixture.writer.flush(logs, Box::new(move |it| done.send(it).unwrap()));
        assert_eq!(failed.recv().unwrap(), FlushReport::default());
        assert_eq!((read(&log), read(&other)), (vec![], vec![]));
        pipe.write_all(b"new\n").unwrap();
        until("the new line", || read(&log).ends_with(b"new\n"));
        assert!(!read(&log).windows(3).any(|at| at == b"one"));
        assert!(!read(&log).contains(&0));
    }
}

#[test]
fn the_guardian_hears_of_every_new_file() {
    use std::os::unix::fs::MetadataExt;
    let fixture = Fixture::new();
    let log = fixture.path("a.log");
    let mut pipe = fixture.open(key(1), raw(&log));
    pipe.write_all(b"one\n").unwrap();
    until("one", || read(&log) == b"one\n");
    std::fs::rename(&log, fixture.path("old")).unwrap();
    let (done, failed) = std::sync::mpsc::channel();
    fixture.writer.reopen_all(Box::new(move |it| done.send(it).unwrap()));
    assert_eq!(failed.recv().unwrap(), Vec::<String>::new());
    let fd = fixture.notice(|notice| match notice {
        Notice::Moved { keys, fd } => Some((keys, fd)),
        _ => None,
    });
    assert_eq!(fd.0, [key(1)]);
    let moved = std::fs::File::from(fd.1).metadata().unwrap();
    assert_eq!(moved.ino(), std::fs::metadata(&log).unwrap().ino());
}

#[test]
fn a_line_without_an_end_is_shown_and_goes_on_where_it_was() {
    for shape in [|sink| sink, stamped as fn(Sink) -> Sink] {
        let fixture = Fixture::new();
        let log = fixture.path("a.log");
        let mut pipe = fixture.open(key(1), shape(raw(&log)));
        pipe.write_all(b"one\npart").unwrap();
        until("the part", || read(&log).ends_with(b"part"));
        pipe.write_all(b" two\n").unwrap();
        until("the rest", || read(&log).ends_with(b"part two\n"));
    }
}

/// Lines of numbers, cut into writes at random places.
fn writes() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let piece = prop_oneof![
        8 => "[0-9]{0,40}\n",
        2 => "[0-9\u{0}\u{e4}]{0,300}",
        1 => Just("\n".repeat(3)),
    ];
    proptest::collection::vec(piece.prop_map(String::into_bytes), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn numbers_in_are_numbers_out(
        writes in writes(),
        shape in 0..3,
        max_size in prop_oneof![Just(1), 50_u64..5_000, Just(u64::MAX)],
    ) {
        let fixture = Fixture::new();
        let log = fixture.path("a.log");
        let rotation = LogRotation { max_size, keep: usize::MAX, ..LogRotation::STANDARD };
        let format = match shape {
            0 => LineFormat::Raw,
            1 => LineFormat::Stamped(StampFormat::new("[S]")),
            _ => LineFormat::Json { app: "a".into(), instance: 0, stamp: None },
        };
        let mut pipe = fixture.open(key(1), Sink { format, rotation, ..raw(&log) });
        for bytes in &writes {
            pipe.write_all(bytes).unwrap();
        }
        drop(pipe);
        fixture.ended(key(1));
        let mut want = writes.concat();
        if shape > 0 && want.last().is_some_and(|last| *last != b'\n') {
            want.push(b'\n');
        }
        let lines = whole(&log);
        let lines = lines.split_inclusive(|byte| *byte == b'\n');
        let found: Vec<u8> = lines.flat_map(|line| match shape {
            0 => line.to_vec(),
            1 => line.strip_prefix(b"S: ").expect("a stamp").to_vec(),
            _ => {
                let object: serde_json::Value = serde_json::from_slice(line).expect("an object");
                format!("{}\n", object["message"].as_str().unwrap()).into_bytes()
            }
        }).collect();
        prop_assert_eq!(found, want);
    }
}

#[test]
fn all_streams_are_lent_and_nothing_moves_afterwards() {
    let fixture = Fixture::new();
    let (plain, with_stamps) = (fixture.path("a.log"), fixture.path("b.log"));
    let mut one = fixture.open(key(1), raw(&plain));
    let mut other = fixture.open(key(2), stamped(raw(&with_stamps)));
    one.write_all(b"one\n").unwrap();
    other.write_all(b"two\n").unwrap();
    until("both", || read(&plain) == b"one\n" && read(&with_stamps).ends_with(b": two\n"));
    let streams = fixture.writer.hand_over();
    assert_eq!(streams.iter().map(|stream| stream.key).collect::<Vec<_>>(), [key(1), key(2)]);
    one.write_all(b"later\n").unwrap();
    let [first, second] = <[_; 2]>::try_from(streams).unwrap();
    let ino =
        |fd: &Option<std::os::fd::OwnedFd>| rustix::fs::fstat(fd.as_ref().unwrap()).unwrap().st_ino;
    let ino_at = |path: &Path| rustix::fs::stat(path).unwrap().st_ino;
    assert_eq!(ino(&first.fd), ino_at(&plain), "the log itself");
    assert_ne!(ino(&second.fd), ino_at(&with_stamps), "its spool");
    let mut waiting = [0; 16];
    assert_eq!(rustix::io::read(&first.pipe, &mut waiting), Ok(6), "the bytes are still there");
    assert!(fixture.writer.hand_over().is_empty(), "the thread has ended");
}
