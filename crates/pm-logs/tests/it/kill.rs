//! A log writer in a process of its own, killed at any instant: every byte arrives once.

use std::fs::File;
use std::io::{PipeReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pm_logs::stamp::StampFormat;
use pm_logs::{LineFormat, LogDestination, LogRotation, Notice, Sink};

use crate::fixture::{key, raw, start, until, whole};

const FOLDER: &str = "PM_LOGS_TEST_FOLDER";
const SHAPE: &str = "PM_LOGS_TEST_SHAPE";
/// The file that holds what the log writers say, which the harness prints of one that fails.
const SAID: &str = "said";
/// Names another number of kills.
const MANY: &str = "PM_KILLS";
const KILLS: u32 = 200;
/// Of each mixture.
const FEWER: u32 = 60;

/// Not a test: what the others start and kill. Takes its standard input to `a.log` until it ends.
#[test]
#[ignore = "started by the other tests as a process of its own"]
fn writer_process() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let shape = std::env::var(SHAPE).unwrap();
    if shape == "many" {
        return crate::many::many_streams(&folder);
    }
    let (writer, notices) = start(&folder.join("state"));
    let mut sinks: Vec<Sink> = shape.split('+').map(|shape| sink(shape, &folder)).collect();
    // A spelling of its own, which is the same file.
    for sink in &mut sinks[1..] {
        sink.place = LogDestination::File(folder.join("link.log").into());
    }
    let mut open = sinks.len();
    for (tag, sink) in (1..).zip(sinks) {
        let pipe: OwnedFd = match tag {
            1 => rustix::io::dup(std::io::stdin()).unwrap(),
            _ => rustix::io::dup(std::io::stderr()).unwrap(),
        };
        if tag > 1 {
            // The first one has the log for itself at first.
            std::thread::park_timeout(Duration::from_millis(2));
        }
        writer.attach(key(tag), pipe, writer.prepare(key(tag), &sink).unwrap(), sink);
    }
    while open > 0 {
        open -= usize::from(matches!(notices.recv().unwrap(), Notice::Ended { .. }));
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    std::fs::write(folder.join("status"), status).unwrap();
}

fn sink(shape: &str, folder: &Path) -> Sink {
    let sink = raw(&folder.join("a.log"));
    let rotation = LogRotation { max_size: 300_000, keep: usize::MAX, ..LogRotation::STANDARD };
    let stamped = LineFormat::Stamped(StampFormat::new("[S]"));
    match shape {
        "raw" => sink,
        "raw rotated" => Sink { rotation, ..sink },
        "stamped" => Sink { format: stamped, ..sink },
        "json" => {
            let format = LineFormat::Json { app: "a".into(), instance: 0, stamp: None };
            Sink { format, ..sink }
        }
        "stamped rotated" => Sink { format: stamped, rotation, ..sink },
        "stamped combined" => {
            Sink { format: stamped, combined: Some(folder.join("both.log").into()), ..sink }
        }
        _ => panic!("no shape {shape}"),
    }
}

pub(crate) fn spawn(folder: &Path, shape: &str, stdin: impl Into<Stdio>) -> Child {
    spawn_with(folder, shape, (stdin.into(), Stdio::null()))
}

/// `second`: the end of a second stream, where standard error would be.
fn spawn_with(folder: &Path, shape: &str, (stdin, second): (Stdio, Stdio)) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::writer_process", "--ignored", "--quiet"])
        .env(FOLDER, folder)
        .env(SHAPE, shape)
        .stdin(stdin)
        .stdout(File::options().create(true).append(true).open(folder.join(SAID)).unwrap())
        .stderr(second)
        .spawn()
        .unwrap()
}

/// xorshift, seeded: the same moments each time, as far as the machine allows.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// So many bytes have to go through, on a machine as busy as may be.
const ENOUGH: usize = 100_000;

/// Writes numbered lines until told to stop, and enough of them; gives what was written.
fn author(mut write: impl Write, name: &str, stop: &AtomicBool) -> Vec<u8> {
    let mut dice = Dice(7);
    let mut written = Vec::new();
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) && written.len() > ENOUGH {
            break;
        }
        let length = usize::try_from(dice.roll(180)).unwrap();
        let line = format!("{name}{number:08} {:.>length$}\n", "");
        write.write_all(line.as_bytes()).unwrap();
        written.extend_from_slice(line.as_bytes());
        if dice.roll(60_000) == 0 {
            std::thread::park_timeout(Duration::from_millis(60));
        }
    }
    written
}

/// Kills a log writer again and again while numbered lines are written; gives what was written.
fn torment(folder: &Path, shape: &str) -> Vec<u8> {
    let (read, write) = std::io::pipe().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let writer = std::thread::spawn(move || author(write, "", &stopped));
    kill_and_end((folder, shape), (read, None), &stop, || writer.join().unwrap())
}

