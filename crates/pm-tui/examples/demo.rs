//! The monitor with invented apps: `cargo run -p pm-tui --example demo [apps] [theme]`. Nothing is started.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pm_protocol::{Change, Description, EndView, Host, Outcome, Row, Status, What};
use pm_spec::{AppSpec, ByteString, Bytes, Environment, Limits, LogFormat, LogSpec};
use pm_testkit::samples;
use pm_tui::{
    Action, Command, End, Lines, Link, LogLine, Model, Msg, Performer, Source, ThemeChoice,
    TuiError, Verb, show,
};

const NAMES: [&str; 12] = [
    "web-app-1",
    "web-app-2",
    "api-gateway",
    "worker-mail",
    "worker-images",
    "scheduler",
    "metrics",
    "redis-proxy",
    "billing",
    "search-indexer",
    "legacy-cron",
    "frontend-ssr",
];

fn main() -> Result<(), TuiError> {
    let mut arguments = std::env::args().skip(1);
    let apps = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(12);
    let theme = arguments.next().and_then(|text| ThemeChoice::parse(&text));
    let model = Model::new(theme.unwrap_or_default(), "/root/.pm".into(), 0);
    show(model, |inlet| {
        let (sender, receiver) = channel();
        let mut world = World::new(inlet, apps);
        std::thread::Builder::new()
            .name("world".into())
            .spawn(move || world.live(&receiver))
            .map_err(|error| TuiError::Thread("the world", error))?;
        let performer: Performer = Box::new(move |action| drop(sender.send(action)));
        Ok(performer)
    })
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

struct World {
    inlet: SyncSender<Msg>,
    rows: BTreeMap<u32, Row>,
    group: Vec<u32>,
    tick: u32,
    dice: u64,
}

impl World {
    fn new(inlet: SyncSender<Msg>, apps: u32) -> Self {
        let rows = (0..apps).map(|id| (id, row(id))).collect();
        Self { inlet, rows, group: Vec::new(), tick: 0, dice: 88_172_645_463_325_252 }
    }

    fn roll(&mut self, below: u32) -> u32 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        u32::try_from(self.dice % u64::from(below.max(1))).unwrap_or(0)
    }

    fn tell(&self, msg: Msg) {
        drop(self.inlet.send(msg));
    }

    fn live(&mut self, actions: &Receiver<Action>) {
        self.tell(Msg::Link(Link::Live));
        self.tell(Msg::News(Change::Snapshot(self.rows.values().cloned().collect())));
        for _ in 0..90 {
            self.figures();
        }
        loop {
            match actions.recv_timeout(Duration::from_millis(250)) {
                Ok(action) => self.act(action),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    self.tick += 1;
                    if self.tick.is_multiple_of(4) {
                        self.figures();
                    }
                    let group = self.group.clone();
                    let count = self.roll(4);
                    self.print(&group, count);
                }
            }
        }
    }

    fn figures(&mut self) {
        let ids: Vec<u32> = self.rows.keys().copied().collect();
        let mut usages = Vec::new();
        for id in ids {
            let (roll, burst) = (self.roll(80), self.roll(12));
            let Some(row) = self.rows.get_mut(&id).filter(|row| row.pid != 0) else { continue };
            let base = f32::from(u16::try_from((id * 37) % 60).unwrap_or(0));
            row.usage.cpu = row.usage.cpu * 0.6
                + 0.4 * (base * 0.5 + f32::from(u16::try_from(roll).unwrap_or(0)) * 0.2)
                + if burst == 0 { 25.0 } else { 0.0 };
            row.usage.memory =
                20_000_000 + u64::from(id) * 3_700_000 % 90_000_000 + u64::from(roll) * 150_000;
            row.usage.processes = 1 + id % 4;
            usages.push((id, row.usage));
        }
        self.tell(Msg::News(Change::Usage(usages)));
        let cpu = 20 + self.roll(40);
        let (received, sent) = (u64::from(self.roll(900_000)), u64::from(self.roll(300_000)));
        self.tell(Msg::News(Change::Host(Host {
            cpu: f32::from(u16::try_from(cpu).unwrap_or(0)),
            cores: 2,
            load: [0.84, 0.61, 0.4],
            memory_used: 9 << 30,
            memory_total: 24 << 30,
            swap_used: 0,
            swap_total: 0,
            disk_used: 61 << 30,
            disk_free: None,
            disk_total: 80 << 30,
            received,
            sent,
        })));
    }

    fn print(&mut self, group: &[u32], count: u32) {
        let mut lines = Vec::new();
        for _ in 0..count {
            let pick = usize::try_from(self.roll(u32::try_from(group.len()).unwrap_or(1)));
            let Some(id) = group.get(pick.unwrap_or(0)).copied() else { continue };
            let number = self.roll(10_000);
            let (source, text) = match self.roll(9) {
                0 => (
                    Source::Error,
                    format!(
                        "Traceback (most recent call last): worker {number} \x1b[31mKeyError\x1b[0m: 'session'"
                    ),
                ),
                1 => (
                    Source::Out,
                    format!(
                        "\x1b[33mWARN\x1b[0m  slow query took \x1b[1m{number} ms\x1b[0m: SELECT * FROM orders JOIN customers ON customers.id = orders.customer_id WHERE orders.placed_at > now() - interval '1 day' ORDER BY total DESC"
                    ),
                ),
                2 => (
                    Source::Out,
                    format!("\x1b[2J\x1b]0;hostile\x07cleared nothing {number}\x1b[H"),
                ),
                _ => (
                    Source::Out,
                    format!("\x1b[32mINFO\x1b[0m  GET /orders/{number} 200 in {} ms", number % 90),
                ),
            };
            lines.push(LogLine {
                id,
                source,
                at: i64::try_from(now()).ok(),
                bytes: text.into_bytes(),
            });
        }
        self.tell(Msg::Lines(Lines { group: group.to_vec(), lines, skipped: 0, fresh: false }));
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Follow(group) => {
                let fresh = self.group != group;
                self.group.clone_from(&group);
                self.print(&group, if fresh { 60 } else { 0 });
            }
            Action::Describe(id) => {
                let described = self.rows.get(&id).map(|row| Box::new(description(row)));
                self.tell(Msg::Described(id, described));
            }
            Action::Perform(command) => self.perform(command),
            Action::Forget(_) | Action::Redraw | Action::Suspend | Action::Quit => {}
        }
    }

    fn perform(&mut self, command: Command) {
        let mut outcomes = Vec::new();
        for id in &command.ids {
            let Some(row) = self.rows.get_mut(id) else { continue };
            let what = match command.verb {
                Verb::Stop => What::Stopped,
                Verb::Delete => What::Deleted,
                Verb::Start => What::Started,
                Verb::Restart | Verb::Reload => What::Restarted,
                Verb::Scale(_) => What::Failed("the demo has no more apps".into()),
                Verb::Flush => What::Unchanged,
            };
            let up = matches!(what, What::Started | What::Restarted);
            if up || what == What::Stopped {
                row.status = if up { Status::Online } else { Status::Stopped };
                row.pid = if up { 30_000 + id } else { 0 };
                row.started_at = if up { now() } else { 0 };
                row.restarts += u32::from(what == What::Restarted);
                row.note = None;
            }
            let (row, gone) = (row.clone(), what == What::Deleted);
            outcomes.push(Outcome {
                id: *id,
                name: row.name.clone(),
                what,
                pid: row.pid,
                error_log: None,
                note: None,
            });
            if gone {
                self.rows.remove(id);
            }
            self.tell(Msg::News(if gone { Change::Removed(*id) } else { Change::Changed(row) }));
        }
        let end = match command.verb {
            Verb::Flush => End::Flushed(command.ids.len() * 2),
            Verb::Start
            | Verb::Stop
            | Verb::Restart
            | Verb::Reload
            | Verb::Delete
            | Verb::Scale(_) => End::Outcomes(outcomes),
        };
        self.tell(Msg::Done(command, end));
    }
}

