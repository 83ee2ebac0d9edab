//! What is read back of logs, and of what is kept beside them, under hostile input.

use std::ffi::OsStr;
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;

use chrono::{Local, TimeZone};
use pm_fuzz::FuzzTarget;

use crate::cut::PartialLine;
use crate::index;
use crate::ledger;
use crate::line::{Cursor, LineClock};
use crate::rotate::{log_of, part_of};
use crate::shape::Shaper;
use crate::sink::{LineFormat, Stream};
use crate::stamp::StampFormat;

/// The first line and the rest.
fn divided(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    (&bytes[..at], bytes.get(at + 1..).unwrap_or_default())
}

#[test]
fn fuzz_date_formats() {
    let words = "YYYY YY MMMM MMM MM M DD D dddd ddd dd d HH H hh h mm m ss s SSS ZZ Z A a [ ] +05:30 -0130 February 2026";
    let target = FuzzTarget::new("date_formats")
        .sample("YYYY-MM-DD HH:mm:ss.SSS Z\n2026-02-03 04:05:06.007 +00:00: words")
        .sample("[on] dddd MMMM DD YY hh:mm:ss.SSS a ZZ\non Tuesday February 03 26 04:05:06.007 am +0000");
    target.words(words).runs(4000).run(|bytes| {
        let (format, line) = divided(bytes);
        let format = StampFormat::new(&String::from_utf8_lossy(format));
        let mut rendered = Vec::new();
        format.render(Local.timestamp_millis_opt(1_700_000_000_000).unwrap(), &mut rendered);
        for line in [line, &rendered[..]] {
            let read = format.read(line);
            assert!(read.is_none_or(|(_, length)| length <= line.len()));
            black_box(LineClock::Json(format.clone()).at(0, line));
        }
        StampFormat::new(format.as_str())
    });
}

#[test]
fn fuzz_log_ledgers() {
    let [one, two] = ledger::samples();
    FuzzTarget::new("log_ledgers").sample(one).sample(two).run(ledger::reread);
}

#[test]
fn fuzz_log_indices() {
    let sample = [&[0][..], &7_u64.to_le_bytes(), &1_000_i64.to_le_bytes(), &[9, 5, 200, 1, 3]];
    FuzzTarget::new("log_indices").sample(sample.concat()).run(index::reread);
}

#[test]
fn fuzz_log_names() {
    let target = FuzzTarget::new("log_names").sample("web-out__2026-02-03_04-05-06.log.gz");
    target.sample("web.log\nweb__2026-02-03_04-05-06-2.log").words("__ .log .gz -2").run(|bytes| {
        let (log, name) = divided(bytes);
        black_box(part_of(OsStr::from_bytes(log), OsStr::from_bytes(name)));
        if let Some(log) = log_of(OsStr::from_bytes(bytes)) {
            assert!(part_of(&log, OsStr::from_bytes(bytes)).is_some());
        }
    });
}

#[test]
fn fuzz_log_cursors() {
    FuzzTarget::new("log_cursors").sample("1f-a3-ffffffffffffffff").run(|bytes| {
        let Ok(cursor) = String::from_utf8_lossy(bytes).parse::<Cursor>() else { return };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    });
}

#[test]
fn fuzz_log_shapes() {
    let format = LineFormat::Json { app: "web".into(), instance: 0, stamp: None };
    FuzzTarget::new("log_shapes")
        .sample("a \"b\" \\ \u{1}\n\u{e9}\nrest")
        .memory(400, 1 << 20)
        .run(|bytes| {
            let mut out = Vec::new();
            let mut shaper = Shaper::new(format.clone(), Stream::Out);
            let done =
                shaper.shape(bytes, PartialLine::Release, (false, 1_700_000_000_000), &mut out);
            assert_eq!(done.taken, bytes.len());
            for line in out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                serde_json::from_slice::<serde_json::Value>(line).unwrap();
            }
            out
        });
}
