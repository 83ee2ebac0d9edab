//! Lists as they look, at every width somebody may have.

use pm_protocol::{Listing, Row, Status, Usage};
use pm_spec::Mode;
use pm_testkit::samples;

use super::*;
use crate::golden;
use crate::render::text::width;

const NOW: u64 = 1_800_000_000_000;

fn row(id: u32, name: &str, status: Status) -> Row {
    let lives = status == Status::Online || status == Status::Stopping;
    Row {
        namespace: if id == 2 { "backend".into() } else { "default".into() },
        version: (id == 0).then(|| "2.3.1".into()),
        pid: if lives { 4_000 + id } else { 0 },
        restarts: id * 7,
        started_at: if lives { NOW - 1_000 * 3_u64.pow(id + 3) } else { 0 },
        created_at: NOW - 90_000_000,
        usage: Usage {
            cpu: 1.25 * lives_f(lives),
            memory: 50_855_936 * u64::from(lives),
            processes: 2,
            listens: match id {
                0 => vec!["127.0.0.1:8000".parse().unwrap(), "[::1]:8000".parse().unwrap()],
                _ => Vec::new(),
            },
        },
        user: (id == 1).then(|| "www-data".into()),
        mode: if id == 1 { Mode::Cluster } else { Mode::Fork },
        watching: id == 1,
        note: (status == Status::Errored)
            .then(|| "16 runs shorter than 1s; the last exited with code 3".into()),
        ..samples::row(id, name, status)
    }
}

fn lives_f(lives: bool) -> f32 {
    if lives { 1.0 } else { 0.0 }
}

fn listing() -> Listing {
    let mut rows = vec![
        row(0, "web", Status::Online),
        row(1, "a-name-that-is-much-longer-than-most-names-are-1", Status::Online),
        row(2, "日本語の名前", Status::Stopping),
        row(3, "crashes", Status::Errored),
        row(4, "naps", Status::WaitingRestart),
        row(5, "web", Status::Stopped),
        row(6, "new", Status::Launching),
    ];
    SortOrder::NAME.arrange(&mut rows, |row| row);
    Listing { rows, now: NOW, host: None, warning: None }
}

fn look(width: usize, colour: bool) -> Look {
    Look { width: Some(width), boxes: true, colour }
}

const PIPED: Look = Look { width: None, boxes: false, colour: false };

#[test]
fn lists_look_as_they_should() {
    for columns in [20, 40, 80, 120, 200] {
        for (colour, kind) in [(false, "plain"), (true, "colour")] {
            let shown = list(&listing(), look(columns, colour));
            golden::check(&format!("list-{columns}-{kind}.txt"), &shown);
        }
    }
    golden::check("list-piped.txt", &list(&listing(), PIPED));
    golden::check("list-mini.txt", &crate::render::mini::rows(&listing(), PIPED));
}

#[test]
fn no_line_is_ever_wrapped() {
    for columns in 1..=220 {
        for line in list(&listing(), look(columns, false)).lines() {
            assert!(width(line) <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn piped_columns_can_be_cut_by_blanks() {
    let shown = list(&listing(), PIPED);
    let line = shown.lines().find(|line| line.contains("crashes")).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words[..6], ["3", "crashes", "default", "-", "fork", "-"]);
}

#[test]
fn an_empty_list_says_what_to_do_only_to_people() {
    let empty = Listing { rows: Vec::new(), now: NOW, host: None, warning: None };
    assert!(list(&empty, look(80, false)).contains("pm start"));
    assert_eq!(list(&empty, PIPED).lines().count(), 1);
}

#[test]
fn orders_are_read_and_kept() {
    let ids = |order: &str| {
        let mut rows = listing().rows;
        SortOrder::parse(order).unwrap().arrange(&mut rows, |row| row);
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids("name"), [1, 3, 4, 6, 0, 5, 2]);
    assert_eq!(ids("id:desc"), [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(ids("status")[..2], [3, 6]);
    assert_eq!(ids("uptime:desc")[..3], [2, 1, 0], "longest first");
    assert!(SortOrder::parse("size").is_none() && SortOrder::parse("name:up").is_none());
}

#[test]
fn hostile_names_are_harmless() {
    let mut listing = listing();
    listing.rows[0].name = "a\u{202e}b\u{9b}c".into();
    listing.rows[0].user = Some("\u{1b}[31m".into());
    let shown = list(&listing, look(200, false));
    assert!(!shown.contains(['\u{202e}', '\u{9b}', '\u{1b}']), "{shown}");
}