/// Kills log writers, lets the authors end, and waits for the last log writer.
fn kill_and_end<T>(
    (folder, shape): (&Path, &str),
    (read, second): (PipeReader, Option<PipeReader>),
    stop: &AtomicBool,
    join: impl FnOnce() -> T,
) -> T {
    let mut dice = Dice(0x5eed);
    let begin = || {
        let second = second.as_ref().map_or_else(Stdio::null, |it| it.try_clone().unwrap().into());
        spawn_with(folder, shape, (read.try_clone().unwrap().into(), second))
    };
    let named = std::env::var(MANY).ok().and_then(|text| text.parse().ok());
    let usual = if second.is_some() { FEWER } else { KILLS };
    for _ in 0..named.unwrap_or(usual) {
        let mut child = begin();
        std::thread::park_timeout(Duration::from_micros(1500 + dice.roll(12_000)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut last = begin();
    drop((read, second));
    stop.store(true, Ordering::Relaxed);
    let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(join));
    until("the end of the last log writer", || last.try_wait().unwrap().is_some());
    let said = std::fs::read_to_string(folder.join(SAID)).unwrap();
    assert!(last.wait().unwrap().success(), "the last log writer failed: {said}");
    written.unwrap()
}

fn unstamped(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| line.strip_prefix(b"S: ").expect("a stamp").to_vec()).collect()
}

fn check(found: &[u8], written: &[u8]) {
    let differ = found.iter().zip(written).position(|(one, other)| one != other);
    let near = |bytes: &[u8]| {
        let at = differ.unwrap_or(0);
        let text = &bytes[at.saturating_sub(100).min(bytes.len())..(at + 200).min(bytes.len())];
        String::from_utf8_lossy(text).into_owned()
    };
    assert!(
        found == written,
        "{} bytes found, {} written, differ at {differ:?}: {} instead of {}",
        found.len(),
        written.len(),
        near(found),
        near(written)
    );
    assert!(written.len() > ENOUGH, "only {} bytes were written", written.len());
}

#[test]
fn two_hundred_kills_lose_and_double_no_raw_byte() {
    let folder = tempfile::tempdir().unwrap();
    let written = torment(folder.path(), "raw");
    check(&whole(&folder.path().join("a.log")), &written);
}

#[test]
fn nor_while_a_raw_log_rotates() {
    let folder = tempfile::tempdir().unwrap();
    let written = torment(folder.path(), "raw rotated");
    check(&whole(&folder.path().join("a.log")), &written);
}

#[test]
fn nor_a_stamped_line() {
    let folder = tempfile::tempdir().unwrap();
    let written = torment(folder.path(), "stamped");
    check(&unstamped(&whole(&folder.path().join("a.log"))), &written);
}

#[test]
fn nor_while_a_stamped_log_rotates() {
    let folder = tempfile::tempdir().unwrap();
    let written = torment(folder.path(), "stamped rotated");
    check(&unstamped(&whole(&folder.path().join("a.log"))), &written);
}

#[test]
fn nor_in_a_combined_log() {
    let folder = tempfile::tempdir().unwrap();
    let written = torment(folder.path(), "stamped combined");
    check(&unstamped(&whole(&folder.path().join("a.log"))), &written);
    check(&unstamped(&whole(&folder.path().join("both.log"))), &written);
}

/// What a stream wrote, out of the lines of a log it shares: those with its name, in whatever shape.
fn lines_of(name: u8, log: &[u8]) -> Vec<u8> {
    let lines = log.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_prefix(b"S: ").unwrap_or(line);
        match line.strip_prefix(b"{\"message\":\"") {
            Some(rest) => {
                let end = rest.iter().position(|byte| matches!(byte, b'\\' | b'"')).unwrap_or(0);
                [&rest[..end], b"\n"].concat()
            }
            None => line.to_vec(),
        }
    });
    lines.filter(|line| line[0] == name).flatten().collect()
}

/// Two streams of these shapes write one log under a storm of kills.
fn torment_two(shapes: &str) {
    let folder = tempfile::tempdir().unwrap();
    symlink("a.log", folder.path().join("link.log")).unwrap();
    let (read, write) = std::io::pipe().unwrap();
    let (read_second, write_second) = std::io::pipe().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (one, other) = (Arc::clone(&stop), Arc::clone(&stop));
    let first = std::thread::spawn(move || author(write, "a", &one));
    let second = std::thread::spawn(move || author(write_second, "b", &other));
    let join = || [first.join().unwrap(), second.join().unwrap()];
    let reads = (read, Some(read_second));
    let written = kill_and_end((folder.path(), shapes), reads, &stop, join);
    let found = whole(&folder.path().join("a.log"));
    for (name, written) in [b'a', b'b'].into_iter().zip(written) {
        check(&lines_of(name, &found), &written);
    }
}

#[test]
fn nor_where_two_raw_streams_share_a_log() {
    torment_two("raw+raw");
}

#[test]
fn nor_where_a_stamped_stream_joins_a_raw_one() {
    torment_two("raw+stamped");
}

#[test]
fn nor_where_a_raw_stream_joins_a_stamped_one() {
    torment_two("stamped+raw");
}

#[test]
fn nor_where_two_stamped_streams_share_a_log() {
    torment_two("stamped+stamped");
}

#[test]
fn nor_where_a_raw_stream_joins_one_of_objects() {
    torment_two("json+raw");
}

#[test]
fn nor_where_what_two_streams_share_rotates() {
    torment_two("raw rotated+stamped rotated");
}
