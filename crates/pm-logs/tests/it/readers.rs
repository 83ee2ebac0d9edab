//! Logs read back: tails, spans, merges, and following through everything.

use std::fs::OpenOptions;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pm_logs::stamp::StampFormat;
use pm_logs::{
    Follow, History, LineFormat, LineQuery, LineTimes, LogFiles, LogRotation, Merge, Sink,
    StoredLine, Stream,
};

use crate::fixture::{DEADLINE, Fixture, key, lines, parts, raw, until};

fn source(log: &Path) -> LogFiles {
    LogFiles { number: 0, stream: Stream::Out, log: log.to_path_buf(), times: LineTimes::Unknown }
}

fn last(count: usize) -> LineQuery {
    LineQuery { last: Some(count), ..LineQuery::default() }
}

fn texts(history: &mut History) -> Vec<String> {
    let lines = lines(|| history.next_line()).into_iter();
    lines.map(|line| String::from_utf8(line.bytes).unwrap()).collect()
}

fn tail(log: &Path, want: LineQuery) -> Vec<String> {
    texts(&mut History::open(source(log), want).unwrap())
}

fn gzip(path: &Path, text: &str) {
    let file = std::fs::File::create(path).unwrap();
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap();
}

#[test]
fn the_last_lines_over_rotated_and_packed_parts() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    gzip(&folder.path().join("a__2026-01-01_00-00-01.log.gz"), "1\n2\n3\n");
    std::fs::write(folder.path().join("a__2026-01-01_00-00-02.log"), "4\n5\n").unwrap();
    std::fs::write(folder.path().join("b__2026-01-01_00-00-02.log"), "not mine\n").unwrap();
    std::fs::write(&log, "6\n\n7").unwrap();
    for count in 0..12 {
        let want = ["1", "2", "3", "4", "5", "6", "", "7"];
        let want = &want[want.len().saturating_sub(count)..];
        assert_eq!(tail(&log, last(count)), want, "{count}");
    }
    assert_eq!(tail(&log, LineQuery::default()).len(), 8);
    assert_eq!(tail(&folder.path().join("none.log"), last(5)), [""; 0]);
    let odd = Arc::new(|line: &[u8]| matches!(line, b"1" | b"3" | b"5" | b"7"));
    assert_eq!(tail(&log, LineQuery { keep: Some(odd), ..last(3) }), ["3", "5", "7"]);
}

#[test]
fn lines_of_any_length_and_content() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let long = "\u{e4}".repeat(500_000);
    std::fs::write(&log, format!("first\n{long}\nlast\n")).unwrap();
    assert_eq!(tail(&log, last(2)), [long.as_str(), "last"]);
    std::fs::write(&log, b"\0\xff\n\xfe\r\n").unwrap();
    let mut history = History::open(source(&log), last(9)).unwrap();
    let lines = lines(|| history.next_line());
    assert_eq!(lines[0].bytes, b"\0\xff");
    assert_eq!(lines[1].bytes, b"\xfe\r");
    std::fs::write(&log, vec![b'x'; 5 << 20]).unwrap();
    assert_eq!(tail(&log, last(3)).iter().map(String::len).collect::<Vec<_>>(), [1 << 20; 3]);
}

