//! Many streams, several streams to one log, other people's logs, and no log at all.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use pm_logs::stamp::StampFormat;
use pm_logs::{
    FileOwner, History, LineFormat, LineQuery, LineTimes, LogDestination, LogFiles, LogRotation,
    Sink, Stream, StreamKey,
};

use crate::fixture::{Fixture, key, lines, raw, read, start, until};
use crate::kill::spawn;

const STREAMS: u64 = 2000;

/// In a process of its own: opens many streams, writes a line to each, then counts wake-ups.
pub(crate) fn many_streams(folder: &Path) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).unwrap();
    let streams = hard.map_or(STREAMS, |hard| STREAMS.min(hard.saturating_sub(100) / 4));
    let (writer, _notices) = start(&folder.join("state"));
    let began = Instant::now();
    let mut pipes: Vec<_> = (0..streams)
        .map(|tag| {
            let (read, write) = std::io::pipe().unwrap();
            let mut sink = raw(&folder.join(format!("{tag}.log")));
            if tag % 2 == 1 {
                sink.format = LineFormat::Stamped(StampFormat::new("[S]"));
            }
            let fd = writer.prepare(key(tag), &sink).unwrap();
            writer.attach(key(tag), read.into(), fd, sink);
            write
        })
        .collect();
    for pipe in &mut pipes {
        pipe.write_all(b"hello\n").unwrap();
    }
    let log = |tag: u64| read(&folder.join(format!("{tag}.log")));
    until("all lines", || (0..streams).rev().all(|tag| log(tag).ends_with(b"hello\n")));
    let took = began.elapsed();
    let mut before = wakeups();
    // What was still going on may come to rest first.
    until("rest", || {
        std::thread::park_timeout(Duration::from_millis(100));
        let now = wakeups();
        std::mem::replace(&mut before, now) == now
    });
    std::thread::park_timeout(Duration::from_secs(1));
    let woken = wakeups() - before;
    let text = format!("{streams} {woken} {}", took.as_millis());
    std::fs::write(folder.join("counted"), text).unwrap();
}

/// How often the log writer's thread has gone to sleep so far.
fn wakeups() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let status = tasks
        .map(|task| task.unwrap().path())
        .find(|task| read(&task.join("comm")) == b"pm-log-writer\n")
        .map(|task| std::fs::read_to_string(task.join("status")).unwrap())
        .unwrap();
    let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn two_thousand_streams_at_rest_cause_no_wakeup() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = spawn(folder.path(), "many", Stdio::null());
    until("the count", || child.try_wait().unwrap().is_some());
    let counted = std::fs::read_to_string(folder.path().join("counted")).unwrap();
    let numbers: Vec<u64> = counted.split(' ').map(|number| number.parse().unwrap()).collect();
    assert_eq!(numbers[1], 0, "wake-ups of {} quiet streams in a second", numbers[0]);
    eprintln!("{} streams with a line each took {} ms", numbers[0], numbers[2]);
}