fn row(id: u32) -> Row {
    let status = match id % 12 {
        8 => Status::Errored,
        9 => Status::WaitingRestart,
        10 => Status::Stopped,
        _ => Status::Online,
    };
    let up = status == Status::Online;
    let index = usize::try_from(id).unwrap_or(0);
    let name = NAMES.get(index % NAMES.len()).copied().unwrap_or("app");
    let ages = [7, 95, 1_260, 30_000, 400_000];
    let name =
        if index < NAMES.len() { name.into() } else { format!("{name}-{}", index / NAMES.len()) };
    Row {
        namespace: if id.is_multiple_of(3) { "shop".into() } else { "default".into() },
        pid: if up { 20_000 + id * 17 } else { 0 },
        restarts: id % 5,
        unstable: if status == Status::Errored { 16 } else { 0 },
        started_at: if up { now() - ages.get(index % 5).copied().unwrap_or(0) * 1000 } else { 0 },
        created_at: now(),
        note: match status {
            Status::Errored => Some("16 short runs in a row: exit 1".into()),
            Status::WaitingRestart => Some("starts again in 3.4s".into()),
            Status::Online | Status::Launching | Status::Stopping | Status::Stopped => None,
        },
        ..samples::row(id, &name, status)
    }
}

fn description(row: &Row) -> Description {
    let mut env = Environment::new();
    for name in ["PATH", "HOME", "LANG", "SHELL", "USER", "PORT", "DATABASE_URL", "SECRET_KEY"] {
        env.set(name, "x");
    }
    let log = |end: &str| ByteString::from(format!("/root/.pm/logs/{}-{end}.log", row.name));
    let plain = samples::spec("demo");
    let spec = AppSpec {
        script: "/srv/shop/venv/bin/gunicorn".into(),
        interpreter: Some("/srv/shop/venv/bin/python".into()),
        args: ["--workers", "3", "--bind", "0.0.0.0:5000", "app:app"].map(ByteString::from).into(),
        cwd: "/srv/shop/app one".into(),
        env,
        declared_env: ["PORT", "DATABASE_URL"].map(ByteString::from).into(),
        limits: Limits { memory: Some(Bytes::new(300 << 20)) },
        logs: LogSpec {
            format: LogFormat::Stamped("YYYY-MM-DD HH:mm:ss".into()),
            ..plain.logs.clone()
        },
        source: Some("/srv/shop/ecosystem.config.json5".into()),
        ..plain
    };
    let end = |ago: u64, code: Option<u8>, why: &str| EndView {
        at: now() - ago * 1000,
        lived: 12_400 + ago,
        pid: 4242,
        code,
        signal: code.is_none().then(|| "SIGKILL".into()),
        why: why.into(),
    };
    Description {
        row: row.clone(),
        spec,
        out: Some(log("out")),
        error: Some(log("error")),
        combined: None,
        pid_file: None,
        pids: (0..row.usage.processes).map(|child| row.pid + child).collect(),
        ends: vec![end(9000, Some(1), "exited by itself"), end(300, None, "killed: over 300.0mb")],
        last_delay: 0,
        next_start: (row.status == Status::WaitingRestart).then(|| now() + 3400),
        next_cron: None,
        pulse: pm_protocol::Pulse::default(),
    }
}