#[test]
fn a_merge_is_by_time_also_of_raw_logs() {
    let fixture = Fixture::new();
    let times = LineTimes::Index(fixture.path("state"));
    let logs: Vec<PathBuf> = ["a.log", "b.log"].iter().map(|name| fixture.path(name)).collect();
    let mut pipes: Vec<_> =
        (0..2).map(|at| fixture.open(key(at), raw(&logs[usize::try_from(at).unwrap()]))).collect();
    let mut want = Vec::new();
    for turn in 0..10 {
        let which = [0, 1, 1, 0, 1][turn % 5];
        writeln!(pipes[which], "{turn}").unwrap();
        want.push(turn.to_string());
        until("the line", || {
            crate::fixture::read(&logs[which]).ends_with(format!("{turn}\n").as_bytes())
        });
        // Times are noted in milliseconds, at most one in five.
        std::thread::park_timeout(Duration::from_millis(12));
    }
    drop(pipes);
    fixture.ended(key(1));
    let histories = logs.iter().enumerate().map(|(number, log)| {
        let source = LogFiles { number, times: times.clone(), ..source(log) };
        History::open(source, LineQuery::default()).unwrap()
    });
    let mut merge = Merge::new(histories.collect()).unwrap();
    let lines = lines(|| merge.next_line());
    let found: Vec<String> =
        lines.iter().map(|line| String::from_utf8(line.bytes.clone()).unwrap()).collect();
    assert_eq!(found, want);
    let middle = lines[5].at;
    let source = LogFiles { times, ..source(&logs[0]) };
    let want = LineQuery { since: middle, ..LineQuery::default() };
    assert_eq!(texts(&mut History::open(source, want).unwrap()), ["5", "8"]);
}

#[test]
fn a_span_of_time_of_a_stamped_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let format = StampFormat::new("YYYY-MM-DD HH:mm:ss Z");
    let line = |minute: u32| format!("2020-05-05 10:{minute:02}:00 +00:00: at {minute}\n");
    let text: String = (10..20).map(line).collect();
    std::fs::write(&log, text.replace("at 12\n", "at 12\ncontinued\n")).unwrap();
    let source = LogFiles { times: LineTimes::Stamped(format), ..source(&log) };
    let at = |minute: i64| Some((1_588_672_800 + minute * 60) * 1000);
    let want = LineQuery { since: at(12), until: at(14), ..LineQuery::default() };
    let found = texts(&mut History::open(source, want).unwrap());
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].ends_with("at 12") && found[1] == "continued" && found[2].ends_with("at 13"));
}

struct Reader {
    follow: Follow,
    seen: Vec<String>,
}

impl Reader {
    fn new(log: &Path) -> Self {
        let mut follow = Follow::new().unwrap();
        follow.add(source(log), None).unwrap();
        Reader { follow, seen: Vec::new() }
    }

    /// Reads until that line, as a program would: asleep until the kernel says something.
    fn until(&mut self, line: &str) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = &mut self.seen;
            let mut take = |line: StoredLine| {
                seen.push(String::from_utf8_lossy(&line.bytes).into_owned());
                ControlFlow::Continue(())
            };
            assert!(self.follow.read(&mut take).unwrap().is_continue());
            if self.seen.iter().any(|seen| seen == line) {
                return;
            }
            let now = Instant::now();
            assert!(now < deadline, "no line {line}, but {:?}", self.seen);
            let until = self.follow.deadline().unwrap_or(deadline).min(deadline);
            let left = Timespec::try_from(until.saturating_duration_since(now)).unwrap();
            poll(&mut [PollFd::new(&self.follow.fd(), PollFlags::IN)], Some(&left)).unwrap();
        }
    }
}

fn append(log: &Path, text: &str) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn following_survives_what_can_happen_to_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("deep/er/a.log");
    let mut reader = Reader::new(&log);
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    append(&log, "born\n");
    reader.until("born");
    append(&log, "half");
    reader.until("half");
    append(&log, " whole\n");
    reader.until(" whole");
    std::fs::write(&log, "").unwrap();
    append(&log, "emptied\n");
    reader.until("emptied");
    std::fs::rename(&log, log.with_file_name("old.log")).unwrap();
    append(&log.with_file_name("old.log"), "late\n");
    append(&log, "new\n");
    reader.until("new");
    std::fs::remove_file(&log).unwrap();
    append(&log, "again\n");
    reader.until("again");
    std::fs::remove_dir_all(folder.path().join("deep")).unwrap();
    assert!(reader.follow.read(&mut |_| ControlFlow::Continue(())).unwrap().is_continue());
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    append(&log, "risen\n");
    reader.until("risen");
    let want = ["born", "half", " whole", "emptied", "late", "new", "again", "risen"];
    assert_eq!(reader.seen, want);
}