#[test]
fn several_streams_share_one_log_line_by_line() {
    let fixture = Fixture::new();
    let log = fixture.path("a.log");
    let sink = Sink { format: LineFormat::Stamped(StampFormat::new("[S]")), ..raw(&log) };
    let keys = (0..4).map(|tag| StreamKey {
        tag: tag / 2,
        stream: [Stream::Out, Stream::Err][usize::try_from(tag % 2).unwrap()],
    });
    let keys: Vec<StreamKey> = keys.collect();
    let writers: Vec<_> = keys
        .iter()
        .map(|key| {
            let mut pipe = fixture.open(*key, sink.clone());
            let name = format!("{}{:?}", key.tag, key.stream);
            std::thread::spawn(move || {
                for number in 0..3000 {
                    // In two pieces, so that others come between.
                    pipe.write_all(format!("{name}-{number} ").as_bytes()).unwrap();
                    pipe.write_all(format!("{name}-{number}\n").as_bytes()).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let lines = || String::from_utf8(read(&log)).unwrap();
    let is_whole = |text: &str| text.ends_with('\n') && text.matches('-').count() == 24_000;
    until("all lines", || is_whole(&lines()));
    let all = lines();
    let pieces = |line: &str| -> Vec<String> {
        let words = line.strip_prefix("S: ").unwrap().split(' ');
        words.filter(|word| !word.is_empty()).map(String::from).collect()
    };
    // Where a thread was held up between its two pieces for long, the first one is a line of its own.
    let all: Vec<Vec<String>> = all.lines().map(pieces).collect();
    assert!(all.iter().all(|line| line.iter().all(|piece| *piece == line[0])));
    for key in keys {
        let name = format!("{}{:?}-", key.tag, key.stream);
        let numbers = all.iter().flatten().filter_map(|piece| piece.strip_prefix(&name));
        let want = (0..6000).map(|piece| (piece / 2).to_string());
        assert!(numbers.eq(want), "{name}");
    }
}

#[test]
fn nothing_is_kept_of_a_discarded_stream() {
    let fixture = Fixture::new();
    for place in ["NULL", "none", "/dev/null"] {
        let place = LogDestination::parse(place.as_ref());
        let mut pipe = fixture.open(key(1), Sink { place, ..raw(&fixture.path("unused")) });
        pipe.write_all(&vec![b'x'; 300_000]).unwrap();
        drop(pipe);
        fixture.ended(key(1));
    }
    let left: Vec<_> = std::fs::read_dir(fixture.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "only the state folder: {left:?}");
}

#[test]
fn a_root_daemon_follows_no_link_of_an_unprivileged_app() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("only root can write for others: nothing to protect here");
    }
    let fixture = Fixture::new();
    let (uid, gid) = (65_534, 65_534);
    let owner = Some(FileOwner { uid, gid });
    let secret = fixture.path("secret");
    std::fs::write(&secret, "root's").unwrap();
    let refused = |name: &str| {
        let sink = Sink { owner, ..raw(&fixture.path(name)) };
        let error = fixture.writer.prepare(key(1), &sink).expect_err(name);
        assert!(error.to_string().contains("could have made"), "{name}: {error}");
    };
    symlink(&secret, fixture.path("link.log")).unwrap();
    refused("link.log");
    std::fs::hard_link(&secret, fixture.path("hard.log")).unwrap();
    refused("hard.log");
    std::fs::create_dir(fixture.path("etc")).unwrap();
    symlink(fixture.path("etc"), fixture.path("logs")).unwrap();
    rustix::fs::chownat(
        rustix::fs::CWD,
        fixture.path("logs"),
        Some(rustix::process::Uid::from_raw(uid)),
        None,
        rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
    )
    .unwrap();
    refused("logs/a.log");
    refused("logs/new/a.log");
    let made = std::fs::read_dir(fixture.path("etc")).unwrap().count();
    assert_eq!(made, 0, "nothing is made where such a link leads");
    assert_eq!(read(&secret), b"root's");
    let fifo = fixture.path("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    let error = fixture.writer.prepare(key(1), &raw(&fifo)).expect_err("a FIFO");
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn a_link_of_roots_is_no_link_of_roots_where_a_user_made_another_name_for_it() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("only root can write for others: nothing to protect here");
    }
    let fixture = Fixture::new();
    let owner = Some(FileOwner { uid: 65_534, gid: 65_534 });
    for folder in ["theirs", "etc"] {
        std::fs::create_dir(fixture.path(folder)).unwrap();
    }
    std::os::unix::fs::chown(fixture.path("theirs"), Some(65_534), Some(65_534)).unwrap();
    symlink(fixture.path("etc"), fixture.path("roots")).unwrap();
    let prepare = |name: &str| {
        let sink = Sink { owner, ..raw(&fixture.path(name)) };
        fixture.writer.prepare(key(1), &sink)
    };
    prepare("roots/fine.log").unwrap();
    // As a user may where `fs.protected_hardlinks` is 0.
    std::fs::hard_link(fixture.path("roots"), fixture.path("theirs/logs")).unwrap();
    let error = prepare("theirs/logs/a.log").unwrap_err().to_string();
    assert!(error.contains("could have made"), "{error}");
    assert!(!fixture.path("etc/a.log").exists());
    // Root's own, in whoever's folder.
    std::fs::remove_file(fixture.path("roots")).unwrap();
    prepare("theirs/logs/a.log").unwrap();
    assert!(fixture.path("etc/a.log").exists());
}

#[test]
fn folders_are_given_away_only_below_those_the_user_has() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("only root can write for others: nothing to give away");
    }
    let fixture = Fixture::new();
    let (uid, gid) = (65_534, 65_534);
    std::fs::create_dir(fixture.path("theirs")).unwrap();
    std::os::unix::fs::chown(fixture.path("theirs"), Some(uid), Some(gid)).unwrap();
    // Root's own links are part of the machine, relative or not.
    symlink("../theirs", fixture.path("state/relative")).unwrap();
    symlink(fixture.path("state/relative"), fixture.path("link")).unwrap();
    let owner = Some(FileOwner { uid, gid });
    for log in ["logs/web/a.log", "link/logs/web/a.log"] {
        let sink = Sink { owner, ..raw(&fixture.path(log)) };
        fixture.writer.prepare(key(1), &sink).unwrap();
    }
    let owned = ["theirs/logs", "theirs/logs/web", "theirs/logs/web/a.log", "logs/web/a.log"];
    for (paths, owner) in [(&owned[..], uid), (&["logs", "logs/web"], 0)] {
        for path in paths {
            assert_eq!(std::fs::metadata(fixture.path(path)).unwrap().uid(), owner, "{path}");
        }
    }
}

#[test]
fn flushing_empties_nothing_through_a_link_of_an_unprivileged_app() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("only root can write for others: nothing to protect here");
    }
    let fixture = Fixture::new();
    let owner = Some(FileOwner { uid: 65_534, gid: 65_534 });
    let (secret, open) = (fixture.path("secret"), fixture.path("open.log"));
    std::fs::write(&secret, "root's").unwrap();
    let mut pipe = fixture.open(key(1), raw(&open));
    pipe.write_all(b"root's").unwrap();
    until("the bytes", || read(&open) == b"root's");
    symlink(&secret, fixture.path("soft.log")).unwrap();
    symlink(&open, fixture.path("to-open.log")).unwrap();
    std::fs::hard_link(&secret, fixture.path("hard.log")).unwrap();
    std::fs::write(fixture.path("own.log"), "theirs").unwrap();
    let logs = ["soft.log", "to-open.log", "hard.log", "own.log", "missing.log"];
    let logs = logs.map(|name| (fixture.path(name), owner)).to_vec();
    let (done, failed) = std::sync::mpsc::channel();
    fixture.writer.flush(logs, Box::new(move |it| done.send(it).unwrap()));
    let failed = failed.recv().unwrap().problems;
    assert_eq!(failed.len(), 3, "{failed:?}");
    assert!(failed.iter().all(|text| text.contains("could have made")), "{failed:?}");
    assert_eq!((read(&secret), read(&open)), (b"root's".to_vec(), b"root's".to_vec()));
    assert_eq!(read(&fixture.path("own.log")), b"");
    assert!(!fixture.path("missing.log").exists());
}

