//! Disks that are full, and output that never ends a line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use pm_logs::{Notice, Sink, WhenFull};

use crate::fixture::{Fixture, key, raw, read, until};
use crate::kill::spawn;

/// A file system of 256 KiB. Needs the right to mount; whoever lacks it makes one of a user
/// namespace around the tests (`unshare -Urm`).
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf) -> Self {
        std::fs::create_dir(&path).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=256k", "small"];
        let done = Command::new("mount").args(mount).arg(&path).status().unwrap();
        assert!(done.success(), "these tests mount a tmpfs: run them as root or in unshare -Urm");
        SmallDisk(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}

fn numbers() -> Vec<u8> {
    (0..200_000).flat_map(|number| format!("{number:09}\n").into_bytes()).collect()
}

/// The log is a beginning of what was written, a marker, and an end of it.
fn check_gap(log: &[u8], written: &[u8]) -> u64 {
    let text = String::from_utf8(log.to_vec()).unwrap();
    let at = text.find("[pm] ").expect("a marker");
    let (line, after) = text[at..].split_once('\n').unwrap();
    let dropped: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(line.ends_with(" bytes dropped: disk full"), "{line}");
    let mut before = text[..at].to_owned();
    if !written.starts_with(before.as_bytes()) {
        assert_eq!(before.pop(), Some('\n'), "a newline before the marker");
    }
    assert!(written.starts_with(before.as_bytes()));
    assert!(written.ends_with(after.as_bytes()), "{after}");
    assert_eq!(before.len() + after.len() + usize::try_from(dropped).unwrap(), written.len());
    dropped
}

#[test]
fn a_full_disk_costs_counted_bytes_and_never_the_app() {
    let fixture = Fixture::new();
    let disk = SmallDisk::mount(fixture.path("small"));
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![0; 128 << 10]).unwrap();
    let log = disk.0.join("a.log");
    let mut pipe = fixture.open(key(1), raw(&log));
    let mut written = numbers();
    pipe.write_all(&written).unwrap();
    let mut told = fixture.notice(|notice| match notice {
        Notice::Dropped { bytes, cause, .. } => {
            assert_eq!(cause, "disk full");
            Some(bytes)
        }
        _ => None,
    });
    until("an empty pipe", || rustix::io::ioctl_fionread(&pipe) == Ok(0));
    std::fs::remove_file(filler).unwrap();
    until("the marker, though nothing is written", || read(&log).ends_with(b"full\n"));
    pipe.write_all(b"after\n").unwrap();
    written.extend_from_slice(b"after\n");
    until("what follows", || read(&log).ends_with(b"after\n"));
    drop(pipe);
    fixture.notice(|notice| match notice {
        Notice::Dropped { bytes, .. } => {
            told += bytes;
            None
        }
        Notice::Ended { .. } => Some(()),
        _ => None,
    });
    assert_eq!(check_gap(&read(&log), &written), told);
}

#[test]
fn with_block_the_app_waits_and_nothing_is_lost() {
    let fixture = Fixture::new();
    let disk = SmallDisk::mount(fixture.path("small"));
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![0; 128 << 10]).unwrap();
    let log = disk.0.join("a.log");
    let mut pipe = fixture.open(key(1), Sink { full: WhenFull::Block, ..raw(&log) });
    let written = numbers()[..200_000].to_vec();
    let bytes = written.clone();
    let writer = std::thread::spawn(move || pipe.write_all(&bytes).unwrap());
    fixture.notice(|notice| matches!(notice, Notice::Warned { .. }).then_some(()));
    std::fs::remove_file(filler).unwrap();
    writer.join().unwrap();
    fixture.ended(key(1));
    assert!(read(&log) == written);
}

#[test]
fn a_stamped_log_on_a_full_disk_waits_in_its_spool() {
    use pm_logs::{LineFormat, stamp::StampFormat};
    let fixture = Fixture::new();
    let disk = SmallDisk::mount(fixture.path("small"));
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![0; 192 << 10]).unwrap();
    let log = disk.0.join("a.log");
    let sink = Sink { format: LineFormat::Stamped(StampFormat::new("[S]")), ..raw(&log) };
    let mut pipe = fixture.open(key(1), sink);
    let written = numbers()[..150_000].to_vec();
    pipe.write_all(&written).unwrap();
    fixture.notice(|notice| matches!(notice, Notice::Warned { .. }).then_some(()));
    std::fs::remove_file(filler).unwrap();
    drop(pipe);
    fixture.ended(key(1));
    assert_eq!(read(&log).len(), 150_000 + 15_000 * 3);
}

fn peak(folder: &Path) -> u64 {
    let status = std::fs::read_to_string(folder.join("status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn count(file: &Path, byte: u8) -> usize {
    let mut bytes = BufReader::with_capacity(1 << 20, std::fs::File::open(file).unwrap());
    let mut found = 0;
    loop {
        let chunk = bytes.fill_buf().unwrap();
        if chunk.is_empty() {
            return found;
        }
        found += memchr::memchr_iter(byte, chunk).count();
        let length = chunk.len();
        bytes.consume(length);
    }
}

#[test]
fn three_hundred_megabytes_without_a_newline_need_little_memory() {
    for shape in ["raw", "stamped"] {
        let folder = tempfile::tempdir().unwrap();
        let (read, mut write) = std::io::pipe().unwrap();
        let mut child = spawn(folder.path(), shape, read);
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..300 {
            write.write_all(&chunk).unwrap();
        }
        drop(write);
        until("the end of it", || child.try_wait().unwrap().is_some());
        // A writer that is kept waiting gets what it has so far written out, so that the number of stamps is its own affair.
        assert_eq!(count(&folder.path().join("a.log"), b'x'), 300 << 20, "{shape}");
        let peak = peak(folder.path());
        assert!(peak < 32 << 10, "{shape}: {peak} KiB");
    }
}
