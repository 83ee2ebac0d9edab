//! Schedules, patterns and globs under hostile input.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use pm_fuzz::FuzzTarget;
use pm_spec::{ByteString, Ignore, LinePattern, Schedule, Span, Watch};

use crate::{EntryKind, LineMatch, Timetable, WatchFilter, check_ignore};

fn divided(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

#[test]
fn fuzz_schedules() {
    let target = FuzzTarget::new("schedules")
        .sample("*/5 0-3,7 * JAN-MAR MON#2\nUTC")
        .sample("0 0 0 L 2 *\nEurope/Vienna")
        .sample("@daily")
        .sample("5/10 3 15W * FRI#L")
        .words(
            "@hourly @reboot * */5 L W # ? MON JAN 1-5 29 31 UTC ../../etc/passwd /etc/localtime",
        );
    target.longest(200).runs(300).memory(4096, 4 << 20).run(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (pattern, zone) = divided(&text);
        let zone = Some(zone).filter(|zone| !zone.is_empty()).map(Into::into);
        let schedule = Schedule { pattern: pattern.into(), zone, ..Schedule::default() };
        let Ok(table) = Timetable::parse(&schedule) else { return };
        let mut at = 1_700_000_000_000;
        for _ in 0..3 {
            let Some(next) = table.next(at) else { break };
            assert!(next > at, "{pattern:?} stands still");
            at = next;
        }
        for far in [0, u64::MAX, 253_402_300_799_999] {
            black_box(table.next(far));
        }
    });
}

#[test]
fn fuzz_line_patterns() {
    let target = FuzzTarget::new("line_patterns").sample("listening on \\d+\nlistening on 80");
    target
        .sample("(?i)ready|up{2,9}$\n\u{1b}[32mREADY")
        .words("(?: ) * + ? {2,} [^ \\d \\b | ^ $ (?i)")
        .longest(300)
        .memory(4096, 16 << 20)
        .run(|bytes| {
            let text = String::from_utf8_lossy(bytes);
            let (pattern, line) = divided(&text);
            let Ok(found) = LineMatch::new(&LinePattern::Regex(pattern.into())) else {
                return false;
            };
            found.takes(line.as_bytes())
        });
}

#[test]
fn fuzz_watch_globs() {
    let target = FuzzTarget::new("watch_globs").sample("**/*.{js,ts}\nsrc/a/b.ts");
    target.sample("[a-c]?/*\na/b").words("** * ? [! ] { , } \\ ../ ./ !").longest(200).run(
        |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let (glob, path) = divided(&text);
            let rule = Ignore::Glob(ByteString::from(glob));
            if check_ignore(&rule).is_err() {
                return false;
            }
            let watch = Watch {
                on: true,
                paths: vec![ByteString::from("/srv"), ByteString::from(format!("/srv/{glob}"))],
                ignore: vec![rule],
                extensions: Vec::new(),
                delay: Span::ZERO,
                poll: None,
                follow_links: false,
            };
            let filter = WatchFilter::new(&watch, PathBuf::from("/srv"), Vec::new());
            drop(filter.roots());
            filter.counts(&Path::new("/srv").join(path), EntryKind::File)
        },
    );
}