#[test]
fn rotated_parts_are_packed_and_still_know_their_times() {
    let fixture = Fixture::new();
    let log = fixture.path("a.log");
    let rotation = LogRotation { max_size: 10_000, keep: 5, total: u64::MAX, compress: true };
    let mut pipe = fixture.open(key(1), Sink { rotation, ..raw(&log) });
    let before = chrono::Local::now().timestamp_millis();
    for number in 0..4000 {
        writeln!(pipe, "line {number}").unwrap();
        if number % 500 == 0 {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
    drop(pipe);
    fixture.ended(key(1));
    let packed = || {
        let names = std::fs::read_dir(fixture.folder.path()).unwrap();
        let names = names.map(|name| name.unwrap().file_name().to_string_lossy().into_owned());
        let parts: Vec<String> = names.filter(|name| name.starts_with("a__")).collect();
        parts.iter().all(|name| name.ends_with(".log.gz")) && parts.len() <= 5
    };
    until("packed parts", packed);
    let source = LogFiles {
        number: 0,
        stream: Stream::Out,
        log: log.clone(),
        times: LineTimes::Index(fixture.path("state")),
    };
    let want = LineQuery { last: Some(3000), ..LineQuery::default() };
    let mut history = History::open(source, want).unwrap();
    let lines = lines(|| history.next_line());
    assert_eq!(lines.len(), 3000);
    for (line, number) in lines.iter().zip(1000..) {
        assert_eq!(line.bytes, format!("line {number}").into_bytes());
        let at = line.at.expect("a time");
        assert!((before..before + 20_000).contains(&at));
    }
    assert!(lines.windows(2).all(|two| two[0].at <= two[1].at));
    assert!(lines[0].at < lines[2999].at);
}

/// The logs in this folder that are open here, by somebody of this process.
fn open_logs(folder: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_log = |path: &Path| path.parent() == Some(folder) && path.is_file();
    links
        .filter_map(|link| std::fs::read_link(link.path()).ok())
        .filter(|path| is_log(path))
        .count()
}

#[test]
fn where_descriptors_are_short_a_log_is_open_only_while_something_comes() {
    const COUNT: u64 = 60;
    let fixture = Fixture::new();
    let folder = fixture.folder.path().canonicalize().unwrap();
    let log = |tag: u64| folder.join(format!("{tag}.log"));
    let begin = |tag| {
        let (read, write) = std::io::pipe().unwrap();
        let sink = raw(&log(tag));
        let mut target = fixture.writer.prepare(key(tag), &sink).unwrap();
        target.spare(&sink);
        assert!(target.fd().is_none());
        fixture.writer.attach(key(tag), read.into(), target, sink);
        write
    };
    let mut pipes: Vec<_> = (1..=COUNT).map(begin).collect();
    for round in 1..=3 {
        for pipe in &mut pipes {
            pipe.write_all(b"line\n").unwrap();
        }
        let all = b"line\n".repeat(round);
        until("a line of each", || (1..=COUNT).all(|tag| read(&log(tag)) == all));
        until("few open logs", || open_logs(&folder) <= 16);
    }
    for stream in fixture.writer.hand_over() {
        assert!(stream.fd.is_none(), "the next guardian gets the pipe alone");
    }
}