#[test]
fn history_and_following_meet_without_a_seam_over_rotation() {
    let fixture = Fixture::new();
    let log = fixture.path("a.log");
    let rotation = LogRotation { max_size: 5_000, keep: 1000, ..LogRotation::STANDARD };
    let mut pipe = fixture.open(key(1), Sink { rotation, ..raw(&log) });
    let mut write = |range: std::ops::Range<u32>| {
        for number in range {
            writeln!(pipe, "line {number}").unwrap();
        }
    };
    write(0..3000);
    until("some of it", || parts(&log).len() > 3);
    let mut history = History::open(source(&log), LineQuery::default()).unwrap();
    let seen = texts(&mut history);
    let mut reader = Reader { follow: Follow::new().unwrap(), seen };
    write(3000..6000);
    reader.follow.add(source(&log), Some(history.cursor())).unwrap();
    write(6000..9000);
    reader.until("line 8999");
    let want: Vec<String> = (0..9000).map(|number| format!("line {number}")).collect();
    assert_eq!(reader.seen.concat(), want.concat());
}

#[test]
fn a_reader_may_stop_at_any_line_and_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    append(&log, "");
    let mut reader = Reader::new(&log);
    append(&log, "1\n2\n3\n");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let stopped = reader.follow.read(&mut |line| {
            seen.push(line.bytes);
            ControlFlow::Break(())
        });
        assert!(stopped.unwrap().is_break());
        assert!(reader.follow.deadline().is_some());
    }
    assert_eq!(seen, [b"1", b"2", b"3"]);
}

#[test]
fn a_slow_follower_misses_no_part_that_is_deleted_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let part = |number: u32| folder.path().join(format!("a__2026-01-01_00-00-0{number}.log"));
    std::fs::write(&log, "1\n2\n3\n").unwrap();
    let mut follow = Follow::new().unwrap();
    follow.add(source(&log), None).unwrap();
    append(&log, "4\n5\n6\n");
    let mut seen = Vec::new();
    let one = |follow: &mut Follow, seen: &mut Vec<String>| {
        let read = follow.read(&mut |line: StoredLine| {
            seen.push(String::from_utf8(line.bytes).unwrap());
            ControlFlow::Break(())
        });
        assert!(read.unwrap().is_break());
    };
    one(&mut follow, &mut seen);
    // Rotated under a reader that is in the midst of the file, then once more: the part between is one it has not seen.
    for number in 1..=3 {
        // Parts are told apart by the time of their last byte, which is too coarse for a test.
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(number.into());
        OpenOptions::new().write(true).open(&log).unwrap().set_modified(time).unwrap();
        std::fs::rename(&log, part(number)).unwrap();
        std::fs::write(&log, format!("part {}\n", number + 1)).unwrap();
        if number == 2 {
            one(&mut follow, &mut seen);
            std::fs::remove_file(part(2)).unwrap();
        }
    }
    let read = follow.read(&mut |line: StoredLine| {
        seen.push(String::from_utf8(line.bytes).unwrap());
        ControlFlow::Continue(())
    });
    assert!(read.unwrap().is_continue());
    assert_eq!(seen, ["4", "5", "6", "part 2", "part 3", "part 4"]);
}

#[test]
fn each_line_reaches_a_follower() {
    let fixture = Fixture::new();
    let log = fixture.path("a.log");
    let format = LineFormat::Stamped(StampFormat::new("[S]"));
    for (tag, sink) in [(1, raw(&log)), (2, Sink { format, ..raw(&fixture.path("b.log")) })] {
        let log = fixture.path(if tag == 1 { "a.log" } else { "b.log" });
        let mut pipe = fixture.open(key(tag), sink);
        let mut reader = Reader::new(&log);
        let mut took: Vec<_> = (0..50)
            .map(|number| {
                std::thread::park_timeout(Duration::from_millis(3));
                let line = format!("{}{number}", if tag == 1 { "" } else { "S: " });
                let began = Instant::now();
                writeln!(pipe, "{number}").unwrap();
                reader.until(&line);
                began.elapsed()
            })
            .collect();
        took.sort();
        eprintln!("line to follower: median {:?}, ninth of ten {:?}", took[25], took[45]);
    }
}
