//! Descriptions, outcomes and JSON as they look.

use pm_pm2::{Nodes, jlist};
use pm_protocol::{Description, Descriptions, EndView, Listing, Outcome, Row, Status, Usage, What};
use pm_testkit::samples;
use serde_json::Value;

use crate::cli::Global;
use crate::console::{Console, Look};
use crate::failure::Exit;
use crate::golden::{self, spec};
use crate::render::describe::describe;
use crate::render::json;
use crate::render::outcomes::{self, Completed, Explanation, LastLines};
use crate::report::ReportExit;

const NOW: u64 = 1_800_000_000_000;
const PIPED: Look = Look { width: None, boxes: false, colour: false };

fn described() -> Descriptions {
    let row = Row {
        version: Some("1.2.3".into()),
        pid: 4000,
        restarts: 2,
        started_at: NOW - 300_000,
        created_at: NOW - 900_000,
        usage: Usage {
            cpu: 1.1,
            memory: 50_855_936,
            processes: 3,
            listens: vec!["127.0.0.1:8000".parse().unwrap(), "[::]:8443".parse().unwrap()],
        },
        ..samples::row(0, "web", Status::Online)
    };
    let end = EndView {
        at: NOW - 300_100,
        lived: 1500,
        pid: 3999,
        code: Some(1),
        signal: None,
        why: "exited with code 1".into(),
    };
    let described = Description {
        rests: false,
        row,
        spec: spec("web"),
        out: Some("/srv/app/out.log".into()),
        error: None,
        combined: None,
        pid_file: Some("/h/pids/web-0.pid".into()),
        pids: vec![4000, 4001, 4002],
        ends: vec![end],
        last_delay: 3000,
        next_start: None,
        next_cron: None,
        stopped_by: None,
        status: None,
        pulse: pm_protocol::Pulse::default(),
    };
    Descriptions { descriptions: vec![described], now: NOW }
}

/// Local times depend on the machine; the goldens do not.
fn without_times(text: &str) -> String {
    let word = |word: &str| {
        let is_time = word.len() >= 10 && word.matches(['-', ':']).count() == 2;
        let digit = |c: char| if is_time && c.is_ascii_digit() { '0' } else { c };
        word.chars().map(digit).collect::<String>()
    };
    text.split_inclusive([' ', '\n']).map(word).collect()
}

#[test]
fn descriptions_look_as_they_should() {
    let shown = |look| without_times(&describe(&described(), &Nodes::new(), &[], look));
    for columns in [40, 80, 200] {
        let look = Look { width: Some(columns), boxes: true, colour: false };
        golden::check(&format!("describe-{columns}.txt"), &shown(look));
    }
    let look = Look { width: Some(80), boxes: true, colour: true };
    golden::check("describe-80-colour.txt", &shown(look));
}

#[test]
fn p38_secrets_are_masked_everywhere_but_in_env() {
    let look = Look { width: Some(300), boxes: true, colour: false };
    let described = described();
    for shown in [
        describe(&described, &Nodes::new(), &[], look),
        json::described(&described).to_string(),
        jlist::entries(&described, &Nodes::new()).to_string(),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("********"));
    }
}

#[test]
fn p42_jlist_has_pm2s_shape() {
    let list = jlist::entries(&described(), &Nodes::new());
    let entry = &list[0];
    assert_eq!(entry["pid"], 4000);
    assert_eq!(entry["pm_id"], 0);
    assert_eq!(entry["monit"]["cpu"], 1.1);
    let env = &entry["pm2_env"];
    for (key, value) in [
        ("status", "online".into()),
        ("name", "web".into()),
        ("pm_uptime", Value::from(NOW - 300_000)),
        ("restart_time", 2.into()),
        ("exec_mode", "fork_mode".into()),
        ("pm_exec_path", "/srv/app/venv/bin/gunicorn".into()),
        ("pm_out_log_path", "/srv/app/out.log".into()),
        ("pm_err_log_path", "/dev/null".into()),
        ("exit_code", 1.into()),
        ("restart_delay", 3000.into()),
        ("max_memory_restart", (200_u64 << 20).into()),
        ("NODE_APP_INSTANCE", 0.into()),
        ("PORT", "5000".into()),
    ] {
        assert_eq!(env[key], value, "{key}");
    }
    assert_eq!(env["env"]["PORT"], "5000");
    // A variable must not hide the state of the same name, as it does in PM2.
    assert_eq!(env["env"]["status"], "mine");
    golden::check("jlist.json", &(serde_json::to_string_pretty(&list).unwrap() + "\n"));
}

fn outcome(id: u32, what: What, pid: u32) -> Outcome {
    Outcome { id, name: "web".into(), what, pid, error_log: None, note: None, exit: None }
}

#[test]
fn outcomes_look_as_they_should() {
    let outcomes = vec![
        outcome(0, What::Started, 123),
        outcome(1, What::Failed("exited with code 3".into()), 0),
        outcome(2, What::Unchanged, 124),
        outcome(3, What::Finished, 0),
        outcome(4, What::Added, 0),
        outcome(5, What::Superseded, 0),
    ];
    let tail = LastLines {
        id: 1,
        name: "web".into(),
        file: "/h/logs/web-error-1.log".into(),
        lines: vec![b"Traceback\x1b[2J".to_vec(), b"\xff oops".to_vec()],
        note: Some(Explanation {
            class: "python module",
            text: "it was run by /usr/bin/python3".into(),
        }),
    };
    let done = Completed { outcomes, tails: vec![tail], ..Completed::default() };
    let plain = |look| outcomes::text(&done, look, false) + &outcomes::tails(&done, look);
    let colour = Look { width: Some(80), boxes: true, colour: true };
    golden::check("outcomes.txt", &plain(PIPED));
    golden::check("outcomes-colour.txt", &plain(colour));
    let flags = Global { silent: true, ..Global::default() };
    let console = Console { look: PIPED, ..Console::new(&flags, |_| None) };
    let report = done.report(console);
    assert_eq!((report.shown.as_str(), report.ending), ("", ReportExit::Not(Exit::Failed)));
    let silent = report.aside;
    assert!(
        silent.starts_with("error: web (1) failed: exited with code 3\nlast lines"),
        "{silent}"
    );
    let shown = done.report(Console { json: true, ..console });
    assert_eq!(shown.aside, "", "one document and nothing else");
    let shown: Value = serde_json::from_str(&shown.shown).unwrap();
    assert_eq!(shown[0]["what"], "started");
    assert_eq!(shown[1]["what"], "failed");
    assert_eq!(shown[1]["reason"], "exited with code 3");
    assert_eq!(shown[1]["last_lines"][1], "\u{fffd} oops");
}

#[test]
fn a_thousand_outcomes_are_summed_up_but_failures_are_told() {
    let mut outcomes: Vec<_> = (0..998).map(|id| outcome(id, What::Started, id + 1)).collect();
    outcomes.push(outcome(998, What::Unchanged, 5));
    outcomes.push(outcome(999, What::Failed("no such file".into()), 0));
    let shown = outcomes::text(&Completed { outcomes, ..Completed::default() }, PIPED, false);
    assert_eq!(shown, "✓ 998 started, 1 unchanged\n✗ web (999) failed: no such file\n");
}

#[test]
fn small_reports_read_well() {
    let nothing = Completed::nothing("nothing to stop");
    assert_eq!(outcomes::text(&nothing, PIPED, false), "nothing to stop\n");
    let empty = Listing { rows: vec![], now: NOW, host: None, warning: None };
    assert_eq!(json::listing(&empty).to_string(), "[]");
}
