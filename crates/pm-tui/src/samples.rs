//! A small invented world for tests.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use pm_logs::Stream;
use pm_protocol::{Change, Description, EndView, Host, Row, Status, Usage};
use pm_spec::{AppSpec, ByteString, Bytes, Environment, Limits};
use pm_testkit::samples;

use crate::message::LogLine;
use crate::message::{Effect, LogBatch, Msg};
use crate::model::Model;
use crate::theme::ThemeChoice;
use crate::update::update;

/// A fixed time: 2026-11-22 12:00:00 UTC.
pub(crate) const NOW: u64 = 1_795_348_800_000;

pub(crate) fn row(id: u32, name: &str, status: Status) -> Row {
    let up = status == Status::Online;
    Row {
        pid: if up { 1000 + id } else { 0 },
        restarts: id,
        started_at: if up { NOW - 3_600_000 * u64::from(id) - 30_000 } else { 0 },
        created_at: NOW,
        note: (status == Status::Errored).then(|| "16 short runs in a row: exit 1".into()),
        ..samples::row(id, name, status)
    }
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row(0, "web-app-1", Status::Online),
        row(1, "web-app-2", Status::Online),
        row(2, "worker", Status::WaitingRestart),
        row(3, "cron", Status::Stopped),
        row(4, "billing", Status::Errored),
    ]
}

pub(crate) fn line(id: u32, stream: Stream, text: &str) -> LogLine {
    LogLine { id, stream, at: Some(i64::try_from(NOW).unwrap()), bytes: text.into(), left_out: 0 }
}

/// A model of this size, with apps, figures and logs.
pub(crate) fn model(width: u16, height: u16) -> Model {
    let mut model = Model::new(ThemeChoice::Dark, "/home/u/.pm".into(), 0);
    for msg in [
        Msg::Clock(NOW),
        Msg::Resize(width, height),
        Msg::News(Change::Snapshot(rows())),
        Msg::News(Change::Host(host())),
    ] {
        update(&mut model, msg);
    }
    for step in 0..30_u16 {
        let usage = |id: u16| Usage {
            cpu: f32::from((step * 7 + id * 13) % 50),
            memory: 40_000_000 + u64::from(step * id) * 300_000,
            processes: 3,
            listens: (id == 0).then(|| "0.0.0.0:8000".parse().unwrap()).into_iter().collect(),
        };
        update(&mut model, Msg::News(Change::Usage(vec![(0, usage(0)), (1, usage(1))])));
    }
    // Sorted by name, the cursor starts on `billing`; `web-app-1` is more interesting.
    press(&mut model, "gjj");
    let group = model.log.group.clone();
    update(&mut model, Msg::Lines(LogBatch { group, lines: lines(), skipped: 0, fresh: false }));
    update(&mut model, Msg::Described(0, Some(Box::new(description()))));
    model
}

pub(crate) fn lines() -> Vec<LogLine> {
    vec![
        line(0, Stream::Out, "\x1b[32mINFO\x1b[0m listening on 0.0.0.0:5000"),
        line(0, Stream::Err, "Traceback (most recent call last):"),
        line(0, Stream::Err, "  \x1b[1;31mKeyError\x1b[0m: 'session'"),
        line(0, Stream::Out, "\x1b[2J\x1b]0;owned\x07not cleared\tat all"),
        line(
            0,
            Stream::Out,
            "GET /orders/1 200 in 3 ms, which is a line that is a little longer than narrow screens are",
        ),
    ]
}

pub(crate) fn host() -> Host {
    Host {
        cpu: 42.0,
        cores: 2,
        load: [0.84, 0.61, 0.4],
        memory_used: 9 << 30,
        memory_total: 24 << 30,
        swap_used: 0,
        swap_total: 0,
        disk_used: 75 << 30,
        disk_free: None,
        disk_total: 80 << 30,
        received: 123_456,
        sent: 7_890,
    }
}

pub(crate) fn description() -> Description {
    let mut env = Environment::new();
    for name in ["PATH", "HOME", "PORT", "SECRET_KEY"] {
        env.set(name, "hidden-value");
    }
    let spec = AppSpec {
        script: "/srv/app one/venv/bin/gunicorn".into(),
        interpreter: Some("/srv/app one/venv/bin/python".into()),
        args: ["--bind", "0.0.0.0:5000", "app:app"].map(ByteString::from).into(),
        cwd: "/srv/app one".into(),
        env,
        declared_env: vec!["PORT".into()],
        limits: Limits { memory: Some(Bytes::new(300 << 20)) },
        ..samples::spec("web-app-1")
    };
    let end = EndView {
        at: NOW - 300_000,
        lived: 12_400,
        pid: 77,
        code: None,
        signal: Some("SIGKILL".into()),
        why: "memory 301.5mb > limit 300.0mb (killed by SIGKILL)".into(),
    };
    Description {
        rests: false,
        row: row(0, "web-app-1", Status::Online),
        spec,
        out: Some("/home/u/.pm/logs/web-app-1-out-0.log".into()),
        error: Some("/home/u/.pm/logs/web-app-1-error-0.log".into()),
        combined: None,
        pid_file: None,
        pids: vec![1000, 1010, 1011],
        ends: vec![end],
        last_delay: 0,
        next_start: None,
        next_cron: None,
        stopped_by: None,
        status: None,
        pulse: pm_protocol::Pulse {
            actions: vec![serde_json::json!({ "action_name": "db:clean" })],
            monitor: std::iter::once(("Queue".to_owned(), serde_json::json!({ "value": 7 })))
                .collect(),
            options: serde_json::Map::new(),
        },
    }
}

pub(crate) fn key(code: KeyCode) -> Msg {
    Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

/// Presses the keys of these characters; `\n`, `\x1b` and `\t` are enter, escape and tab.
pub(crate) fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let code = |c| match c {
        '\n' => KeyCode::Enter,
        '\x1b' => KeyCode::Esc,
        '\t' => KeyCode::Tab,
        c => KeyCode::Char(c),
    };
    keys.chars().flat_map(|c| update(model, key(code(c)))).collect()
}
